//! API keys, and what they may ask for.

use crate::ir::limit::{Limit, Priority};
use crate::ir::model::Model;
use crate::ir::percent::Percent;
use crate::ir::secret::Secret;
use crate::ir::table::{Id, Named};
use crate::key_path::KeyPath;

/// An API key.
#[derive(Debug)]
pub struct Key {
    /// Its name.
    pub name: String,
    /// `[keys.NAME]`.
    pub path: KeyPath,
    /// Where it is read from; `None` where that could not be resolved, which is reported.
    pub secret: Option<Secret>,
    /// What it may ask for.
    pub models: Access,
    /// How much it may ask for.
    pub limit: Option<Id<Limit>>,
    /// Its turn, where its requests wait.
    pub priority: Priority,
    /// Whether its holder may change the gateway while it runs.
    pub admin: bool,
    /// The part of its successful requests that is logged.
    pub log_sample: Option<Percent>,
}

impl Named for Key {
    fn name(&self) -> &str {
        &self.name
    }
}

/// What a key may ask for.
#[derive(Debug)]
pub enum Access {
    /// Every model.
    All,
    /// These, sorted by name.
    Only(Vec<Id<Model>>),
}
