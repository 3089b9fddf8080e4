//! Settings that an engine refuses to start with, though each by itself could be (NX0616).

use crate::diagnostic::Diagnostic;
use crate::diagnostic::code::Code;
use crate::key_path::KeyPath;
use crate::plan::quantisation::Dtype;
use crate::plan::service::Service;
use crate::resolve::scope::Scope;
use crate::source::Place;
use crate::spec;

/// CUDA compute capability from which cards compute in bfloat16, times ten.
pub(super) const BFLOAT16: u64 = 80;

/// vLLM: a step has a token for each sequence at least (vllm/config, `SchedulerConfig`), there is no bfloat16 on cards
/// before Ampere (vllm/platforms/cuda.py, `check_if_supports_dtype`), and only multimodal models have limits of images
/// (vllm/config, `ModelConfig`).
pub(super) fn by_vllm(
    service: &Service,
    written: &spec::engine::Vllm,
    capability: u64,
    path: &KeyPath,
    scope: &mut Scope<'_>,
) {
    let (sequences, tokens) = (service.max_seqs, service.batched_tokens);
    if sequences > tokens {
        let stated = written.max_num_seqs.map(|_| "max_num_seqs");
        let at = path.key(stated.unwrap_or("max_num_batched_tokens"));
        let message = format!("{sequences} sequences at once, and steps of {tokens} tokens");
        let help = format!(
            "a step has a token for each: write `max_num_seqs = {tokens}`, or a larger `max_num_batched_tokens`"
        );
        report(message, help, at, scope);
    }
    if written.limit_mm_per_prompt.is_some() && service.architecture.vision.is_none() {
        let message = "limits of images and videos for a model that takes none".to_owned();
        let help = "leave them out; a model that takes them has `vision_parameters`".to_owned();
        report(message, help, path.key("limit_mm_per_prompt"), scope);
    }
    if service.dtype == Dtype::Bfloat16 && written.dtype.is_some() && capability < BFLOAT16 {
        let (major, minor) = (capability / 10, capability % 10);
        let message = format!("no bfloat16 on a GPU of compute capability {major}.{minor}");
        let help = "write `dtype = \"float16\"`".to_owned();
        report(message, help, path.key("dtype"), scope);
    }
}

/// llama.cpp: values are kept in fewer bits only where attention is computed without its matrix (src/llama-context.cpp,
/// `V cache quantization requires flash_attn`).
pub(super) fn by_llama_cpp(
    service: &Service,
    flash_attention: bool,
    path: &KeyPath,
    scope: &mut Scope<'_>,
) {
    if !flash_attention && service.kv_dtype.bytes < 2.0 {
        let message = format!(
            "`{}` keys and values without `flash_attn`",
            service.kv_dtype.name
        );
        let help = "write `flash_attn = true`".to_owned();
        report(message, help, path.key("cache_type"), scope);
    }
}

fn report(message: String, help: String, at: KeyPath, scope: &mut Scope<'_>) {
    let place = Place::Value(at);
    scope.report(Diagnostic::new(Code::NX0616, message, place, "").help(help));
}
