//! The peak of memory while an engine profiles itself, beyond the weights.
//!
//! vLLM runs a step of `max_num_batched_tokens` tokens and then draws tokens for `max_num_seqs` sequences; the higher
//! of the two peaks is kept free for ever (vllm/v1/worker/gpu_worker.py, `determine_available_memory`). Estimators
//! know the first. With large vocabularies the second is the higher one: a rank draws from all logits, whatever the
//! tensor parallelism.

use crate::plan::architecture::Vision;
use crate::plan::quantisation::Scope;
use crate::plan::service::{Engine, Generation, Media, Sampler, Service, Stage, Vllm};

const GIB: f64 = 1_073_741_824.0;

/// Bytes a logit that PyTorch's sort of the vocabulary takes: values and indices, sorted and not, probabilities and
/// their sums. Fitted: 0.3 % over 23 points from 0.7 to 0.12.
const SORT_BYTES: f64 = 38.4;

/// Bytes a logit without a sort, beside the logits in the model's own type: three copies in 32 bits and a mask. Fitted:
/// 0.2 % over 20 points of 0.19, of which one in 32 bits, and one of FlashInfer on 0.10.
const KERNEL_BYTES: f64 = 12.5;

/// What Triton's sampler holds besides. Fitted on the same points.
const TRITON_BYTES: f64 = 0.053 * GIB;

/// The parts of the peak, in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Activation {
    /// The peak.
    pub peak: f64,
    /// What of it is there because of images.
    pub images: f64,
    /// Whether the encoder of images makes the peak by itself.
    pub is_of_encoder: bool,
}

/// The peak of a rank of this stage under vLLM.
pub fn of_vllm(service: &Service, vllm: Vllm, stage: &Stage) -> Activation {
    let model = &service.architecture;
    let plain = service.dtype.bytes();
    let tokens = service.batched_tokens as f64;
    let row = tokens * model.hidden as f64 * plain;
    let experts = expert_buffers(service);
    let forward = forward(service, vllm) + experts;
    let sampling = if stage.is_last {
        sampling(service, vllm, experts) + row
    } else {
        0.0
    };
    // Hidden state and residual on the way to the next stage.
    let sent = if service.pipeline_parallel > 1 {
        2.0 * row
    } else {
        0.0
    };
    let text = forward.max(sampling) + sent;
    let Some((kept, peak)) = images(service) else {
        return Activation {
            peak: text,
            images: 0.0,
            is_of_encoder: false,
        };
    };
    Activation {
        peak: (text + kept).max(peak),
        images: kept.max(peak - text),
        is_of_encoder: peak > text + kept,
    }
}

/// How much lower the peak may be because FlashInfer draws the tokens, which V1 to 0.16 leaves to whether it is
/// installed: of ten such points three had it.
pub fn spared_by_a_kernel(service: &Service, vllm: Vllm, stage: &Stage) -> f64 {
    if vllm.generation() != Generation::Sort || vllm.sampler.is_some() {
        return 0.0;
    }
    let with = |sampler| {
        of_vllm(
            service,
            Vllm {
                sampler: Some(sampler),
                ..vllm
            },
            stage,
        )
        .peak
    };
    with(Sampler::Sort) - with(Sampler::Kernel)
}

/// The step: gate, up and their product, or the buffers of experts; and hidden state, residual, query and output.
fn forward(service: &Service, vllm: Vllm) -> f64 {
    let model = &service.architecture;
    let plain = service.dtype.bytes();
    let tokens = service.batched_tokens as f64;
    let rows = if vllm.generation() == Generation::EarlyV0 {
        3.0
    } else {
        4.0
    };
    let around = rows * tokens * model.hidden as f64 * plain;
    if model.experts.is_some() {
        return around;
    }
    let wide = if model.gated { 3.0 } else { 2.0 };
    wide * tokens * model.intermediate as f64 / service.tensor_parallel as f64 * plain + around
}

/// What experts are computed in: each token's input and output for each of its experts
/// (vllm/model_executor/layers/fused_moe, `workspace13` and `workspace2`).
fn expert_buffers(service: &Service) -> f64 {
    let Some(experts) = service.architecture.experts else {
        return 0.0;
    };
    let width = experts.intermediate as f64 / service.tensor_parallel as f64;
    let pairs = service.batched_tokens as f64 * experts.per_token as f64;
    pairs * ((2.0 * width).max(service.architecture.hidden as f64) + width) * service.dtype.bytes()
}

/// Drawing: every logit in several forms. From 0.17 on the buffers of experts stay while it happens, but for MXFP4,
/// whose kernels have none.
fn sampling(service: &Service, vllm: Vllm, experts: f64) -> f64 {
    let model = &service.architecture;
    if model.pooling {
        return 0.0;
    }
    let rows = service.max_seqs.min(service.batched_tokens) as f64;
    let logits = rows * model.vocabulary as f64;
    let bytes = match vllm.sampler() {
        Sampler::Sort => SORT_BYTES,
        Sampler::Kernel => KERNEL_BYTES + service.dtype.bytes(),
    };
    let is_triton = matches!(vllm.generation(), Generation::Triton | Generation::Later);
    let kept = match (is_triton, service.quantisation.scope) {
        (false, _) => 0.0,
        (true, Scope::Experts) => TRITON_BYTES,
        (true, _) => {
            let has_shared = model.experts.is_some_and(|experts| experts.shared > 0);
            let shared = if has_shared {
                service.batched_tokens as f64 * model.hidden as f64 * service.dtype.bytes()
            } else {
                0.0
            };
            TRITON_BYTES + experts + shared
        }
    };
    logits * bytes + kept
}

/// The images that are profiled: what is kept of them until the end (pixels and the tokens that they become), and the
/// peak of the encoder. There is none where no prompt may have any.
fn images(service: &Service) -> Option<(f64, f64)> {
    let vision = service.architecture.vision?;
    let number = profiled(service, &vision)?;
    let pixels = number * vision.pixels as f64 * 3.0 * 2.0;
    let embedded = number * vision.tokens as f64 * service.architecture.hidden as f64 * 2.0;
    let encoder = number * vision.patches as f64 * bytes_a_patch(&vision);
    Some((pixels + embedded, pixels + encoder))
}

/// How many images are profiled: of the kind of item with the most tokens, as many as a step has room for, and one at
/// least. A video is as long as its encoder takes it and a sequence holds it (vllm/v1/core/encoder_cache_manager.py,
/// `compute_mm_encoder_budget`; vllm/model_executor/models/qwen2_vl.py, `get_num_frames_with_most_features`).
fn profiled(service: &Service, vision: &Vision) -> Option<f64> {
    let Media { images, videos } = service.media;
    let video = match videos {
        Some(0) => 0,
        _ => vision
            .video_frames
            .div_ceil(2)
            .min(service.max_len / vision.tokens),
    };
    let image = u64::from(images != Some(0));
    let (item, most) = if video > image {
        (video, videos)
    } else {
        (image, images)
    };
    if item == 0 {
        return None;
    }
    let room = (service.batched_tokens / vision.tokens / item).max(1);
    let most = most.unwrap_or(u64::MAX).saturating_mul(service.max_seqs);
    Some((item * room.min(most).max(1)) as f64)
}

/// What the encoder takes for a patch at once. In attention: hidden state, its norm, query, key and value, query and key
/// in one row, that row in 32 bits while it is rotated, and cast back. In the MLP: hidden state, its norm, gate, up and
/// their product. (vllm/model_executor/models/qwen2_5_vl.py; a log of Qwen2.5-VL has 0.3 % more.)
fn bytes_a_patch(vision: &Vision) -> f64 {
    let (width, intermediate) = (vision.hidden as f64, vision.intermediate as f64);
    let attention = 2.0 * (1.0 + 1.0 + 3.0 + 2.0 + 4.0 + 2.0) * width;
    let mlp = 2.0 * (2.0 * width + 3.0 * intermediate);
    attention.max(mlp)
}

/// llama.cpp's compute buffer (fitted to its load logs by the shapes of its graph): the logits of a micro-batch or
/// the attention matrix, whichever is larger. Two devices and more hold four copies of inputs.
pub fn of_llama_cpp(service: &Service, stage: &Stage, is_split: bool) -> f64 {
    let Engine::LlamaCpp {
        flash_attention, ..
    } = service.engine
    else {
        return 0.0;
    };
    let model = &service.architecture;
    let batch = service.batched_tokens.min(service.max_len) as f64;
    let [hidden, heads, vocabulary] =
        [model.hidden, model.heads, model.vocabulary].map(|n| n as f64);
    let context = service.max_len as f64;
    // Without the output layer there are no logits either.
    let outputs = if stage.is_last { vocabulary } else { 0.0 };
    let logits = (outputs + hidden) * batch * 4.0;
    let matrix = if flash_attention {
        context * batch * 2.0
    } else {
        (heads * 4.0 + 4.0) * context * batch
    };
    let peak = logits.max(matrix + 3.0 * hidden * batch * 4.0);
    if is_split { peak * 1.12 } else { peak }
}
