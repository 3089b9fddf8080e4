//! The names that clients ask for.

use std::time::Duration;

use crate::topology::{Limit, Route, Share, Slot};

/// A name that a client asks for: `[models.NAME]`.
#[derive(Debug)]
pub struct Model {
    /// What was written in the spec.
    pub settings: ModelSettings,
    /// Its place in tables of live state.
    pub slot: Slot,
}

impl Model {
    /// A model with its settings, not yet in use.
    pub const fn new(settings: ModelSettings) -> Self {
        Self {
            settings,
            slot: Slot::UNASSIGNED,
        }
    }
}

/// The settings of a model.
#[derive(Debug)]
pub struct ModelSettings {
    /// The name that clients ask for, and the value of metric labels.
    pub name: &'static str,
    /// Other names for the same model.
    pub aliases: &'static [&'static str],
    /// Parameters that are added to a request which does not set them.
    pub defaults: &'static [Parameter],
    /// How its requests choose among upstreams.
    pub route: &'static Route,
    /// The models that are tried in this order when every upstream of `route` failed.
    pub fallback: &'static [&'static Model],
    /// How long a request that is not streamed may take, from its admission to its last byte; `None` for
    /// any time.
    pub total: Option<Duration>,
    /// The same for a streamed one.
    pub total_streamed: Option<Duration>,
    /// How much may be asked of it, by all keys together; `None` for any amount.
    pub limit: Option<&'static Limit>,
    /// The part of its successful requests that is logged; `None` leaves that to the topology.
    pub log_sample: Option<Share>,
}

/// A request parameter with its value, as JSON text: what is spliced into a request body.
#[derive(Debug)]
pub struct Parameter {
    /// The field of the request object.
    pub field: &'static str,
    /// Its value, as JSON.
    pub json: &'static str,
}

impl Parameter {
    /// The parameter `field` with the value `json`.
    pub const fn new(field: &'static str, json: &'static str) -> Self {
        Self { field, json }
    }
}
