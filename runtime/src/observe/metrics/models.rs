//! What models do: stand in for each other, begin, and write tokens.

use prometheus::{Histogram, IntCounter};

use crate::observe::metrics::Metrics;
use crate::topology::Model;

impl Metrics {
    /// Counts that `stand_in`, one of the fallbacks of `requested`, answered.
    pub(crate) fn fallback_used(&self, requested: &Model, stand_in: &Model) {
        if let Some(used) = self.fallbacks_used(requested, stand_in) {
            used.inc();
        }
    }

    pub(super) fn fallbacks_used(
        &self,
        requested: &Model,
        stand_in: &Model,
    ) -> Option<&IntCounter> {
        let fallbacks = requested.settings.fallback;
        let place = fallbacks
            .iter()
            .position(|model| std::ptr::eq(*model, stand_in))?;
        let offset = self.fallback_offsets.get(requested.slot.index())?;
        let labels = [requested.settings.name, stand_in.settings.name];
        Some(self.fallback_used.at(offset + place, &labels))
    }

    /// The time to the first token of responses of `model`.
    pub(crate) fn first_token(&self, model: &Model) -> &Histogram {
        self.first_token
            .at(model.slot.index(), &[model.settings.name])
    }

    /// The time between two tokens of responses of `model`.
    pub(crate) fn per_token(&self, model: &Model) -> &Histogram {
        self.per_token
            .at(model.slot.index(), &[model.settings.name])
    }

    /// The tokens that `model` has read.
    pub(crate) fn input_tokens(&self, model: &Model) -> &IntCounter {
        self.input_tokens
            .at(model.slot.index(), &[model.settings.name, "input"])
    }

    /// The tokens that `model` has written.
    pub(crate) fn output_tokens(&self, model: &Model) -> &IntCounter {
        self.output_tokens
            .at(model.slot.index(), &[model.settings.name, "output"])
    }
}
