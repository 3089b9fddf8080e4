//! A fallback model can do what is asked of the model that it stands in for (NX0433, NX0434, NX0435).
//!
//! It gets the same request, unchanged. A longer prompt than its context, a tool or an image that it cannot take
//! is refused by its engine: on the one day on which the fallback is needed. What is not stated of either is not
//! compared.

use crate::check::Context;
use crate::diagnostic::Diagnostic;
use crate::diagnostic::code::Code;
use crate::ir::{Capabilities, Model};
use crate::source::Place;
use crate::suggest;

pub(super) fn check(context: &mut Context<'_>) {
    let topology = context.topology;
    for model in topology.models.iter() {
        for (index, &fallback) in model.fallback.iter().enumerate() {
            let place = Place::Value(model.path.key("fallback").index(index));
            let pair = Pair {
                model,
                fallback: topology.models.get(fallback),
                place,
            };
            for diagnostic in [pair.context(), pair.tools(), pair.modalities()] {
                diagnostic
                    .into_iter()
                    .for_each(|found| context.report(found));
            }
        }
    }
}

/// A model and one of those that stand in for it.
struct Pair<'t> {
    model: &'t Model,
    fallback: &'t Model,
    /// Where it is named.
    place: Place,
}

impl Pair<'_> {
    fn context(&self) -> Option<Diagnostic> {
        let (wanted, had) = (self.wanted().context?, self.had().context?);
        (had < wanted).then(|| {
            let what = format!("a prompt of {wanted} tokens");
            let labels = [format!("takes {wanted} tokens"), format!("takes {had}")];
            self.report(Code::NX0433, &what, "context", labels)
                .help("serve it with a longer context, name another model, or allow this code in `[lints]`")
        })
    }

    fn tools(&self) -> Option<Diagnostic> {
        let (wanted, had) = (self.wanted().tools?, self.had().tools?);
        (wanted && !had).then(|| {
            let labels = ["calls tools".to_owned(), "calls none".to_owned()];
            self.report(Code::NX0434, "requests with tools", "tools", labels)
                .help("name a model that calls tools, or allow this code in `[lints]`")
        })
    }

    fn modalities(&self) -> Option<Diagnostic> {
        let wanted = self.wanted().modalities.as_ref()?;
        let had = self.had().modalities.as_ref()?;
        let missing: Vec<&str> = wanted.difference(had).map(|one| one.name()).collect();
        (!missing.is_empty()).then(|| {
            let missing = suggest::list(missing.into_iter());
            let what = format!("prompts with {missing}");
            let labels = ["takes them".to_owned(), format!("lacks {missing}")];
            self.report(Code::NX0435, &what, "modalities", labels)
                .help("name a model that takes them, or allow this code in `[lints]`")
        })
    }

    fn wanted(&self) -> &Capabilities {
        &self.model.capabilities
    }

    fn had(&self) -> &Capabilities {
        &self.fallback.capabilities
    }

    fn report(&self, code: Code, what: &str, field: &str, labels: [String; 2]) -> Diagnostic {
        let Self {
            model,
            fallback,
            place,
        } = self;
        let message = format!(
            "`{}` cannot take {what} from `{}`",
            fallback.name, model.name
        );
        let [wanted, had] = labels;
        let at = |capabilities: &Capabilities| Place::Value(capabilities.path.key(field));
        Diagnostic::new(code, message, place.clone(), "stands in for it")
            .conflict(at(self.wanted()), wanted)
            .conflict(at(self.had()), had)
    }
}
