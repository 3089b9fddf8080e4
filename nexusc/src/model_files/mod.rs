//! What a model's own files say of it: `config.json`, and the headers of safetensors and GGUF files.
//!
//! Files come from strangers, so everything is checked before it is believed, and a fault names the field.

mod config;
mod gguf;
mod safetensors;

pub(crate) use config::fill as config;

use crate::source::File;
use crate::spec::architecture::Architecture;

/// The bytes of the tensors of a file, or of all files of a model.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Weights {
    /// All of them.
    pub(crate) bytes: u64,
    /// Of a GGUF file, those of the embedding.
    pub(crate) embedding: u64,
    /// Of a GGUF file, whether it has an output layer of its own.
    pub(crate) has_output: bool,
}

impl Weights {
    /// These and others, of another file of the same model.
    pub(crate) fn and(self, other: Self) -> Option<Self> {
        Some(Self {
            bytes: self.bytes.checked_add(other.bytes)?,
            embedding: self.embedding.checked_add(other.embedding)?,
            has_output: self.has_output || other.has_output,
        })
    }

    /// What llama.cpp brings onto GPUs: all but the embedding, unless that is the output layer, too.
    pub(crate) fn on_gpus(self) -> u64 {
        if self.has_output {
            self.bytes.saturating_sub(self.embedding)
        } else {
            self.bytes
        }
    }
}

/// Reads the header of a file: its bytes. A GGUF file has figures, too; they fill in what `figures` do not say
/// themselves.
pub(crate) fn weights(
    name: &str,
    file: &File,
    figures: &mut Architecture,
) -> Result<Weights, String> {
    match name.rsplit_once('.').map(|(_, extension)| extension) {
        Some("safetensors") => Ok(Weights {
            bytes: safetensors::bytes(file)?,
            ..Weights::default()
        }),
        Some("gguf") => {
            let header = gguf::read(file)?;
            header.fill(figures)?;
            Ok(header.weights())
        }
        _ => Err("weights end in `.safetensors` or `.gguf`".to_owned()),
    }
}
