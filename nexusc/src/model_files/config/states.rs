//! Layers that keep a state instead of keys and values, in the words of each kind of model (transformers,
//! `models/*/configuration_*.py`).

use serde_json::Value;

use crate::model_files::config::Config;
use crate::spec::architecture::Architecture;

/// What a model with such layers has in its file: the size of a state.
const STATES: &[&str] = &[
    "linear_key_head_dim",
    "mamba_d_state",
    "ssm_state_size",
    "state_size",
];

/// Fills in how many there are and what each keeps.
pub(super) fn fill(config: &Config<'_>, figures: &mut Architecture) -> Result<(), String> {
    if figures.linear_attention_layers.is_none() {
        let layers = figures.num_hidden_layers.unwrap_or(0);
        figures.linear_attention_layers = number(config, layers)?.filter(|number| *number > 0);
    }
    if figures.linear_attention_layers.is_none() {
        // A guess would be certain of what nobody knows.
        return match STATES.iter().find(|name| config.get(name).is_some()) {
            None => Ok(()),
            Some(name) => Err(format!(
                "it has layers that keep a state (`{name}`), and does not say how many: write \
                 `linear_attention_layers`"
            )),
        };
    }
    if figures.linear_attention_state.is_none() {
        figures.linear_attention_state = state(config)?;
    }
    Ok(())
}

/// How many there are: all that are not said to have attention.
fn number(config: &Config<'_>, layers: u64) -> Result<Option<u64>, String> {
    let list = |name| config.get(name).and_then(Value::as_array);
    if let Some(kinds) = list("layer_types") {
        let keeps = |kind: &&Value| matches!(kind.as_str(), Some("linear_attention" | "mamba"));
        return Ok(Some(kinds.iter().filter(keeps).count() as u64));
    }
    // Nemotron-H has a letter for each layer: `*` is attention.
    if let Some(pattern) = config.text("hybrid_override_pattern") {
        let attention = pattern.bytes().filter(|kind| *kind == b'*').count() as u64;
        return Ok(Some(layers.saturating_sub(attention)));
    }
    if let Some(attention) = list("attn_layer_indices") {
        return Ok(Some(layers.saturating_sub(attention.len() as u64)));
    }
    // One in so many has attention: Qwen3-Next, Jamba.
    let every = config.number(&["full_attention_interval", "attn_layer_period"])?;
    Ok(every
        .filter(|every| *every > 0)
        .map(|every| layers - layers / every))
}

/// The numbers that one keeps for a sequence: its state, and the last inputs of its convolution.
fn state(config: &Config<'_>) -> Result<Option<u64>, String> {
    let figure = |names: &[&str]| config.number(names);
    let product = |factors: &[Option<u64>]| {
        factors
            .iter()
            .try_fold(1_u64, |product, factor| product.checked_mul((*factor)?))
    };
    let sum = |a: Option<u64>, b: Option<u64>| a?.checked_add(b?);
    // DeltaNet: a matrix for each value head.
    let values = figure(&["linear_num_value_heads"])?;
    if values.is_some() {
        let key = figure(&["linear_key_head_dim"])?;
        let value = figure(&["linear_value_head_dim"])?;
        let keys = product(&[Some(2), figure(&["linear_num_key_heads"])?, key]);
        let inputs = sum(keys, product(&[values, value]));
        let kernel = figure(&["linear_conv_kernel_dim"])?.map(|kernel| kernel.saturating_sub(1));
        return Ok(sum(
            product(&[values, key, value]),
            product(&[kernel, inputs]),
        ));
    }
    // Mamba: a vector for each channel; Mamba 2 convolves what goes into the states as well.
    let size = figure(&["mamba_d_state", "ssm_state_size", "state_size"])?;
    let kernel = figure(&["mamba_d_conv", "conv_kernel"])?.map(|kernel| kernel.saturating_sub(1));
    let heads = figure(&["mamba_n_heads", "mamba_num_heads"])?;
    let (channels, inputs) = match heads {
        Some(_) => {
            let channels = product(&[heads, figure(&["mamba_d_head", "mamba_head_dim"])?]);
            let groups = figure(&["mamba_n_groups", "n_groups"])?;
            (channels, sum(channels, product(&[Some(2), groups, size])))
        }
        None => {
            let hidden = figure(&["hidden_size"])?;
            let channels = product(&[figure(&["mamba_expand", "expand"])?, hidden]);
            (channels, channels)
        }
    };
    Ok(sum(product(&[channels, size]), product(&[kernel, inputs])))
}
