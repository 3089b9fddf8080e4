//! The names that clients ask for.

use std::collections::BTreeSet;

use crate::ir::limit::Limit;
use crate::ir::percent::Percent;
use crate::ir::route::Route;
use crate::ir::table::{Id, Named};
use crate::ir::timeouts::Totals;
use crate::key_path::KeyPath;

/// A name that clients ask for.
#[derive(Debug)]
pub struct Model {
    /// Its name.
    pub name: String,
    /// `[models.NAME]`.
    pub path: KeyPath,
    /// Other names for it.
    pub aliases: Vec<String>,
    /// The first route that names it; `None` where no route does.
    pub route: Option<Id<Route>>,
    /// The models tried after it, in order.
    pub fallback: Vec<Id<Model>>,
    /// How long its requests may take.
    pub totals: Totals,
    /// Parameters added where the client left them out.
    pub defaults: Vec<Parameter>,
    /// How much may be asked of it.
    pub limit: Option<Id<Limit>>,
    /// The part of its successful requests that is logged.
    pub log_sample: Option<Percent>,
    /// What it can take, as far as that is stated.
    pub capabilities: Capabilities,
}

impl Model {
    /// The most tokens that a request writes which does not say, if the model has such a default.
    pub fn default_output(&self) -> Option<u64> {
        let mut defaults = self.defaults.iter();
        let most = defaults.find(|parameter| parameter.field == "max_tokens")?;
        most.json.parse().ok()
    }
}

impl Named for Model {
    fn name(&self) -> &str {
        &self.name
    }
}

/// What a model can take; what is not stated is not known.
#[derive(Debug)]
pub struct Capabilities {
    /// `models.NAME.capabilities`.
    pub path: KeyPath,
    /// The most tokens of a prompt and its answer together.
    pub context: Option<u64>,
    /// Whether it calls tools.
    pub tools: Option<bool>,
    /// What a prompt may hold.
    pub modalities: Option<BTreeSet<Modality>>,
}

/// What a prompt may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Modality {
    /// Words.
    Text,
    /// Pictures.
    Image,
    /// Sounds.
    Audio,
    /// Films.
    Video,
}

impl Modality {
    /// Every modality.
    pub const ALL: [Self; 4] = [Self::Text, Self::Image, Self::Audio, Self::Video];

    /// As specs write it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Image => "image",
            Self::Audio => "audio",
            Self::Video => "video",
        }
    }
}

/// A request parameter with its value as JSON text.
#[derive(Debug)]
pub struct Parameter {
    /// The field of the request object.
    pub field: &'static str,
    /// Its value.
    pub json: String,
}
