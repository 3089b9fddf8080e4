//! What engines refuse to start with: ranks that do not come out even, and lengths beyond the model's.

use crate::diagnostic::Diagnostic;
use crate::diagnostic::code::Code;
use crate::key_path::KeyPath;
use crate::plan::service::Service;
use crate::resolve::scope::Scope;
use crate::source::Place;

/// As many GPUs as ranks, heads that can be dealt to them, a layer for each stage: what engines refuse otherwise.
pub(super) fn ranks_fit(service: &Service, gpus: u64, path: &KeyPath, scope: &mut Scope<'_>) {
    let Service {
        tensor_parallel,
        pipeline_parallel,
        architecture,
        ..
    } = service;
    let at = path.key("tensor_parallel");
    let ranks = tensor_parallel.saturating_mul(*pipeline_parallel);
    let mut report = |message: String, help: String| {
        scope.report(
            Diagnostic::new(Code::NX0606, message, Place::Value(at.clone()), "").help(help),
        );
    };
    if ranks != gpus && gpus > 0 {
        let message = format!("{ranks} ranks, and {gpus} in `gpus`");
        report(
            message,
            "`tensor_parallel` times `pipeline_parallel` is the number of `gpus`".to_owned(),
        );
    }
    let heads = architecture.heads;
    if *tensor_parallel > 0 && !heads.is_multiple_of(*tensor_parallel) {
        let dividing: Vec<String> = (1..=16.min(heads))
            .filter(|ranks| heads.is_multiple_of(*ranks))
            .map(|ranks| ranks.to_string())
            .collect();
        let message = format!("{heads} heads cannot be dealt to {tensor_parallel} GPUs");
        report(
            message,
            format!(
                "use a number that divides the heads: {}",
                dividing.join(", ")
            ),
        );
    }
    let kv = architecture.kv_heads;
    let is_dealt = kv.is_multiple_of(*tensor_parallel) || tensor_parallel.is_multiple_of(kv);
    if architecture.mla.is_none()
        && *tensor_parallel > 0
        && heads.is_multiple_of(*tensor_parallel)
        && !is_dealt
    {
        let message = format!("{kv} key and value heads cannot be dealt to {tensor_parallel} GPUs");
        report(
            message,
            "use a number that divides them, or a multiple of them".to_owned(),
        );
    }
    if *pipeline_parallel > architecture.layers {
        let message = format!(
            "{} layers cannot be dealt to {pipeline_parallel} stages",
            architecture.layers
        );
        report(
            message,
            "`pipeline_parallel` is at most the number of layers".to_owned(),
        );
    }
}

/// Engines refuse a longer sequence than the model was made for.
pub(super) fn length_fits(
    service: &Service,
    written: Option<u64>,
    field: &str,
    path: &KeyPath,
    scope: &mut Scope<'_>,
) {
    let positions = service.architecture.positions;
    if written.is_some_and(|length| length > positions) {
        let at = path.key(field);
        let message = format!("`{at}` is longer than the model was made for");
        let label = format!("its `max_position_embeddings` is {positions}");
        let help = format!("write at most {positions}");
        scope.report(Diagnostic::new(Code::NX0609, message, Place::Value(at), label).help(help));
    }
}
