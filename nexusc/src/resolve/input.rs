//! `[gateway.input]`

use crate::diagnostic::Diagnostic;
use crate::diagnostic::code::Code;
use crate::key_path::KeyPath;
use crate::resolve::scope::Scope;
use crate::resolve::secret;
use crate::source::Place;
use crate::{ir, spec};

pub(super) fn resolve(
    input: &spec::input::Input,
    path: &KeyPath,
    scope: &mut Scope<'_>,
) -> ir::Input {
    let spec::input::Input {
        max_messages,
        forbidden_words,
    } = input;
    if max_messages.is_none() && forbidden_words.is_none() && !scope.lacks(path) {
        let message = "`[gateway.input]` lets everything in".to_owned();
        let diagnostic = Diagnostic::new(Code::NX0570, message, Place::Key(path.clone()), "");
        scope.report(
            diagnostic.help("set `max_messages` or `forbidden_words`, or remove the table"),
        );
    }
    ir::Input {
        max_messages: max_messages
            .map(|most| scope.within(most, 1..=1_000_000, &path.key("max_messages"))),
        forbidden_words: forbidden_words
            .as_ref()
            .and_then(|words| secret::resolve(words, &path.key("forbidden_words"), scope)),
    }
}
