//! The figures of a model in the metadata of its GGUF file (ggml, docs/gguf.md; llama.cpp, src/llama-arch.cpp).

use std::collections::BTreeMap;

use crate::model_files::gguf::EMBEDDING;
use crate::model_files::gguf::reader::Value;
use crate::spec::architecture::Architecture;

/// Fills in what `figures` do not say themselves. A part of a model that has no figures of its own (the second of
/// several files, an encoder) has nothing to fill in.
pub(super) fn fill(
    metadata: &BTreeMap<&str, Value<'_>>,
    shapes: &BTreeMap<&str, Vec<u64>>,
    figures: &mut Architecture,
) -> Result<(), String> {
    let kind = match metadata.get("general.architecture") {
        Some(Value::Text(kind)) if *kind != "clip" => *kind,
        _ => return Ok(()),
    };
    let model = Model {
        kind,
        metadata,
        shapes,
    };
    model.shape(figures)?;
    model.attention(figures)?;
    model.experts(figures)
}

struct Model<'f> {
    /// What it calls its architecture: the first part of its keys.
    kind: &'f str,
    metadata: &'f BTreeMap<&'f str, Value<'f>>,
    shapes: &'f BTreeMap<&'f str, Vec<u64>>,
}

impl Model<'_> {
    fn shape(&self, figures: &mut Architecture) -> Result<(), String> {
        self.set(&mut figures.num_hidden_layers, "block_count")?;
        self.set(&mut figures.hidden_size, "embedding_length")?;
        self.set(&mut figures.intermediate_size, "feed_forward_length")?;
        self.set(&mut figures.max_position_embeddings, "context_length")?;
        // The rows of the embedding, padded as they are; else the tokens themselves.
        let rows = self.shapes.get(EMBEDDING).and_then(|shape| shape.get(1));
        let tokens = match self.metadata.get("tokenizer.ggml.tokens") {
            Some(Value::List(length)) => Some(*length),
            _ => None,
        };
        figures.vocab_size = figures.vocab_size.or(rows.copied()).or(tokens);
        self.set(&mut figures.vocab_size, "vocab_size")?;
        // Phi-3 and GLM-4 have gate and up in one tensor.
        let has_gate = self.has("ffn_gate.")
            || self.has("ffn_gate_exps.")
            || matches!(self.kind, "phi3" | "glm4" | "chatglm");
        let is_whole = self.shapes.contains_key("blk.0.ffn_up.weight");
        figures.gated_mlp = figures
            .gated_mlp
            .or((has_gate || is_whole).then_some(has_gate));
        figures.learned_positions = figures
            .learned_positions
            .or(self.has("position_embd").then_some(true));
        figures.attention_bias = figures
            .attention_bias
            .or(self.has("blk.0.attn_q.bias").then_some(true));
        // llama.h, `enum llama_pooling_type`: 1 to 3 are mean, the first and the last token.
        let pooling = self.number("pooling_type")?;
        figures.pooling = figures
            .pooling
            .or(pooling.map(|kind| (1..=3).contains(&kind)));
        let scaling = self.metadata.get(self.key("rope.scaling.type").as_str());
        if scaling == Some(&Value::Text("linear")) {
            let factor = self.metadata.get(self.key("rope.scaling.factor").as_str());
            figures.rope_factor = figures.rope_factor.or(match factor {
                Some(Value::Number(factor)) => Some(*factor),
                _ => None,
            });
        }
        Ok(())
    }

    fn attention(&self, figures: &mut Architecture) -> Result<(), String> {
        self.set(&mut figures.num_attention_heads, "attention.head_count")?;
        self.set(&mut figures.num_key_value_heads, "attention.head_count_kv")?;
        // Where it is absent, there are as many as query heads.
        figures.num_key_value_heads = figures.num_key_value_heads.or(figures.num_attention_heads);
        self.set(&mut figures.kv_lora_rank, "attention.kv_lora_rank")?;
        if figures.kv_lora_rank.is_some() {
            self.latent(figures)?;
        } else {
            self.set(&mut figures.head_dim, "attention.key_length")?;
        }
        self.windows(figures)?;
        self.states(figures)
    }

    fn latent(&self, figures: &mut Architecture) -> Result<(), String> {
        self.set(&mut figures.q_lora_rank, "attention.q_lora_rank")?;
        self.set(&mut figures.qk_rope_head_dim, "rope.dimension_count")?;
        // Later files have the lengths of heads by these names, and those of what is kept by the plain ones.
        let key = match self.number("attention.key_length_mla")? {
            None => self.number("attention.key_length")?,
            key => key,
        };
        let rest = key
            .zip(figures.qk_rope_head_dim)
            .and_then(|(key, rope)| key.checked_sub(rope));
        figures.qk_nope_head_dim = figures.qk_nope_head_dim.or(rest);
        self.set(&mut figures.v_head_dim, "attention.value_length_mla")?;
        self.set(&mut figures.v_head_dim, "attention.value_length")
    }

    /// One layer in so many sees everything: known of these by llama.cpp (src/llama-model.cpp, `set_swa_pattern`).
    /// Others are taken to see everything everywhere, which is never too little memory.
    fn windows(&self, figures: &mut Architecture) -> Result<(), String> {
        let every = match self.kind {
            "gemma2" | "gpt-oss" => 2,
            "gemma3" => 6,
            "cohere2" => 4,
            _ => return Ok(()),
        };
        let layers = figures.num_hidden_layers.unwrap_or(0);
        if figures.sliding_layers.is_none() {
            figures.sliding_layers = Some(layers - layers / every);
        }
        self.set(&mut figures.sliding_window, "attention.sliding_window")
    }

    /// Layers without keys and values keep a state instead. They are those with no heads; where that is not told, and a
    /// state is, nobody knows how many there are.
    fn states(&self, figures: &mut Architecture) -> Result<(), String> {
        if figures.linear_attention_layers.is_some() {
            return Ok(());
        }
        let heads = self
            .metadata
            .get(self.key("attention.head_count_kv").as_str());
        if let Some(Value::Wholes(heads)) = heads {
            let without = heads.iter().filter(|heads| **heads == 0).count() as u64;
            figures.linear_attention_layers = (without > 0).then_some(without);
            return Ok(());
        }
        let state = ["ssm.", "wkv.", "shortconv."].map(|part| self.key(part));
        let told = self
            .metadata
            .keys()
            .find(|key| state.iter().any(|part| key.starts_with(part.as_str())));
        told.map_or(Ok(()), |key| {
            Err(format!(
                "it has layers that keep a state (`{}`), and does not say how many: write `linear_attention_layers`",
                key.escape_debug()
            ))
        })
    }

    fn experts(&self, figures: &mut Architecture) -> Result<(), String> {
        if self
            .number("expert_count")?
            .is_none_or(|experts| experts < 2)
        {
            return Ok(());
        }
        self.set(&mut figures.num_experts, "expert_count")?;
        self.set(&mut figures.num_experts_per_tok, "expert_used_count")?;
        self.set(
            &mut figures.moe_intermediate_size,
            "expert_feed_forward_length",
        )?;
        // Mixtral has the width of an expert where others have that of the MLP.
        figures.moe_intermediate_size = figures.moe_intermediate_size.or(figures.intermediate_size);
        self.set(
            &mut figures.shared_expert_intermediate_size,
            "expert_shared_feed_forward_length",
        )?;
        if figures.shared_expert_intermediate_size.is_none() {
            let shared = self.number("expert_shared_count")?;
            figures.shared_expert_intermediate_size = shared
                .zip(figures.moe_intermediate_size)
                .map(|(number, width)| number.saturating_mul(width));
        }
        self.set(&mut figures.dense_layers, "leading_dense_block_count")?;
        figures.expert_bias = figures.expert_bias.or(Some(self.kind == "gpt-oss"));
        Ok(())
    }

    fn key(&self, name: &str) -> String {
        format!("{}.{name}", self.kind)
    }

    /// Whether there is a tensor whose name has this in it.
    fn has(&self, part: &str) -> bool {
        self.shapes.keys().any(|name| name.contains(part))
    }

    fn set(&self, figure: &mut Option<u64>, name: &str) -> Result<(), String> {
        if figure.is_none() {
            *figure = self.number(name)?;
        }
        Ok(())
    }

    /// A whole number, or one for each layer that is the same in all that have any.
    fn number(&self, name: &str) -> Result<Option<u64>, String> {
        let key = self.key(name);
        let shown = key.escape_debug();
        match self.metadata.get(key.as_str()) {
            None => Ok(None),
            Some(Value::Whole(number)) => Ok(Some(*number)),
            Some(Value::Wholes(numbers)) => {
                let mut some = numbers.iter().copied().filter(|number| *number > 0);
                let first = some.next();
                if some.any(|number| Some(number) != first) {
                    return Err(format!(
                        "its `{shown}` differs between layers, which the plan has no formula for"
                    ));
                }
                Ok(first)
            }
            Some(_) => Err(format!("its `{shown}` is not a whole number")),
        }
    }
}
