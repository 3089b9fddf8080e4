//! The header of a safetensors file: eight bytes of length, then JSON with each tensor's place.

use serde_json::Value;

use crate::source::File;

/// The bytes of all tensors.
pub(super) fn bytes(file: &File) -> Result<u64, String> {
    let (length, rest) = file
        .head
        .split_first_chunk::<8>()
        .ok_or("it is shorter than a header")?;
    let length = u64::from_le_bytes(*length);
    let header = usize::try_from(length)
        .ok()
        .and_then(|length| rest.get(..length))
        .ok_or("its header is longer than the file, or than 100 MiB")?;
    let json: Value = serde_json::from_slice(header)
        .map_err(|error| format!("its header is no JSON: {error}"))?;
    let tensors = json.as_object().ok_or("its header is no JSON object")?;
    let (mut sum, mut end) = (0_u64, 0_u64);
    for (name, tensor) in tensors.iter().filter(|(name, _)| *name != "__metadata__") {
        let offsets = tensor["data_offsets"].as_array().map(Vec::as_slice);
        let (from, to) = match offsets {
            Some([from, to]) => from.as_u64().zip(to.as_u64()),
            _ => None,
        }
        .filter(|(from, to)| from <= to)
        .ok_or_else(|| format!("`data_offsets` of tensor `{name}` are no range"))?;
        sum = sum.saturating_add(to - from);
        end = end.max(to);
    }
    if length.checked_add(8).and_then(|data| data.checked_add(end)) != Some(file.length) {
        return Err(format!(
            "its header speaks of {end} bytes, and others are there: it is cut or damaged"
        ));
    }
    Ok(sum)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(header: &str, data: u64) -> File {
        let head = [&(header.len() as u64).to_le_bytes()[..], header.as_bytes()].concat();
        let length = head.len() as u64 + data;
        File { head, length }
    }

    const HEADER: &str = r#"{"__metadata__":{"format":"pt"},"a":{"dtype":"F16","shape":[4],"data_offsets":[0,8]},
        "b":{"dtype":"F16","shape":[2],"data_offsets":[8,12]}}"#;

    #[test]
    fn sums_up_tensors() {
        assert_eq!(bytes(&file(HEADER, 12)), Ok(12));
    }

    #[test]
    fn cut_and_damaged_files_are_refused() {
        assert!(bytes(&file(HEADER, 11)).unwrap_err().contains("cut"));
        assert!(
            bytes(&file("{\"a\":{\"data_offsets\":[8,0]}}", 0))
                .unwrap_err()
                .contains("`a`")
        );
        assert!(
            bytes(&File {
                head: vec![255; 20],
                length: 20
            })
            .is_err()
        );
        assert!(
            bytes(&File {
                head: vec![],
                length: 0
            })
            .is_err()
        );
    }
}
