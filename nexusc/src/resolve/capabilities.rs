//! `[models.NAME.capabilities]`

use std::collections::BTreeSet;

use crate::diagnostic::Diagnostic;
use crate::diagnostic::code::Code;
use crate::ir::Modality;
use crate::key_path::KeyPath;
use crate::redact::shown;
use crate::resolve::scope::Scope;
use crate::source::Place;
use crate::{ir, spec, suggest};

pub(super) fn resolve(
    written: &spec::capabilities::Capabilities,
    path: KeyPath,
    scope: &mut Scope<'_>,
) -> ir::Capabilities {
    let spec::capabilities::Capabilities {
        context,
        tools,
        modalities,
    } = written;
    let list = path.key("modalities");
    ir::Capabilities {
        context: scope.only_within(*context, 1..=100_000_000, &path.key("context")),
        tools: *tools,
        modalities: modalities
            .as_ref()
            .and_then(|names| self::modalities(names, &list, scope)),
        path,
    }
}

/// The modalities of a list; `None` where one of them is unknown, which is reported.
fn modalities(
    names: &[String],
    path: &KeyPath,
    scope: &mut Scope<'_>,
) -> Option<BTreeSet<Modality>> {
    let mut all_known = true;
    let mut found = BTreeSet::new();
    for (index, name) in names.iter().enumerate() {
        let path = path.index(index);
        match Modality::ALL.into_iter().find(|known| known.name() == name) {
            Some(modality) => {
                found.insert(modality);
            }
            None => {
                all_known = false;
                scope.report(unknown(name, path));
            }
        }
    }
    all_known.then_some(found)
}

fn unknown(name: &str, path: KeyPath) -> Diagnostic {
    let names = Modality::ALL.map(Modality::name);
    let message = format!("{} is no modality", shown(name));
    let otherwise = || format!("they are {}", suggest::list(names.into_iter()));
    Diagnostic::new(Code::NX0208, message, Place::Value(path), "").nearest(
        name,
        names.into_iter(),
        otherwise,
    )
}
