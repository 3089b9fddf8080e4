//! `config.json` of Hugging Face's transformers.

mod experts;
mod states;
mod vision;

use serde_json::{Map, Value};

use crate::spec::architecture::Architecture;

/// Kinds whose output layer is the embedding where the file does not say, by what they begin with.
const TIED: &[&str] = &[
    "gemma",
    "cohere",
    "gpt2",
    "gpt_bigcode",
    "opt",
    "falcon",
    "bloom",
    "mpt",
];

/// Kinds whose MLP has no gate.
const PLAIN: &[&str] = &[
    "gpt2",
    "opt",
    "phi",
    "starcoder2",
    "gpt_neox",
    "gpt_bigcode",
    "falcon",
    "bloom",
    "mpt",
    "nemotron",
    "nemotron_h",
];

/// Kinds whose MLP is four times as wide as the model where the file does not say.
const FOUR_TIMES: &[&str] = &["gpt2", "gpt_bigcode", "falcon", "bloom", "mpt"];

/// Fills in what `figures` do not say themselves.
pub(crate) fn fill(bytes: &[u8], figures: &mut Architecture) -> Result<(), String> {
    let json: Value =
        serde_json::from_slice(bytes).map_err(|error| format!("it is no JSON: {error}"))?;
    let whole = json.as_object().ok_or("it is no JSON object")?;
    // Multimodal models have the language model in a table of its own.
    let text = ["text_config", "llm_config", "language_config"]
        .iter()
        .find_map(|name| whole.get(*name)?.as_object())
        .unwrap_or(whole);
    let config = Config { whole, text };
    let kind = config.text("model_type").unwrap_or_default().to_owned();
    states::one_thing_each(&config, figures)?;
    shape(&config, &kind, figures)?;
    attention(&config, &kind, figures)?;
    states::fill(&config, figures)?;
    experts::fill(&config, &kind, figures)?;
    let kind = whole.get("model_type").and_then(Value::as_str);
    vision::fill(&config, kind.unwrap_or_default(), figures)
}

fn shape(config: &Config<'_>, kind: &str, figures: &mut Architecture) -> Result<(), String> {
    let set = |figure: &mut Option<u64>, names: &[&str]| config.fill(figure, names);
    set(
        &mut figures.num_hidden_layers,
        &["num_hidden_layers", "n_layer", "n_layers"],
    )?;
    set(
        &mut figures.hidden_size,
        &["hidden_size", "n_embd", "d_model"],
    )?;
    set(
        &mut figures.num_attention_heads,
        &["num_attention_heads", "n_head", "n_heads"],
    )?;
    set(&mut figures.head_dim, &["head_dim", "attention_head_dim"])?;
    set(
        &mut figures.intermediate_size,
        &[
            "intermediate_size_mlp",
            "intermediate_size",
            "n_inner",
            "ffn_dim",
        ],
    )?;
    set(&mut figures.vocab_size, &["vocab_size"])?;
    set(
        &mut figures.max_position_embeddings,
        &[
            "max_position_embeddings",
            "n_positions",
            "max_sequence_length",
            "seq_length",
        ],
    )?;
    // Where it is absent, transformers has one for all, or as many as query heads.
    let is_shared = config.flag("multi_query") == Some(true)
        && config.flag("new_decoder_architecture") != Some(true);
    if is_shared && figures.num_key_value_heads.is_none() {
        figures.num_key_value_heads = Some(1);
    }
    set(
        &mut figures.num_key_value_heads,
        &["num_key_value_heads", "num_kv_heads"],
    )?;
    figures.num_key_value_heads = figures.num_key_value_heads.or(figures.num_attention_heads);
    let tied = config.flag("tie_word_embeddings");
    figures.tie_word_embeddings = figures
        .tie_word_embeddings
        .or(tied)
        .or(Some(TIED.iter().any(|tied| kind.starts_with(tied))));
    figures.gated_mlp = figures.gated_mlp.or(Some(!PLAIN.contains(&kind)));
    if FOUR_TIMES.contains(&kind) && figures.intermediate_size.is_none() {
        let width = figures.hidden_size;
        figures.intermediate_size = width.and_then(|width| width.checked_mul(4));
    }
    figures.learned_positions = figures
        .learned_positions
        .or(Some(matches!(kind, "gpt2" | "opt")));
    let scaling = config
        .get("rope_scaling")
        .or_else(|| config.get("rope_parameters"));
    if let Some(scaling) = scaling.and_then(Value::as_object) {
        let by = scaling
            .get("rope_type")
            .or(scaling.get("type"))
            .and_then(Value::as_str);
        let factor = scaling.get("factor").and_then(Value::as_f64);
        if by == Some("linear") {
            figures.rope_factor = figures.rope_factor.or(factor);
        }
        // Positions of images in three dimensions: vLLM's table is four times as long (`MRotaryEmbedding`).
        if scaling.contains_key("mrope_section") {
            figures.rope_factor = figures.rope_factor.or(Some(4.0));
        }
    }
    Ok(())
}

fn attention(config: &Config<'_>, kind: &str, figures: &mut Architecture) -> Result<(), String> {
    let bias = config.flag("attention_bias").or(config.flag("qkv_bias"));
    // Qwen2 has biases without saying so.
    let is_qwen2 = kind.starts_with("qwen2");
    figures.attention_bias = figures.attention_bias.or(bias).or(Some(is_qwen2));
    config.fill(&mut figures.kv_lora_rank, &["kv_lora_rank"])?;
    if figures.kv_lora_rank.is_some() {
        config.fill(&mut figures.q_lora_rank, &["q_lora_rank"])?;
        config.fill(&mut figures.qk_rope_head_dim, &["qk_rope_head_dim"])?;
        config.fill(&mut figures.qk_nope_head_dim, &["qk_nope_head_dim"])?;
        config.fill(&mut figures.v_head_dim, &["v_head_dim"])?;
    }
    let layers = figures.num_hidden_layers.unwrap_or(0);
    let kinds = config.get("layer_types").and_then(Value::as_array);
    let count = |wanted: &str| {
        let of = |kinds: &Vec<Value>| {
            kinds
                .iter()
                .filter(|kind| kind.as_str() == Some(wanted))
                .count()
        };
        kinds.map_or(0, of) as u64
    };
    let chunked = count("chunked_attention");
    // Gemma 2 and 3 say how many layers there are to one that sees everything, or leave it to their code.
    let every = config.number(&["sliding_window_pattern"])?.or(match kind {
        "gemma2" => Some(2),
        "gemma3" | "gemma3_text" => Some(6),
        _ => None,
    });
    let sliding = match (kinds, every) {
        (Some(_), _) => count("sliding_attention").max(chunked),
        (None, Some(every)) if every > 0 => layers - layers / every,
        _ => 0,
    };
    if sliding > 0 {
        figures.sliding_layers = figures.sliding_layers.or(Some(sliding));
        config.fill(
            &mut figures.sliding_window,
            &["sliding_window", "attention_chunk_size"],
        )?;
        figures.chunked_attention = figures.chunked_attention.or(Some(chunked > 0));
    }
    Ok(())
}

/// The tables of a file: fields of the language model, then of the whole.
struct Config<'j> {
    whole: &'j Map<String, Value>,
    text: &'j Map<String, Value>,
}

impl Config<'_> {
    fn get(&self, name: &str) -> Option<&Value> {
        let value = self.text.get(name).or(self.whole.get(name));
        value.filter(|value| !value.is_null())
    }

    fn text(&self, name: &str) -> Option<&str> {
        self.get(name)?.as_str()
    }

    fn flag(&self, name: &str) -> Option<bool> {
        self.get(name)?.as_bool()
    }

    /// The first of these fields that is there.
    fn number(&self, names: &[&str]) -> Result<Option<u64>, String> {
        let Some((name, value)) = names.iter().find_map(|name| Some((name, self.get(name)?)))
        else {
            return Ok(None);
        };
        let number = value
            .as_u64()
            .ok_or_else(|| format!("its `{name}` is not a whole number"))?;
        Ok(Some(number))
    }

    fn fill(&self, figure: &mut Option<u64>, names: &[&str]) -> Result<(), String> {
        if figure.is_none() {
            *figure = self.number(names)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> Result<Architecture, String> {
        let mut figures = Architecture::default();
        fill(json.as_bytes(), &mut figures).map(|()| figures)
    }

    #[test]
    fn reads_a_dense_model() {
        let json = r#"{ "model_type": "qwen2", "num_hidden_layers": 28, "hidden_size": 3584, "vocab_size": 152064,
            "num_attention_heads": 28, "num_key_value_heads": 4, "intermediate_size": 18944,
            "max_position_embeddings": 32768, "tie_word_embeddings": false }"#;
        let figures = read(json).unwrap();
        let built = crate::resolve::figures::architecture(&figures).unwrap();
        assert_eq!(
            Some(built),
            crate::catalogue::architecture("Qwen2.5-7B").map(|mut known| {
                known.attention_bias = true;
                known
            })
        );
    }

    #[test]
    fn reads_the_language_model_of_a_multimodal_one_and_wants_the_rest() {
        let json = r#"{ "model_type": "gemma3", "vision_config": { "hidden_size": 1152, "image_size": 896, "patch_size": 14 },
            "text_config": { "model_type": "gemma3_text", "num_hidden_layers": 62, "sliding_window": 1024,
                             "rope_scaling": { "rope_type": "linear", "factor": 8.0 } } }"#;
        let figures = read(json).unwrap();
        assert_eq!(
            (figures.sliding_layers, figures.sliding_window),
            (Some(52), Some(1024))
        );
        assert_eq!(
            (figures.rope_factor, figures.image_patches),
            (Some(8.0), Some(4096))
        );
        let faults = crate::resolve::figures::architecture(&figures).unwrap_err();
        assert!(
            format!("{faults:?}").contains("vision_parameters"),
            "{faults:?}"
        );
    }

    #[test]
    fn layers_that_keep_a_state_are_counted() {
        let next = read(
            r#"{ "num_hidden_layers": 48, "hidden_size": 2048, "full_attention_interval": 4, "linear_num_value_heads": 32,
                 "linear_num_key_heads": 16, "linear_key_head_dim": 128, "linear_value_head_dim": 128,
                 "linear_conv_kernel_dim": 4 }"#,
        )
        .unwrap();
        let known = crate::catalogue::architecture("Qwen3-Next-80B-A3B").unwrap();
        assert_eq!(next.linear_attention_layers, Some(known.linear_layers));
        assert_eq!(next.linear_attention_state, known.linear_state);
        assert_eq!(next.linear_attention_parameters, known.linear_parameters);
        let granite = r#"{ "num_hidden_layers": 4, "layer_types": ["mamba", "mamba", "attention", "mamba"],
            "mamba_n_heads": 48, "mamba_d_head": 64, "mamba_d_state": 128, "mamba_d_conv": 4, "mamba_n_groups": 1 }"#;
        let granite = read(granite).unwrap();
        assert_eq!(granite.linear_attention_layers, Some(3));
        let state = 48 * 64 * 128 + 3 * (48 * 64 + 2 * 128);
        assert_eq!(granite.linear_attention_state, Some(state));
        // 28 layers of 52, whose MLPs are 24.
        let pattern = "M-M-M-MM-M-M-M*-M-M-M*-M-M-M-M*-M-M-M-M*-M-MM-M-M-M-";
        let nemotron = read(&format!(
            r#"{{ "model_type": "nemotron_h", "num_hidden_layers": {}, "hybrid_override_pattern": "{pattern}",
                 "intermediate_size": 14000, "ssm_state_size": 128 }}"#,
            pattern.len()
        ))
        .unwrap();
        let count = |kind| pattern.matches(kind).count() as u64;
        let layers = count('M') + count('*');
        assert_eq!(nemotron.num_hidden_layers, Some(layers));
        assert_eq!(nemotron.linear_attention_layers, Some(count('M')));
        assert_eq!(
            nemotron.intermediate_size,
            Some(14_000 * count('-') / layers)
        );
        let experts = read(r#"{ "hybrid_override_pattern": "ME*E" }"#).unwrap_err();
        assert!(experts.contains("`hybrid_override_pattern`"), "{experts}");
        let unknown = read(r#"{ "num_hidden_layers": 4, "mamba_d_state": 128 }"#).unwrap_err();
        assert!(unknown.contains("`linear_attention_layers`"), "{unknown}");
    }

    #[test]
    fn bad_files_are_refused_with_the_field() {
        assert!(read("[]").unwrap_err().contains("object"));
        assert!(read("{").unwrap_err().starts_with("it is no JSON"));
        let wrong = read(r#"{ "num_hidden_layers": -1 }"#).unwrap_err();
        assert_eq!(wrong, "its `num_hidden_layers` is not a whole number");
    }
}
