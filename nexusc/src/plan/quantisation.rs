//! In what form weights and keys and values are kept, and what a parameter costs.

/// The type that a model computes in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dtype {
    /// `bfloat16`.
    Bfloat16,
    /// `float16`.
    Float16,
    /// `float32`.
    Float32,
}

impl Dtype {
    /// Bytes of a number.
    pub fn bytes(self) -> f64 {
        match self {
            Self::Bfloat16 | Self::Float16 => 2.0,
            Self::Float32 => 4.0,
        }
    }

    /// Its name, as engines have it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Bfloat16 => "bfloat16",
            Self::Float16 => "float16",
            Self::Float32 => "float32",
        }
    }

    /// The type of this name.
    pub fn find(name: &str) -> Option<Self> {
        match name {
            "auto" | "bfloat16" => Some(Self::Bfloat16),
            "float16" | "half" => Some(Self::Float16),
            "float32" | "float" => Some(Self::Float32),
            _ => None,
        }
    }
}

/// How the weights of linear layers are kept.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Quantisation {
    /// Its name in a spec.
    pub name: &'static str,
    /// Bytes of a parameter's packed value; 0 for the model's own type.
    pub packed: f64,
    /// Bytes of scales and zero points, a parameter.
    pub scales: f64,
    /// How far the two may be off, as a part of the weights, for want of exact layouts.
    pub doubt: f64,
    /// What is quantised.
    pub scope: Scope,
}

/// Which weights are quantised.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Linear layers; embeddings and output stay as they are.
    Linear,
    /// Experts alone.
    Experts,
    /// Everything, each tensor by its own rule (GGUF): `more` bytes for what llama.cpp gives more bits.
    File {
        /// The better type of a mixed preset, which some of the values and down projections have.
        mixed: bool,
        /// Whether the output layer keeps the base type.
        output_as_base: bool,
    },
}

/// Every form of weights, by its name. Group sizes: AWQ and GPTQ 128 (a 16-bit scale and a 4-bit zero point, for AWQ
/// a 16-bit one), NF4 64 (a 32-bit absmax in flight; nested in checkpoints), MXFP4 32 and NVFP4 16 (an 8-bit scale). GGUF: bytes of
/// a block over its weights (ggml-common.h: Q4_K 144/256, Q5_K 176/256, Q6_K 210/256, Q8_0 34/32, ...).
pub const QUANTISATIONS: &[Quantisation] = &[
    linear("none", 0.0, 0.0, 0.0),
    linear("fp8", 1.0, 0.0, 0.002),
    linear("int8", 1.0, 0.0, 0.005),
    linear("awq-int4", 0.5, 0.0195, 0.01),
    linear("gptq-int4", 0.5, 0.0156, 0.01),
    linear("gptq-int8", 1.0, 0.0156, 0.01),
    linear("nvfp4", 0.5, 0.0625, 0.02),
    linear("bnb-int8", 1.0, 0.0, 0.02),
    linear("bnb-nf4", 0.5, 0.0625, 0.05),
    linear("bnb-nf4-nested", 0.5, 0.0156, 0.03),
    Quantisation {
        name: "mxfp4",
        packed: 0.5,
        scales: 0.03125,
        doubt: 0.005,
        scope: Scope::Experts,
    },
    file("gguf-f16", 2.0, false, true),
    file("gguf-q8_0", 34.0 / 32.0, false, true),
    file("gguf-q6_k", 210.0 / 256.0, false, true),
    file("gguf-q5_k_m", 176.0 / 256.0, true, false),
    file("gguf-q5_k_s", 176.0 / 256.0, false, false),
    file("gguf-q5_1", 24.0 / 32.0, false, false),
    file("gguf-q5_0", 22.0 / 32.0, false, false),
    file("gguf-q4_k_m", 144.0 / 256.0, true, false),
    file("gguf-q4_k_s", 144.0 / 256.0, false, false),
    file("gguf-iq4_xs", 136.0 / 256.0, false, false),
    file("gguf-q4_1", 20.0 / 32.0, false, false),
    file("gguf-q4_0", 18.0 / 32.0, false, false),
];

/// Bytes of a parameter in Q6_K.
pub(crate) const Q6_K: f64 = 210.0 / 256.0;

const fn linear(name: &'static str, packed: f64, scales: f64, doubt: f64) -> Quantisation {
    Quantisation {
        name,
        packed,
        scales,
        doubt,
        scope: Scope::Linear,
    }
}

const fn file(name: &'static str, packed: f64, mixed: bool, output_as_base: bool) -> Quantisation {
    Quantisation {
        name,
        packed,
        scales: 0.0,
        doubt: 0.03,
        scope: Scope::File {
            mixed,
            output_as_base,
        },
    }
}

impl Quantisation {
    /// The model's own type.
    pub const NONE: Self = linear("none", 0.0, 0.0, 0.0);

    /// The form of this name.
    pub fn find(name: &str) -> Option<Self> {
        let same = |form: &&Self| form.name.eq_ignore_ascii_case(name);
        QUANTISATIONS.iter().find(same).copied()
    }

    /// Whether it is a type of GGUF files.
    pub fn is_gguf(&self) -> bool {
        matches!(self.scope, Scope::File { .. })
    }
}

/// How keys and values are kept.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct KvDtype {
    /// Its name in a spec.
    pub name: &'static str,
    /// Bytes of a number; 0 for the model's own type.
    pub bytes: f64,
}

/// Every form of keys and values, by its name.
pub const KV_DTYPES: &[KvDtype] = &[
    kv("auto", 0.0),
    kv("fp8", 1.0),
    kv("fp8_e4m3", 1.0),
    kv("fp8_e5m2", 1.0),
    kv("f16", 2.0),
    kv("q8_0", 34.0 / 32.0),
    kv("q5_1", 24.0 / 32.0),
    kv("q5_0", 22.0 / 32.0),
    kv("q4_1", 20.0 / 32.0),
    kv("q4_0", 18.0 / 32.0),
];

const fn kv(name: &'static str, bytes: f64) -> KvDtype {
    KvDtype { name, bytes }
}

impl KvDtype {
    /// The model's own type.
    pub const AUTO: Self = kv("auto", 0.0);

    /// The form of this name.
    pub fn find(name: &str) -> Option<Self> {
        KV_DTYPES.iter().find(|form| form.name == name).copied()
    }

    /// Bytes of a number in a model of this type.
    pub fn bytes_in(&self, dtype: Dtype) -> f64 {
        if self.bytes > 0.0 {
            self.bytes
        } else {
            dtype.bytes()
        }
    }
}
