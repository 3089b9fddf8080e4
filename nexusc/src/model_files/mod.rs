//! What a model's own files say of it: `config.json`, and the headers of safetensors and GGUF files.
//!
//! Files come from strangers, so everything is checked before it is believed, and a fault names the field.

mod config;
mod gguf;
mod safetensors;

pub(crate) use config::fill as config;

use crate::source::File;

/// The bytes of weights in a file, by its header. Of GGUF, without the embedding where llama.cpp leaves it on the CPU.
pub(crate) fn weights(name: &str, file: &File) -> Result<u64, String> {
    match name.rsplit_once('.').map(|(_, extension)| extension) {
        Some("safetensors") => safetensors::bytes(file),
        Some("gguf") => gguf::bytes(file),
        _ => Err("weights end in `.safetensors` or `.gguf`".to_owned()),
    }
}
