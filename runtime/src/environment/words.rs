//! The words that no request may hold.

use crate::environment::reader::Reader;
use crate::environment::variables::FORBIDDEN_WORDS;
use crate::secret;
use crate::topology::{Secret, Topology};
use crate::words::Words;

/// Where the words are listed that no request may hold.
pub(super) fn list(topology: &Topology) -> Option<Secret> {
    let input = topology.gateway.input.as_ref()?;
    input.forbidden_words.as_ref().map(|words| words.list)
}

impl Reader<'_> {
    pub(super) fn words(&mut self, list: Secret) -> Option<Words> {
        let place = secret::place(list);
        let text = match secret::text(list, self.variable) {
            Ok(text) => text,
            Err(error) => return self.problem(place, format!("{error} ({FORBIDDEN_WORDS})")),
        };
        match Words::parse(&text) {
            Ok(words) => Some(words),
            Err(error) => self.problem(place, format!("{error} ({FORBIDDEN_WORDS})")),
        }
    }
}
