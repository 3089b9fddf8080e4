//! The header of a GGUF file (ggml, docs/gguf.md): metadata, then each tensor's name, shape, type and place.

mod figures;
mod reader;

use std::collections::BTreeMap;

use crate::model_files::Weights;
use crate::model_files::gguf::reader::{Reader, Value};
use crate::source::File;
use crate::spec::architecture::Architecture;

/// What a header says of its file.
pub(super) struct Header<'f> {
    metadata: BTreeMap<&'f str, Value<'f>>,
    /// Tensors by their name: the shape, the innermost first.
    shapes: BTreeMap<&'f str, Vec<u64>>,
    bytes: u64,
    /// Of them, those of the embedding.
    embedding: u64,
}

impl Header<'_> {
    /// The bytes of its tensors.
    pub(super) fn weights(&self) -> Weights {
        Weights {
            bytes: self.bytes,
            embedding: self.embedding,
            has_output: self.shapes.contains_key("output.weight"),
        }
    }

    /// Fills in what `figures` do not say themselves.
    pub(super) fn fill(&self, figures: &mut Architecture) -> Result<(), String> {
        figures::fill(&self.metadata, &self.shapes, figures)
    }
}

/// Reads a header.
pub(super) fn read(file: &File) -> Result<Header<'_>, String> {
    let mut reader = Reader { rest: &file.head };
    if reader.take(4)? != b"GGUF" {
        return Err("it does not begin with `GGUF`".to_owned());
    }
    let version = reader.u32()?;
    if !matches!(version, 2 | 3) {
        return Err(format!(
            "version {version} of GGUF is not known; known are 2 and 3"
        ));
    }
    let (tensors, entries) = (reader.u64()?, reader.u64()?);
    let mut metadata = BTreeMap::new();
    for entry in 0..entries {
        let at = |why| format!("{why}: entry {} of {entries} of its metadata", entry + 1);
        let key = reader.text().map_err(at)?;
        let value = reader
            .value()
            .map_err(|why| format!("{why}: `{}` of its metadata", key.escape_debug()))?;
        metadata.insert(key, value);
    }
    let mut found = Vec::new();
    for tensor in 0..tensors {
        let at = |why| format!("{why}: tensor {} of {tensors}", tensor + 1);
        found.push(self::tensor(&mut reader).map_err(at)?);
    }
    let alignment = match metadata.get("general.alignment") {
        None => 32,
        Some(Value::Whole(bytes)) if bytes.is_power_of_two() && *bytes <= 1 << 20 => *bytes,
        Some(_) => return Err("its `general.alignment` is not a power of two".to_owned()),
    };
    let header = (file.head.len() - reader.rest.len()) as u64;
    let data = file.length.checked_sub(header.next_multiple_of(alignment));
    // A part of several files may have no tensors, and then no data either.
    let data = match data {
        None if found.is_empty() => 0,
        None => return Err("it ends with its header: it is cut".to_owned()),
        Some(data) => data,
    };
    sizes(metadata, found, data)
}

/// A tensor as the header describes it.
struct Tensor<'f> {
    name: &'f str,
    shape: Vec<u64>,
    kind: u32,
    offset: u64,
}

fn tensor<'f>(reader: &mut Reader<'f>) -> Result<Tensor<'f>, String> {
    let name = reader.text()?;
    let at = |why| format!("{why}, of `{}`", name.escape_debug());
    let dimensions = reader.u32().map_err(at)?;
    // ggml.h, `GGML_MAX_DIMS`
    if dimensions > 4 {
        return Err(at(format!("{dimensions} dimensions are more than 4")));
    }
    let shape = (0..dimensions).map(|_| reader.u64());
    Ok(Tensor {
        name,
        shape: shape.collect::<Result<_, _>>().map_err(at)?,
        kind: reader.u32().map_err(at)?,
        offset: reader.u64().map_err(at)?,
    })
}

/// Adds up tensors: each as large as its shape and type make it; of a type that is not known, as far as to the next.
fn sizes<'f>(
    metadata: BTreeMap<&'f str, Value<'f>>,
    mut tensors: Vec<Tensor<'f>>,
    data: u64,
) -> Result<Header<'f>, String> {
    tensors.sort_by_key(|tensor| tensor.offset);
    let ends: Vec<u64> = tensors
        .iter()
        .skip(1)
        .map(|tensor| tensor.offset)
        .chain([data])
        .collect();
    let (mut bytes, mut embedding) = (0_u64, 0);
    let mut shapes = BTreeMap::new();
    for (tensor, end) in tensors.into_iter().zip(ends) {
        let name = tensor.name.escape_debug();
        let room = end.checked_sub(tensor.offset);
        let size = match block(tensor.kind) {
            Some(block) => size(&tensor.shape, block)
                .ok_or_else(|| format!("the shape of tensor `{name}` is none of its type"))?,
            None => room.unwrap_or(u64::MAX),
        };
        if room.is_none_or(|room| room < size) {
            return Err(format!(
                "tensor `{name}` ends behind the next one or the file: it is cut or damaged"
            ));
        }
        bytes += size;
        if tensor.name == EMBEDDING {
            embedding = size;
        }
        shapes.insert(tensor.name, tensor.shape);
    }
    Ok(Header {
        metadata,
        shapes,
        bytes,
        embedding,
    })
}

/// The embedding: what llama.cpp leaves on the CPU, unless it is the output layer, too.
const EMBEDDING: &str = "token_embd.weight";

/// The bytes of a tensor of this shape, whose innermost rows are of whole blocks.
fn size(shape: &[u64], (elements, bytes): (u64, u64)) -> Option<u64> {
    let row = shape.first().copied().unwrap_or(1);
    if !row.is_multiple_of(elements) {
        return None;
    }
    let mut rows = shape.iter().skip(1);
    rows.try_fold((row / elements).checked_mul(bytes)?, |size, rows| {
        size.checked_mul(*rows)
    })
}

/// The elements of a block of this type, and its bytes (ggml.h, `enum ggml_type`; ggml-common.h, `block_*`).
fn block(kind: u32) -> Option<(u64, u64)> {
    Some(match kind {
        0 | 26 => (1, 4),
        1 | 25 | 30 => (1, 2),
        24 => (1, 1),
        27 | 28 => (1, 8),
        2 | 20 => (32, 18),
        3 => (32, 20),
        6 => (32, 22),
        7 => (32, 24),
        8 => (32, 34),
        9 => (32, 36),
        10 => (256, 84),
        11 | 21 => (256, 110),
        12 => (256, 144),
        13 => (256, 176),
        14 => (256, 210),
        15 => (256, 292),
        16 => (256, 66),
        17 => (256, 74),
        18 => (256, 98),
        19 => (256, 50),
        22 => (256, 82),
        23 => (256, 136),
        29 => (256, 56),
        34 => (256, 54),
        35 => (256, 66),
        39 => (32, 17),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::plan::architecture::Architecture as Figures;
    use crate::resolve::figures::architecture;

    fn text(text: &str) -> Vec<u8> {
        [&(text.len() as u64).to_le_bytes()[..], text.as_bytes()].concat()
    }

    fn whole(key: &str, number: u32) -> Vec<u8> {
        [
            text(key),
            4_u32.to_le_bytes().to_vec(),
            number.to_le_bytes().to_vec(),
        ]
        .concat()
    }

    fn words(key: &str, words: &[&str]) -> Vec<u8> {
        let mut bytes = text(key);
        match words {
            [word] => bytes.extend([8_u32.to_le_bytes().to_vec(), text(word)].concat()),
            _ => {
                bytes.extend([9_u32, 8].map(u32::to_le_bytes).concat());
                bytes.extend((words.len() as u64).to_le_bytes());
                bytes.extend(words.iter().flat_map(|word| text(word)));
            }
        }
        bytes
    }

    /// A tensor of 16-bit numbers.
    fn tensor(name: &str, shape: &[u64], offset: u64) -> Vec<u8> {
        let mut bytes = text(name);
        bytes.extend((shape.len() as u32).to_le_bytes());
        bytes.extend(shape.iter().flat_map(|side| side.to_le_bytes()));
        bytes.extend(1_u32.to_le_bytes());
        bytes.extend(offset.to_le_bytes());
        bytes
    }

    fn file(metadata: &[Vec<u8>], tensors: &[Vec<u8>], data: u64) -> File {
        let mut head = b"GGUF\x03\0\0\0".to_vec();
        head.extend((tensors.len() as u64).to_le_bytes());
        head.extend((metadata.len() as u64).to_le_bytes());
        head.extend(metadata.concat());
        head.extend(tensors.concat());
        let length = (head.len() as u64).next_multiple_of(32) + data;
        File { head, length }
    }

    fn llama() -> Vec<Vec<u8>> {
        vec![
            words("general.architecture", &["llama"]),
            whole("llama.block_count", 2),
            whole("llama.embedding_length", 64),
            whole("llama.attention.head_count", 8),
            whole("llama.attention.head_count_kv", 2),
            whole("llama.feed_forward_length", 192),
            whole("llama.context_length", 4096),
            words("tokenizer.ggml.tokens", &["a", "b"]),
        ]
    }

    /// A small model: an embedding of 4 KiB, a layer's gate, and one more tensor.
    fn small(last: &str) -> File {
        let tensors = [
            tensor("blk.0.ffn_gate.weight", &[64, 3], 8192),
            tensor("token_embd.weight", &[64, 32], 0),
            tensor(last, &[64, 32], 4096),
        ];
        file(&llama(), &tensors, 8192 + 384)
    }

    fn figures(file: &File) -> Result<Architecture, String> {
        let mut figures = Architecture::default();
        read(file)?.fill(&mut figures).map(|()| figures)
    }

    #[test]
    fn reads_exact_bytes_and_figures() {
        let file = small("output.weight");
        let weights = read(&file).unwrap().weights();
        let expected = Weights {
            bytes: 8192 + 384,
            embedding: 4096,
            has_output: true,
        };
        assert_eq!(weights, expected);
        let Figures {
            layers,
            hidden,
            heads,
            kv_heads,
            head_dim,
            intermediate,
            vocabulary,
            positions,
            gated,
            ..
        } = architecture(&figures(&file).unwrap()).unwrap();
        assert_eq!((layers, hidden, heads, kv_heads), (2, 64, 8, 2));
        assert_eq!((head_dim, intermediate), (8, 192));
        assert_eq!((vocabulary, positions, gated), (32, 4096, true));
    }

    #[test]
    fn what_the_spec_says_comes_first() {
        let mut figures = Architecture {
            max_position_embeddings: Some(8192),
            ..Architecture::default()
        };
        read(&small("output.weight"))
            .unwrap()
            .fill(&mut figures)
            .unwrap();
        assert_eq!(figures.max_position_embeddings, Some(8192));
        assert_eq!(figures.num_hidden_layers, Some(2));
    }

    #[test]
    fn faults_name_the_field() {
        let wrong = |key: &str, value: Vec<u8>| {
            let mut metadata = llama();
            metadata.retain(|entry| !entry.starts_with(&text(key)));
            metadata.push(value);
            figures(&file(&metadata, &[], 0)).unwrap_err()
        };
        let layers = "llama.block_count";
        assert_eq!(
            wrong(layers, words(layers, &["two"])),
            "its `llama.block_count` is not a whole number"
        );
        let heads = "llama.attention.head_count_kv";
        let mut uneven = text(heads);
        uneven.extend([9_u32, 4].map(u32::to_le_bytes).concat());
        uneven.extend(2_u64.to_le_bytes());
        uneven.extend([2_u32, 4].map(u32::to_le_bytes).concat());
        assert!(wrong(heads, uneven).contains("`llama.attention.head_count_kv` differs"));
        let state = "llama.ssm.state_size";
        let why = wrong(state, whole(state, 16));
        assert!(why.contains("`linear_attention_layers`"), "{why}");
        let kind = file(&[[text("odd"), vec![99, 0, 0, 0]].concat()], &[], 0);
        let why = read(&kind).err().unwrap();
        assert_eq!(
            why,
            "a value of kind 99 is not known: `odd` of its metadata"
        );
    }

    #[test]
    fn a_tensor_that_is_cut_is_named() {
        let mut cut = small("output.weight");
        cut.length -= 1;
        let why = read(&cut).err().unwrap();
        assert!(why.contains("`blk.0.ffn_gate.weight`"), "{why}");
    }

    #[test]
    fn any_cut_is_refused() {
        let whole = small("output.weight");
        for length in 0..whole.head.len() {
            let cut = File {
                head: whole.head[..length].to_vec(),
                length: length as u64,
            };
            assert!(read(&cut).is_err(), "{length}");
        }
    }

    #[test]
    fn claims_beyond_all_bounds_are_refused_at_once() {
        for at in [8, 16] {
            let mut file = small("output.weight");
            file.head[at..at + 8].copy_from_slice(&(1_u64 << 60).to_le_bytes());
            let why = read(&file).err().unwrap();
            assert!(why.contains("1152921504606846976"), "{why}");
        }
    }

    proptest! {
        #[test]
        fn any_damage_is_answered(
            at in 0..600_usize, bytes in prop::collection::vec(any::<u8>(), 0..16), length in any::<u64>(),
        ) {
            let mut damaged = small("output.weight");
            for (place, byte) in damaged.head.iter_mut().skip(at).zip(bytes) {
                *place = byte;
            }
            damaged.length = length.max(damaged.head.len() as u64);
            if let Ok(header) = read(&damaged) {
                prop_assert!(header.bytes <= damaged.length);
                prop_assert!(header.embedding <= header.bytes);
            }
            let _any = figures(&damaged).map(|figures| architecture(&figures));
        }
    }
}
