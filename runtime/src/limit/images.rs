//! Images in a prompt. A model server counts one by its pixels, not by the length of its base64: as text, a
//! photograph of a megabyte would be taken for 350,000 tokens.

use std::sync::LazyLock;

use memchr::memmem::{self, Finder};

/// What an image is taken for before anybody knows, in tokens: about a megapixel, as the models of today
/// count. What it was is settled by the upstream's word.
pub(super) const TOKENS: usize = 1024;

/// How data URLs of images begin, quote included. Prepared once: that costs more than a search.
static START: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(b"\"data:image"));

/// How many images stand in a prompt as data URLs, and how many bytes they take.
pub(super) fn count(json: &[u8]) -> (usize, usize) {
    let (mut images, mut bytes) = (0, 0);
    let start = START.needle().len();
    let mut rest = json;
    while let Some(found) = START.find(rest) {
        let (_, url) = rest.split_at(found + start);
        let length = memchr::memchr(b'"', url).unwrap_or(url.len());
        let (url, after) = url.split_at(length);
        if is_base64(url) {
            images += 1;
            bytes += start + length;
        }
        rest = after;
    }
    (images, bytes)
}

/// Whether what follows `data:image` is a format and nothing but base64: text in its place is text.
fn is_base64(url: &[u8]) -> bool {
    const MARK: &[u8] = b";base64,";
    // The slash may have a backslash in JSON.
    let url = url.strip_prefix(b"\\").unwrap_or(url);
    let Some(url) = url.strip_prefix(b"/") else {
        return false;
    };
    let Some(mark) = memmem::find(url, MARK) else {
        return false;
    };
    let (format, data) = url.split_at(mark);
    let is_letter = |byte: &u8| byte.is_ascii_alphanumeric() || b"+/=\\.-".contains(byte);
    format.len() <= 32 && data.iter().skip(MARK.len()).all(is_letter)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_is_counted_and_text_is_not() {
        for (json, expected) in [
            (r#"[{"url":"data:image/png;base64,iVBO+/8="}]"#, (1, 31)),
            (
                r#"["data:image\/png;base64,iV\/8=", "data:image/jpeg;base64,AA=="]"#,
                (2, 58),
            ),
            (r#"["data:image/png;base64,words and words"]"#, (0, 0)),
            (r#"["a; b", "data:image/png;base64,AAAA"]"#, (1, 27)),
            (r#"["data:image/png,words"]"#, (0, 0)),
            (r#"["see data:image/png;base64,AAAA"]"#, (0, 0)),
            (r#"["data:image/png;base64,AAAA"#, (1, 27)),
        ] {
            assert_eq!(count(json.as_bytes()), expected, "{json}");
        }
    }
}
