//! The figures of a model that its memory follows from.

/// A model's architecture. Numbers are as in its `config.json`; all are at least 1 and at most 2^40, so that no
/// product of a few of them leaves the range of an `f64`.
#[derive(Clone, Debug, PartialEq)]
pub struct Architecture {
    /// Transformer layers.
    pub layers: u64,
    /// Width of the residual stream.
    pub hidden: u64,
    /// Query heads.
    pub heads: u64,
    /// Key and value heads.
    pub kv_heads: u64,
    /// Width of a head.
    pub head_dim: u64,
    /// Width of the MLP.
    pub intermediate: u64,
    /// Entries of the vocabulary.
    pub vocabulary: u64,
    /// The longest sequence that it was made for.
    pub positions: u64,
    /// Whether the output layer is the embedding.
    pub tied: bool,
    /// Whether the MLP has a gate.
    pub gated: bool,
    /// Whether query, key and value have biases.
    pub attention_bias: bool,
    /// Whether positions are a learned table.
    pub learned_positions: bool,
    /// The factor of linear RoPE scaling.
    pub rope_factor: f64,
    /// Multi-head latent attention.
    pub mla: Option<Mla>,
    /// Mixture of experts.
    pub experts: Option<Experts>,
    /// Layers that see a window only.
    pub local: Option<Local>,
    /// Layers that keep a state instead of keys and values.
    pub linear_layers: u64,
    /// Numbers that one of them keeps for a sequence, if that is known.
    pub linear_state: Option<u64>,
    /// Parameters of the projections that one of them has instead of attention, if that is known.
    pub linear_parameters: Option<u64>,
    /// Whether it samples no tokens.
    pub pooling: bool,
    /// The encoder of a multimodal model.
    pub vision: Option<Vision>,
}

/// Multi-head latent attention (DeepSeek-V2, arXiv 2405.04434).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Mla {
    /// Width of the compressed keys and values.
    pub kv_rank: u64,
    /// Width of the compressed queries, if they are compressed.
    pub q_rank: Option<u64>,
    /// Rotated part of a head.
    pub rope_dim: u64,
    /// Part of a head that is not rotated.
    pub nope_dim: u64,
    /// Width of a value head.
    pub v_dim: u64,
}

/// Mixture of experts.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Experts {
    /// Experts in a layer.
    pub count: u64,
    /// Experts that work on a token.
    pub per_token: u64,
    /// Width of an expert.
    pub intermediate: u64,
    /// Width of all experts together that work on every token; 0 for none.
    pub shared: u64,
    /// Layers at the beginning that have an MLP instead.
    pub dense_layers: u64,
    /// Whether experts have biases.
    pub bias: bool,
}

/// Layers whose attention sees a window only.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Local {
    /// How many they are.
    pub layers: u64,
    /// The window in tokens.
    pub window: u64,
    /// Whether it is a chunk that does not slide.
    pub chunked: bool,
}

/// The encoder of a multimodal model, and the largest image that it takes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Vision {
    /// Its parameters, with what joins it to the model.
    pub parameters: u64,
    /// Tokens of an image.
    pub tokens: u64,
    /// Patches of an image.
    pub patches: u64,
    /// Pixels of an image.
    pub pixels: u64,
    /// Frames of the longest video that it is profiled with, two of them as large as an image; 0 for none.
    pub video_frames: u64,
    /// Its width.
    pub hidden: u64,
    /// The width of its MLP.
    pub intermediate: u64,
}

impl Architecture {
    /// Layers that keep keys and values of every token.
    pub fn full_layers(&self) -> u64 {
        let local = self.local.map_or(0, |local| local.layers);
        self.layers.saturating_sub(local + self.linear_layers)
    }

    /// Whether it has layers that keep a state, and nobody knows how large.
    pub fn has_unknown_state(&self) -> bool {
        self.linear_layers > 0 && self.linear_state.is_none()
    }

    /// Key and value heads that a rank holds: at least one, so they are copied where ranks outnumber them.
    pub fn kv_heads_per_rank(&self, tensor_parallel: u64) -> u64 {
        (self.kv_heads / tensor_parallel.max(1)).max(1)
    }
}
