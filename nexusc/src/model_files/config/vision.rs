//! The encoder of a multimodal model. Its file has the encoder's shape; parameters, and what becomes of the largest
//! image, follow from that for the kinds of encoders that are known here (transformers, `models/*/modeling_*.py`, and
//! vllm/model_executor/models, `get_image_size_with_most_features`). Of others they are missing until the spec says them.

use serde_json::Value;

use crate::model_files::config::Config;
use crate::spec::architecture::Architecture;

/// Pixels of the largest image that the image processors of Qwen2-VL and Qwen2.5-VL leave as it is, and Qwen3-VL's.
const QWEN2_PIXELS: u64 = 12_845_056;
const QWEN3_PIXELS: u64 = 16_777_216;

/// What a known encoder comes to.
struct Encoder {
    parameters: u64,
    tokens: u64,
    patches: u64,
    pixels: u64,
    video_frames: Option<u64>,
}

/// Fills in what the file says of its encoder, if it has one.
pub(super) fn fill(
    config: &Config<'_>,
    kind: &str,
    figures: &mut Architecture,
) -> Result<(), String> {
    let Some(table) = config.whole.get("vision_config").and_then(Value::as_object) else {
        return Ok(());
    };
    let vision = Config {
        whole: table,
        text: table,
    };
    // Qwen2-VL has the language model's width under the first of these names.
    let widths: &[&str] = match kind {
        "qwen2_vl" => &["embed_dim"],
        _ => &["hidden_size", "embed_dim", "width"],
    };
    vision.fill(&mut figures.vision_hidden_size, widths)?;
    vision.fill(
        &mut figures.vision_intermediate_size,
        &["intermediate_size"],
    )?;
    if kind == "qwen2_vl" && figures.vision_intermediate_size.is_none() {
        let ratio = vision.number(&["mlp_ratio"])?.unwrap_or(4);
        let width = figures.vision_hidden_size;
        figures.vision_intermediate_size = width.and_then(|width| width.checked_mul(ratio));
    }
    let known = encoder(config, &vision, kind, figures)?;
    let (patches, pixels) = match &known {
        Some(encoder) => (Some(encoder.patches), Some(encoder.pixels)),
        None => square(&vision)?,
    };
    figures.image_patches = figures.image_patches.or(patches);
    figures.image_pixels = figures.image_pixels.or(pixels);
    if let Some(encoder) = known {
        figures.vision_parameters = figures.vision_parameters.or(Some(encoder.parameters));
        figures.image_tokens = figures.image_tokens.or(Some(encoder.tokens));
        figures.video_frames = figures.video_frames.or(encoder.video_frames);
    }
    Ok(())
}

/// Patches and pixels of a square image.
fn square(vision: &Config<'_>) -> Result<(Option<u64>, Option<u64>), String> {
    let side = vision.number(&["image_size"])?;
    let patch = vision.number(&["patch_size"])?.filter(|patch| *patch > 0);
    let across = side.zip(patch).map(|(side, patch)| side / patch);
    let squared = |number: Option<u64>| number.and_then(|number| number.checked_mul(number));
    Ok((squared(across), across.and(squared(side))))
}

/// What the encoder comes to, if it is of a known kind and says all that is needed.
fn encoder(
    config: &Config<'_>,
    vision: &Config<'_>,
    kind: &str,
    figures: &Architecture,
) -> Result<Option<Encoder>, String> {
    let depth = vision.number(&["depth", "num_hidden_layers"])?;
    let patch = vision.number(&["patch_size"])?.filter(|patch| *patch > 0);
    let side = vision.number(&["image_size"])?.unwrap_or(0);
    let shape = (
        depth,
        patch,
        figures.vision_hidden_size,
        figures.vision_intermediate_size,
        figures.hidden_size,
    );
    let (Some(depth), Some(patch), Some(width), Some(mlp), Some(hidden)) = shape else {
        return Ok(None);
    };
    // Nothing that large is an encoder; products of these stay whole numbers.
    if [depth, patch, width, mlp, hidden, side]
        .iter()
        .any(|figure| *figure > 1 << 16)
    {
        return Ok(None);
    }
    let layer = |matrices: u64| 4 * width * width + matrices * width * mlp + 9 * width + mlp;
    let across = side / patch;
    let embedding = 3 * patch * patch * width;
    let projector = width * hidden + hidden * hidden;
    // Qwen joins four patches to a token, and sees two frames at once: an image is there twice.
    let of_qwen = |matrices: u64, mergers: u64, most: u64, positions: u64, frames: Option<u64>| {
        let merger = (4 * width).pow(2) + 4 * width * hidden;
        Encoder {
            parameters: depth * layer(matrices)
                + 2 * embedding
                + positions * width
                + mergers * merger,
            tokens: most / (patch * patch * 4),
            patches: most / (patch * patch),
            pixels: 2 * most,
            video_frames: frames,
        }
    };
    let tower = vision.text("model_type").unwrap_or_default();
    Ok(match (kind, tower) {
        ("qwen2_vl", _) => Some(of_qwen(2, 1, QWEN2_PIXELS, 0, Some(14))),
        ("qwen2_5_vl", _) => Some(of_qwen(3, 1, QWEN2_PIXELS, 0, Some(14))),
        ("qwen3_vl" | "qwen3_vl_moe", _) => {
            let deep = vision
                .get("deepstack_visual_indexes")
                .and_then(Value::as_array);
            let mergers = 1 + deep.map_or(0, |layers| layers.len().min(1024) as u64);
            let positions = vision.number(&["num_position_embeddings"])?;
            let positions = positions.unwrap_or(0).min(1 << 20);
            Some(of_qwen(2, mergers, QWEN3_PIXELS, positions, None))
        }
        ("gemma3", _) if across > 0 => Some(Encoder {
            parameters: depth * layer(2) + embedding + across * across * width + width * hidden,
            tokens: config.number(&["mm_tokens_per_image"])?.unwrap_or(256),
            patches: across * across,
            pixels: side * side,
            video_frames: None,
        }),
        // Its rows end in a token of their own.
        ("mistral3" | "llava" | "pixtral", "pixtral") if across > 0 => {
            let merge = config.number(&["spatial_merge_size"])?.unwrap_or(1);
            let merge = merge.clamp(1, across.min(16));
            let merger = if merge > 1 {
                merge * merge * width * width
            } else {
                0
            };
            Some(Encoder {
                parameters: depth * layer(3) + embedding + merger + projector,
                tokens: (across / merge) * (across / merge + 1),
                patches: across * across,
                pixels: side * side,
                video_frames: None,
            })
        }
        // The last layer is not used, and not loaded.
        ("llava", "clip_vision_model" | "siglip_vision_model") if across > 0 => Some(Encoder {
            parameters: depth.saturating_sub(1) * layer(2)
                + embedding
                + across * across * width
                + projector,
            tokens: across * across,
            patches: across * across,
            pixels: side * side,
            video_frames: None,
        }),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use crate::model_files::config;
    use crate::plan::architecture::Architecture;
    use crate::{catalogue, resolve, spec};

    /// The architecture that a `config.json` describes, and the catalogue's of this name.
    fn both(json: &str, name: &str) -> [Architecture; 2] {
        let mut figures = spec::architecture::Architecture::default();
        config::fill(json.as_bytes(), &mut figures).unwrap();
        let read = resolve::figures::architecture(&figures).unwrap();
        [read, catalogue::architecture(name).unwrap()]
    }

    #[test]
    fn a_file_says_of_known_encoders_what_the_catalogue_has() {
        let qwen = r#"{ "model_type": "qwen2_5_vl", "num_hidden_layers": 28, "hidden_size": 3584, "vocab_size": 152064,
            "num_attention_heads": 28, "num_key_value_heads": 4, "intermediate_size": 18944,
            "max_position_embeddings": 128000, "tie_word_embeddings": false,
            "rope_scaling": { "type": "mrope", "mrope_section": [16, 24, 24] },
            "vision_config": { "depth": 32, "hidden_size": 1280, "intermediate_size": 3420, "patch_size": 14 } }"#;
        let mistral = r#"{ "model_type": "mistral3", "spatial_merge_size": 2, "text_config": { "model_type": "mistral",
            "num_hidden_layers": 40, "hidden_size": 5120, "num_attention_heads": 32, "num_key_value_heads": 8,
            "head_dim": 128, "intermediate_size": 32768, "vocab_size": 131072, "max_position_embeddings": 131072 },
            "vision_config": { "model_type": "pixtral", "num_hidden_layers": 24, "hidden_size": 1024,
            "intermediate_size": 4096, "image_size": 1540, "patch_size": 14 } }"#;
        for (json, name) in [(qwen, "Qwen2.5-VL-7B"), (mistral, "Mistral-Small-3.1-24B")] {
            let [mut read, known] = both(json, name);
            let (mine, theirs) = (read.vision.as_mut().unwrap(), known.vision.unwrap());
            assert!(mine.parameters.abs_diff(theirs.parameters) < theirs.parameters / 50);
            mine.parameters = theirs.parameters;
            assert_eq!(read, known, "{name}");
        }
    }

    #[test]
    fn an_encoder_of_absurd_size_is_left_to_the_spec() {
        let json = r#"{ "model_type": "qwen2_5_vl", "hidden_size": 3584, "vision_config": { "depth": 18446744073709551615,
            "hidden_size": 1280, "intermediate_size": 3420, "patch_size": 14 } }"#;
        let mut figures = spec::architecture::Architecture::default();
        config::fill(json.as_bytes(), &mut figures).unwrap();
        assert_eq!(figures.vision_parameters, None);
    }
}
