//! `[architectures.NAME]`

use schemars::JsonSchema;
use serde::Deserialize;

/// The figures of a model that the GPU plan does not know by name, as its `config.json` has them. What is left out
/// comes from that file, where `config` names it, then from the header of a GGUF file, where `files` does, or is no
/// part of the model.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Architecture {
    /// The model's `config.json`, beside the spec or below it; fields of this table come before those of the file.
    pub config: Option<String>,
    /// Its weights, beside the spec or below it: safetensors or GGUF files, of which only the headers are read.
    /// Their exact bytes come before any formula, and GGUF files have the figures as well.
    #[serde(default)]
    pub files: Vec<String>,
    /// Transformer layers.
    pub num_hidden_layers: Option<u64>,
    /// Width of the residual stream.
    pub hidden_size: Option<u64>,
    /// Query heads.
    pub num_attention_heads: Option<u64>,
    /// Key and value heads; fewer than query heads with grouped-query attention.
    pub num_key_value_heads: Option<u64>,
    /// Width of a head. Default: `hidden_size` over `num_attention_heads`.
    pub head_dim: Option<u64>,
    /// Width of the MLP.
    pub intermediate_size: Option<u64>,
    /// Entries of the vocabulary.
    pub vocab_size: Option<u64>,
    /// The longest sequence that the model was made for.
    pub max_position_embeddings: Option<u64>,
    /// Whether the output layer is the embedding. Default: `false`.
    pub tie_word_embeddings: Option<bool>,
    /// Whether the MLP has a gate (SwiGLU): three matrices instead of two. Default: `true`.
    pub gated_mlp: Option<bool>,
    /// Whether query, key and value have biases. Default: `false`.
    pub attention_bias: Option<bool>,
    /// Whether positions are a learned table instead of a rotation. Default: `false`.
    pub learned_positions: Option<bool>,
    /// The factor of linear RoPE scaling, by which vLLM lengthens its table of rotations. Default: `1.0`.
    pub rope_factor: Option<f64>,
    /// Multi-head latent attention: width of the compressed keys and values.
    pub kv_lora_rank: Option<u64>,
    /// The same: width of the compressed queries. Default: they are not compressed.
    pub q_lora_rank: Option<u64>,
    /// The same: rotated part of a head.
    pub qk_rope_head_dim: Option<u64>,
    /// The same: part of a head that is not rotated.
    pub qk_nope_head_dim: Option<u64>,
    /// The same: width of a value head.
    pub v_head_dim: Option<u64>,
    /// Mixture of experts: experts in a layer.
    pub num_experts: Option<u64>,
    /// The same: experts that work on a token.
    pub num_experts_per_tok: Option<u64>,
    /// The same: width of an expert.
    pub moe_intermediate_size: Option<u64>,
    /// The same: width of all experts together that work on every token. Default: none.
    pub shared_expert_intermediate_size: Option<u64>,
    /// The same: layers at the beginning that have an MLP instead. Default: `0`.
    pub dense_layers: Option<u64>,
    /// The same: whether experts have biases, as those of gpt-oss. Default: `false`.
    pub expert_bias: Option<bool>,
    /// Layers whose attention sees a window only.
    pub sliding_layers: Option<u64>,
    /// The window of those layers, in tokens.
    pub sliding_window: Option<u64>,
    /// Whether that window is a chunk, as Llama 4 has it, and does not slide. Default: `false`.
    pub chunked_attention: Option<bool>,
    /// Layers with linear attention (Mamba, DeltaNet), which keep a state instead of keys and values. Default: `0`.
    pub linear_attention_layers: Option<u64>,
    /// The same: numbers that such a layer keeps for a sequence, of its state and its convolution together. Default:
    /// unknown, so that it is not known how many sequences there is room for.
    pub linear_attention_state: Option<u64>,
    /// The same: parameters of such a layer's own projections. Default: they are counted as if it had attention, and
    /// with more doubt.
    pub linear_attention_parameters: Option<u64>,
    /// Whether it answers with a vector and samples no tokens. Default: `false`.
    pub pooling: Option<bool>,
    /// A multimodal model: parameters of the encoder and what joins it to the model.
    pub vision_parameters: Option<u64>,
    /// The same: tokens of the largest image.
    pub image_tokens: Option<u64>,
    /// The same: patches of the largest image.
    pub image_patches: Option<u64>,
    /// The same: pixels of the largest image, all tiles together, and as often as the encoder sees each.
    pub image_pixels: Option<u64>,
    /// The same: frames of the longest video that vLLM profiles it with, of which two are as large as an image. Default:
    /// it is profiled with images.
    pub video_frames: Option<u64>,
    /// The same: width of the encoder.
    pub vision_hidden_size: Option<u64>,
    /// The same: width of the encoder's MLP.
    pub vision_intermediate_size: Option<u64>,
}
