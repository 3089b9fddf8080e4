//! The figures of a model, as a spec, the catalogue or a `config.json` has them, made into an architecture.

use crate::plan::architecture::{Architecture, Experts, Local, Mla, Vision};
use crate::spec;

/// The largest figure that is taken: products of a few of them stay far from the end of an `f64`.
const MOST: u64 = 1 << 40;

/// Why figures are no architecture.
#[derive(Debug, PartialEq)]
pub(crate) enum Fault {
    /// These are missing.
    Missing(Vec<&'static str>),
    /// This one contradicts itself or another one.
    Wrong {
        /// The field.
        field: &'static str,
        /// What is wrong with it, for a label.
        label: String,
    },
}

/// The architecture that these figures describe, or everything that is wrong with them.
pub(crate) fn architecture(
    figures: &spec::architecture::Architecture,
) -> Result<Architecture, Vec<Fault>> {
    let mut reader = Reader {
        missing: Vec::new(),
        faults: Vec::new(),
    };
    let built = build(figures, &mut reader);
    let Reader {
        missing,
        mut faults,
    } = reader;
    if !missing.is_empty() {
        faults.insert(0, Fault::Missing(missing));
    }
    if faults.is_empty() {
        Ok(built)
    } else {
        Err(faults)
    }
}

fn build(figures: &spec::architecture::Architecture, reader: &mut Reader) -> Architecture {
    let layers = reader.needed("num_hidden_layers", figures.num_hidden_layers);
    let hidden = reader.needed("hidden_size", figures.hidden_size);
    let heads = reader.needed("num_attention_heads", figures.num_attention_heads);
    let kv_heads = reader.needed("num_key_value_heads", figures.num_key_value_heads);
    let head_dim = match reader.given("head_dim", figures.head_dim) {
        Some(width) => width,
        None => (hidden / heads.max(1)).max(1),
    };
    if heads > 0 && kv_heads > heads {
        let label = format!("more than the {heads} query heads");
        reader.wrong("num_key_value_heads", label);
    }
    let experts = experts(figures, reader, layers);
    let intermediate = match (experts, figures.intermediate_size) {
        // A model of experts alone may have none.
        (Some(experts), None) => experts.intermediate,
        _ => reader.needed("intermediate_size", figures.intermediate_size),
    };
    let local = local(figures, reader);
    let linear_layers = figures.linear_attention_layers.unwrap_or(0);
    let special = linear_layers.saturating_add(local.map_or(0, |local| local.layers));
    if layers > 0 && special > layers {
        let field = if local.is_some() {
            "sliding_layers"
        } else {
            "linear_attention_layers"
        };
        reader.wrong(field, format!("the model has {layers} layers"));
    }
    let rope_factor = figures.rope_factor.unwrap_or(1.0);
    if !(1.0..=1024.0).contains(&rope_factor) {
        reader.wrong("rope_factor", "expected 1.0 to 1024.0".to_owned());
    }
    Architecture {
        layers,
        hidden,
        heads,
        kv_heads,
        head_dim,
        intermediate,
        vocabulary: reader.needed("vocab_size", figures.vocab_size),
        positions: reader.needed("max_position_embeddings", figures.max_position_embeddings),
        tied: figures.tie_word_embeddings.unwrap_or(false),
        gated: figures.gated_mlp.unwrap_or(true),
        attention_bias: figures.attention_bias.unwrap_or(false),
        learned_positions: figures.learned_positions.unwrap_or(false),
        rope_factor,
        mla: mla(figures, reader),
        experts,
        local,
        linear_layers,
        linear_state: reader.given("linear_attention_state", figures.linear_attention_state),
        linear_parameters: reader.given(
            "linear_attention_parameters",
            figures.linear_attention_parameters,
        ),
        pooling: figures.pooling.unwrap_or(false),
        vision: vision(figures, reader),
    }
}

fn mla(figures: &spec::architecture::Architecture, reader: &mut Reader) -> Option<Mla> {
    figures.kv_lora_rank?;
    Some(Mla {
        kv_rank: reader.needed("kv_lora_rank", figures.kv_lora_rank),
        q_rank: reader.given("q_lora_rank", figures.q_lora_rank),
        rope_dim: reader.needed("qk_rope_head_dim", figures.qk_rope_head_dim),
        nope_dim: reader.needed("qk_nope_head_dim", figures.qk_nope_head_dim),
        v_dim: reader.needed("v_head_dim", figures.v_head_dim),
    })
}

fn experts(
    figures: &spec::architecture::Architecture,
    reader: &mut Reader,
    layers: u64,
) -> Option<Experts> {
    figures.num_experts?;
    let count = reader.needed("num_experts", figures.num_experts);
    let per_token = reader.needed("num_experts_per_tok", figures.num_experts_per_tok);
    if count > 0 && per_token > count {
        reader.wrong("num_experts_per_tok", format!("there are {count} experts"));
    }
    let dense_layers = figures.dense_layers.unwrap_or(0);
    if dense_layers > layers {
        reader.wrong("dense_layers", format!("the model has {layers} layers"));
    }
    let shared = figures.shared_expert_intermediate_size.unwrap_or(0);
    if shared > MOST {
        reader.wrong("shared_expert_intermediate_size", range());
    }
    Some(Experts {
        count,
        per_token,
        intermediate: reader.needed("moe_intermediate_size", figures.moe_intermediate_size),
        shared,
        dense_layers,
        bias: figures.expert_bias.unwrap_or(false),
    })
}

fn local(figures: &spec::architecture::Architecture, reader: &mut Reader) -> Option<Local> {
    if figures.sliding_layers.unwrap_or(0) == 0 {
        return None;
    }
    Some(Local {
        layers: reader.needed("sliding_layers", figures.sliding_layers),
        window: reader.needed("sliding_window", figures.sliding_window),
        chunked: figures.chunked_attention.unwrap_or(false),
    })
}

fn vision(figures: &spec::architecture::Architecture, reader: &mut Reader) -> Option<Vision> {
    let given = [
        figures.vision_parameters,
        figures.image_tokens,
        figures.image_patches,
        figures.image_pixels,
        figures.video_frames,
        figures.vision_hidden_size,
        figures.vision_intermediate_size,
    ];
    given.into_iter().flatten().next()?;
    Some(Vision {
        parameters: reader.needed("vision_parameters", figures.vision_parameters),
        tokens: reader.needed("image_tokens", figures.image_tokens),
        patches: reader.needed("image_patches", figures.image_patches),
        pixels: reader.needed("image_pixels", figures.image_pixels),
        video_frames: reader
            .given("video_frames", figures.video_frames)
            .unwrap_or(0),
        hidden: reader.needed("vision_hidden_size", figures.vision_hidden_size),
        intermediate: reader.needed("vision_intermediate_size", figures.vision_intermediate_size),
    })
}

/// What was missing or wrong so far.
struct Reader {
    missing: Vec<&'static str>,
    faults: Vec<Fault>,
}

impl Reader {
    fn needed(&mut self, field: &'static str, value: Option<u64>) -> u64 {
        if value.is_none() {
            self.missing.push(field);
        }
        self.given(field, value).unwrap_or(1)
    }

    fn given(&mut self, field: &'static str, value: Option<u64>) -> Option<u64> {
        if value.is_some_and(|value| !(1..=MOST).contains(&value)) {
            self.wrong(field, range());
        }
        value
    }

    fn wrong(&mut self, field: &'static str, label: String) {
        self.faults.push(Fault::Wrong { field, label });
    }
}

fn range() -> String {
    format!("expected 1 to {MOST}")
}
