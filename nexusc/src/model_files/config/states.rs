//! Layers that keep a state instead of keys and values, in the words of each kind of model (transformers,
//! `models/*/configuration_*.py`).

use serde_json::Value;

use crate::model_files::config::Config;
use crate::redact::shown;
use crate::spec::architecture::Architecture;

/// What a model with such layers has in its file: the size of a state.
const STATES: &[&str] = &[
    "linear_key_head_dim",
    "mamba_d_state",
    "ssm_state_size",
    "state_size",
];

/// Nemotron-H has a letter for each layer, which is one of Mamba, of attention or an MLP. Here a layer of either of the
/// first two has its part of all MLPs, so that their sum is what it is.
pub(super) fn one_thing_each(
    config: &Config<'_>,
    figures: &mut Architecture,
) -> Result<(), String> {
    let Some(pattern) = config.text("hybrid_override_pattern") else {
        return Ok(());
    };
    let count = |wanted: u8| pattern.bytes().filter(|kind| *kind == wanted).count() as u64;
    let (states, attention, mlps) = (count(b'M'), count(b'*'), count(b'-'));
    let layers = states + attention;
    if layers == 0 || pattern.len() as u64 != layers + mlps {
        return Err(format!(
            "its `hybrid_override_pattern` has layers that the plan does not know, beside `M`, `*` and `-`: \
             {}",
            shown(pattern)
        ));
    }
    figures.num_hidden_layers = figures.num_hidden_layers.or(Some(layers));
    figures.linear_attention_layers = figures.linear_attention_layers.or(Some(states));
    let width = config.number(&["intermediate_size"])?;
    let each = width.and_then(|width| Some(width.checked_mul(mlps)? / layers));
    figures.intermediate_size = figures.intermediate_size.or(each);
    Ok(())
}

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
    let Kept { state, parameters } = kept(config)?;
    figures.linear_attention_state = figures.linear_attention_state.or(state);
    figures.linear_attention_parameters = figures.linear_attention_parameters.or(parameters);
    Ok(())
}

/// How many there are: all that are not said to have attention.
fn number(config: &Config<'_>, layers: u64) -> Result<Option<u64>, String> {
    let list = |name| config.get(name).and_then(Value::as_array);
    if let Some(kinds) = list("layer_types") {
        let keeps = |kind: &&Value| matches!(kind.as_str(), Some("linear_attention" | "mamba"));
        return Ok(Some(kinds.iter().filter(keeps).count() as u64));
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

/// What one of them keeps, and is made of.
#[derive(Clone, Copy)]
struct Kept {
    /// Numbers that it keeps for a sequence: its state, and the last inputs of its convolution.
    state: Option<u64>,
    /// Parameters of its projections and its convolution.
    parameters: Option<u64>,
}

/// What one of them keeps and is made of; nothing where the file does not say all of it.
fn kept(config: &Config<'_>) -> Result<Kept, String> {
    let figure = |names: &[&str]| config.number(names);
    let hidden = figure(&["hidden_size"])?;
    // DeltaNet: a matrix for each value head; queries, keys, values, gates and two numbers a head go in.
    let values = figure(&["linear_num_value_heads"])?;
    if values.is_some() {
        let key = figure(&["linear_key_head_dim"])?;
        let value = figure(&["linear_value_head_dim"])?;
        let keys = product(&[Some(2), figure(&["linear_num_key_heads"])?, key]);
        let width = product(&[values, value]);
        let inputs = sum(&[keys, width]);
        let kernel = figure(&["linear_conv_kernel_dim"])?;
        let kept = product(&[kernel.map(|kernel| kernel.saturating_sub(1)), inputs]);
        let into = sum(&[inputs, width, product(&[Some(2), values])]);
        return Ok(Kept {
            state: sum(&[product(&[values, key, value]), kept]),
            parameters: sum(&[
                product(&[hidden, into]),
                product(&[width, hidden]),
                product(&[kernel, inputs]),
            ]),
        });
    }
    // Mamba: a vector for each channel; Mamba 2 convolves what goes into the states as well.
    let size = figure(&["mamba_d_state", "ssm_state_size", "state_size"])?;
    let kernel = figure(&["mamba_d_conv", "conv_kernel"])?;
    let heads = figure(&["mamba_n_heads", "mamba_num_heads"])?;
    let (channels, inputs, into) = match heads {
        Some(_) => {
            let channels = product(&[heads, figure(&["mamba_d_head", "mamba_head_dim"])?]);
            let groups = figure(&["mamba_n_groups", "n_groups"])?;
            let inputs = sum(&[channels, product(&[Some(2), groups, size])]);
            (
                channels,
                inputs,
                product(&[hidden, sum(&[inputs, channels, heads])]),
            )
        }
        None => {
            let channels = product(&[figure(&["mamba_expand", "expand"])?, hidden]);
            // The step of each channel comes of a sixteenth of the width, by default.
            let rank = figure(&["mamba_dt_rank", "time_step_rank"])?;
            let rank = rank.or(hidden.map(|hidden| hidden.div_ceil(16)));
            let small = sum(&[rank, rank, product(&[Some(2), size])]);
            let into = product(&[Some(2), hidden, channels]);
            (
                channels,
                channels,
                sum(&[into, product(&[channels, small])]),
            )
        }
    };
    let kept = product(&[kernel.map(|kernel| kernel.saturating_sub(1)), inputs]);
    Ok(Kept {
        state: sum(&[product(&[channels, size]), kept]),
        parameters: sum(&[
            into,
            product(&[channels, hidden]),
            product(&[kernel, inputs]),
        ]),
    })
}

fn product(factors: &[Option<u64>]) -> Option<u64> {
    factors
        .iter()
        .try_fold(1_u64, |product, factor| product.checked_mul((*factor)?))
}

fn sum(summands: &[Option<u64>]) -> Option<u64> {
    summands
        .iter()
        .try_fold(0_u64, |sum, summand| sum.checked_add((*summand)?))
}
