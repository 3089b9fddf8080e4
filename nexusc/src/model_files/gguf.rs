//! The header of a GGUF file (ggml, docs/gguf.md): metadata, then each tensor's name and place.

use crate::source::File;

/// The bytes that go onto the GPUs: all tensors, without the embedding where the output layer is another one.
pub(super) fn bytes(file: &File) -> Result<u64, String> {
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
    let mut alignment = 32;
    for _ in 0..entries {
        let key = reader.string()?;
        let kind = reader.u32()?;
        if key == b"general.alignment" && kind == 4 {
            alignment = u64::from(reader.u32()?).max(1);
        } else {
            reader.skip_value(kind)?;
        }
    }
    let (mut embedding, mut has_output, mut offsets) = (None, false, Vec::new());
    for _ in 0..tensors {
        let name = reader.string()?;
        for _ in 0..reader.u32()? {
            reader.u64()?;
        }
        reader.u32()?;
        let offset = reader.u64()?;
        match name {
            b"token_embd.weight" => embedding = Some(offset),
            b"output.weight" => has_output = true,
            _ => {}
        }
        offsets.push(offset);
    }
    let header = (file.head.len() - reader.rest.len()) as u64;
    let data = file
        .length
        .checked_sub(header.next_multiple_of(alignment))
        .ok_or("it ends with its header: it is cut")?;
    offsets.sort_unstable();
    if offsets.last().is_some_and(|last| *last > data) {
        return Err("a tensor lies beyond its end: it is cut".to_owned());
    }
    let on_cpu = embedding.filter(|_| has_output).map_or(0, |start| {
        let next = offsets
            .iter()
            .find(|offset| **offset > start)
            .unwrap_or(&data);
        next - start
    });
    Ok(data - on_cpu)
}

/// What is left of the header.
struct Reader<'f> {
    rest: &'f [u8],
}

impl<'f> Reader<'f> {
    fn take(&mut self, bytes: u64) -> Result<&'f [u8], String> {
        let split = usize::try_from(bytes)
            .ok()
            .and_then(|bytes| self.rest.split_at_checked(bytes));
        let (taken, rest) = split.ok_or("its header is cut, or longer than 64 MiB")?;
        self.rest = rest;
        Ok(taken)
    }

    fn u32(&mut self) -> Result<u32, String> {
        let bytes = self.take(4)?.try_into().map_err(|_| "its header is cut")?;
        Ok(u32::from_le_bytes(bytes))
    }

    fn u64(&mut self) -> Result<u64, String> {
        let bytes = self.take(8)?.try_into().map_err(|_| "its header is cut")?;
        Ok(u64::from_le_bytes(bytes))
    }

    fn string(&mut self) -> Result<&'f [u8], String> {
        let length = self.u64()?;
        self.take(length)
    }

    fn skip_value(&mut self, kind: u32) -> Result<(), String> {
        match kind {
            8 => self.string().map(|_| ()),
            9 => {
                let (element, length) = (self.u32()?, self.u64()?);
                if let Some(size) = size(element) {
                    let bytes = size
                        .checked_mul(length)
                        .ok_or("an array has no sound length")?;
                    return self.take(bytes).map(|_| ());
                }
                if element != 8 {
                    return Err(format!("an array of kind {element} is not known"));
                }
                (0..length).try_for_each(|_| self.string().map(|_| ()))
            }
            _ => {
                let size =
                    size(kind).ok_or_else(|| format!("a value of kind {kind} is not known"))?;
                self.take(size).map(|_| ())
            }
        }
    }
}

/// The bytes of a value of this kind, if they are always as many.
fn size(kind: u32) -> Option<u64> {
    match kind {
        0 | 1 | 7 => Some(1),
        2 | 3 => Some(2),
        4..=6 => Some(4),
        10..=12 => Some(8),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn string(text: &str) -> Vec<u8> {
        [&(text.len() as u64).to_le_bytes()[..], text.as_bytes()].concat()
    }

    fn tensor(name: &str, offset: u64) -> Vec<u8> {
        let rest = [
            &1_u32.to_le_bytes()[..],
            &[0; 8],
            &[0; 4],
            &offset.to_le_bytes(),
        ]
        .concat();
        [string(name), rest].concat()
    }

    /// A file with an array of strings in its metadata, an embedding of 64 bytes, and 100 bytes in all.
    fn file(output: &str) -> File {
        let mut head = b"GGUF\x03\0\0\0".to_vec();
        head.extend([&3_u64.to_le_bytes()[..], &1_u64.to_le_bytes()].concat());
        head.extend(string("tokenizer.ggml.tokens"));
        head.extend(
            [
                &9_u32.to_le_bytes()[..],
                &8_u32.to_le_bytes(),
                &2_u64.to_le_bytes(),
            ]
            .concat(),
        );
        head.extend([string("a"), string("bc")].concat());
        head.extend(
            [
                tensor("blk.0", 64),
                tensor("token_embd.weight", 0),
                tensor(output, 96),
            ]
            .concat(),
        );
        let length = (head.len() as u64).next_multiple_of(32) + 100;
        File { head, length }
    }

    #[test]
    fn leaves_out_the_embedding_unless_it_is_the_output() {
        assert_eq!(bytes(&file("output.weight")), Ok(36));
        assert_eq!(bytes(&file("output_norm")), Ok(100));
    }

    #[test]
    fn any_cut_is_refused() {
        let whole = file("output.weight");
        for length in 0..whole.head.len() {
            let cut = File {
                head: whole.head[..length].to_vec(),
                length: length as u64,
            };
            assert!(bytes(&cut).is_err(), "{length}");
        }
    }
}
