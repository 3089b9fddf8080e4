//! Mixture of experts: how many, how wide, and in which layers.

use serde_json::Value;

use crate::model_files::config::Config;
use crate::spec::architecture::Architecture;

/// Fills in what the file says of its experts, if it has any.
pub(super) fn fill(
    config: &Config<'_>,
    kind: &str,
    figures: &mut Architecture,
) -> Result<(), String> {
    config.fill(
        &mut figures.num_experts,
        &["num_experts", "n_routed_experts", "num_local_experts"],
    )?;
    if figures.num_experts.is_none_or(|experts| experts < 2) {
        figures.num_experts = None;
        return Ok(());
    }
    config.fill(
        &mut figures.num_experts_per_tok,
        &["num_experts_per_tok", "num_experts_per_token"],
    )?;
    // Mixtral, Llama 4 and gpt-oss have the width of an expert where others have that of the MLP.
    config.fill(
        &mut figures.moe_intermediate_size,
        &["moe_intermediate_size", "intermediate_size"],
    )?;
    config.fill(
        &mut figures.shared_expert_intermediate_size,
        &["shared_expert_intermediate_size"],
    )?;
    if figures.shared_expert_intermediate_size.is_none() {
        let shared = config.number(&["n_shared_experts"])?;
        let width = figures.moe_intermediate_size;
        figures.shared_expert_intermediate_size = shared
            .zip(width)
            .map(|(number, width)| number.saturating_mul(width));
    }
    config.fill(&mut figures.dense_layers, &["first_k_dense_replace"])?;
    if figures.dense_layers.is_none() {
        figures.dense_layers = without_experts(config, figures.num_hidden_layers.unwrap_or(0))?;
    }
    // Llama 4 has an expert for all tokens, and a wider MLP in the layers without.
    if kind.starts_with("llama4") {
        let width = figures.moe_intermediate_size;
        figures.shared_expert_intermediate_size = figures.shared_expert_intermediate_size.or(width);
    }
    figures.expert_bias = figures.expert_bias.or(Some(kind == "gpt_oss"));
    Ok(())
}

/// Layers that have an MLP instead of experts, where one in so many has experts. Jamba counts from an offset; Qwen lists
/// the others.
fn without_experts(config: &Config<'_>, layers: u64) -> Result<Option<u64>, String> {
    if let Some(listed) = config.get("mlp_only_layers").and_then(Value::as_array) {
        let listed = listed.len() as u64;
        if listed > 0 {
            return Ok(Some(listed));
        }
    }
    let every = config.number(&[
        "expert_layer_period",
        "decoder_sparse_step",
        "interleave_moe_layer_step",
    ])?;
    Ok(every
        .filter(|every| *every > 1)
        .map(|every| layers - layers / every))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model_files::config;

    #[test]
    fn layers_without_experts_are_counted_however_they_are_said() {
        let read = |json: &str| {
            let mut figures = Architecture::default();
            config::fill(json.as_bytes(), &mut figures).map(|()| figures)
        };
        let dense = |json: &str| read(json).unwrap().dense_layers;
        let of = |what: &str| {
            format!(
                r#"{{ "num_hidden_layers": 32, "num_experts": 16, "num_experts_per_tok": 2, {what} }}"#
            )
        };
        assert_eq!(dense(&of(r#""first_k_dense_replace": 3"#)), Some(3));
        assert_eq!(
            dense(&of(r#""expert_layer_period": 2, "expert_layer_offset": 1"#)),
            Some(16)
        );
        assert_eq!(dense(&of(r#""mlp_only_layers": [0, 1]"#)), Some(2));
        assert_eq!(dense(&of(r#""decoder_sparse_step": 1"#)), None);
    }
}
