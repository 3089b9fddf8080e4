//! What a prompt holds beside text: images, recordings, videos and documents in base64. A model server counts them by
//! their pixels, seconds and pages, not by the length of their base64: as text, a photograph of a megabyte would be
//! taken for 350,000 tokens, and half a minute of speech for as many.

use std::sync::LazyLock;

use memchr::memmem::{self, Finder};

use crate::api::json::{DATA_URL, INPUT_AUDIO, Reader};

/// What an image is taken for before anybody knows, in tokens: about a megapixel, as the models of today
/// count. What it was is settled by the upstream's word, as it is of all others.
const IMAGE: usize = 1024;

/// The same of a recording: half a minute, of which a second is 32 tokens to Gemini, 25 to Qwen2-Audio and 12.5 to
/// Voxtral.
const AUDIO: usize = 1024;

/// The same of a video: the 32 frames that vLLM takes of one, of 128 tokens each.
const VIDEO: usize = 4096;

/// The same of a document: eight pages of 512 tokens.
const DOCUMENT: usize = 4096;

/// How data URLs begin, quote included. Prepared once: that costs more than a search.
static URL: LazyLock<Finder<'static>> = LazyLock::new(|| after_quote(DATA_URL));

/// The name of the field in which OpenAI's API has recordings, without a URL.
static RECORDING: LazyLock<Finder<'static>> = LazyLock::new(|| after_quote(INPUT_AUDIO));

/// Finds `text` where a quote stands before it.
fn after_quote(text: &[u8]) -> Finder<'static> {
    Finder::new(&[b"\"", text].concat()).into_owned()
}

/// How much of a prompt is not text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Media {
    /// What it is taken for.
    pub(super) tokens: usize,
    /// What it takes of the prompt's JSON.
    pub(super) bytes: usize,
}

impl Media {
    /// All of `json`.
    pub(super) fn of(json: &[u8]) -> Self {
        let mut media = Self::default();
        media.add_urls(json);
        media.add_recordings(json);
        media
    }

    fn add(&mut self, tokens: usize, bytes: usize) {
        self.tokens += tokens;
        self.bytes += bytes;
    }

    fn add_urls(&mut self, json: &[u8]) {
        let start = URL.needle().len();
        let mut rest = json;
        while let Some(found) = URL.find(rest) {
            let (_, url) = rest.split_at(found + start);
            let length = memchr::memchr(b'"', url).unwrap_or(url.len());
            let (url, after) = url.split_at(length);
            if let Some(tokens) = tokens(url) {
                self.add(tokens, start + length);
            }
            rest = after;
        }
    }

    fn add_recordings(&mut self, json: &[u8]) {
        let mut rest = json;
        while let Some(found) = RECORDING.find(rest) {
            let (_, after) = rest.split_at(found + RECORDING.needle().len());
            let mut reader = Reader::of(after);
            if let Some(bytes) = recording(after, &mut reader) {
                self.add(AUDIO, bytes);
            }
            rest = after.get(reader.at()..).unwrap_or_default();
        }
    }
}

/// What the data URL that goes on like this is taken for; text in its place, or of its type, is text.
fn tokens(url: &[u8]) -> Option<usize> {
    const MARK: &[u8] = b";base64,";
    const KINDS: [(&[u8], usize); 4] = [
        (b"image", IMAGE),
        (b"audio", AUDIO),
        (b"video", VIDEO),
        (b"application", DOCUMENT),
    ];
    let (kind, tokens) = KINDS.iter().find(|(kind, _)| url.starts_with(kind))?;
    let url = url.strip_prefix(*kind)?;
    // The slash may have a backslash in JSON.
    let url = url.strip_prefix(b"\\").unwrap_or(url);
    let url = url.strip_prefix(b"/")?;
    let mark = memmem::find(url, MARK)?;
    let (format, data) = url.split_at(mark);
    // vLLM takes a video as a list of its frames, too.
    let is_media = |byte| is_base64(byte) || (*tokens == VIDEO && *byte == b',');
    let is_media = format.len() <= 32 && data.iter().skip(MARK.len()).all(is_media);
    is_media.then_some(*tokens)
}

/// How many bytes the recording takes that is the value of the name before `json`: base64, and beside it its format.
fn recording(json: &[u8], reader: &mut Reader<'_>) -> Option<usize> {
    let (mut data, mut has_format) = (None, false);
    reader.expect(b':')?;
    let mut has_more = reader.enter(b'{')?;
    while has_more {
        let (name, value) = (reader.name()?, reader.value()?);
        match json.get(name.inside)? {
            b"data" => data = Some(value),
            b"format" => has_format = true,
            _ => {}
        }
        has_more = reader.another(b'{')?;
    }
    let data = json.get(data.filter(|_| has_format)?)?;
    let inside = data.strip_prefix(b"\"")?.strip_suffix(b"\"")?;
    inside.iter().all(is_base64).then_some(data.len())
}

/// Whether a byte may stand in base64, as JSON has it.
fn is_base64(byte: &u8) -> bool {
    byte.is_ascii_alphanumeric() || b"+/=\\.-".contains(byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counted(json: &str) -> (usize, usize) {
        let Media { tokens, bytes } = Media::of(json.as_bytes());
        (tokens, bytes)
    }

    #[test]
    fn what_is_in_a_url_is_counted_and_text_is_not() {
        for (json, expected) in [
            (r#"[{"url":"data:image/png;base64,iVBO+/8="}]"#, (1024, 31)),
            (
                r#"["data:image\/png;base64,iV\/8=", "data:image/jpeg;base64,AA=="]"#,
                (2048, 58),
            ),
            (r#"["data:image/png;base64,words and words"]"#, (0, 0)),
            (r#"["a; b", "data:image/png;base64,AAAA"]"#, (1024, 27)),
            (r#"["data:image/png,words"]"#, (0, 0)),
            (r#"["see data:image/png;base64,AAAA"]"#, (0, 0)),
            (r#"["data:image/png;base64,AAAA"#, (1024, 27)),
            (r#"["data:audio/wav;base64,AAAA"]"#, (1024, 27)),
            (r#"["data:audio/wav;base64,a word"]"#, (0, 0)),
            (r#"["data:audio/webm;codecs=opus;base64,AA"]"#, (1024, 38)),
            (r#"["data:audio/wav;base64,AA,AA"]"#, (0, 0)),
            (r#"["data:video/mp4;base64,AAAA"]"#, (4096, 27)),
            (r#"["data:video/jpeg;base64,AA,AA,AA"]"#, (4096, 32)),
            (r#"["data:video/jpeg;base64,a word, and more"]"#, (0, 0)),
            (r#"["data:application/pdf;base64,AAAA"]"#, (4096, 33)),
            (r#"["data:application/pdf;base64,a word"]"#, (0, 0)),
            (r#"["data:text/plain;base64,AAAA"]"#, (0, 0)),
            (r#"["data:;base64,AAAA"]"#, (0, 0)),
        ] {
            assert_eq!(counted(json), expected, "{json}");
        }
    }

    #[test]
    fn a_recording_is_base64_beside_its_format() {
        let part = |audio: &str| format!(r#"[{{"type":"input_audio","input_audio":{audio}}}]"#);
        for (audio, expected) in [
            (r#"{"data":"UklG","format":"wav"}"#, (1024, 6)),
            (
                r#" { "format" : "mp3", "data" : "UklG+\/8=" } "#,
                (1024, 11),
            ),
            (r#"{"data":"UklG"}"#, (0, 0)),
            (r#"{"data":"words and words","format":"wav"}"#, (0, 0)),
            (r#"{"data":["UklG"],"format":"wav"}"#, (0, 0)),
            (r#"{"x":{"data":"UklG","format":"wav"}}"#, (0, 0)),
            // Of two the last is taken for what is read.
            (
                r#"{"data":"UklGUklG","data":"UklG","format":"wav"}"#,
                (1024, 6),
            ),
            (
                r#"{"data":"data:audio/wav;base64,AA","format":"wav"}"#,
                (1024, 25),
            ),
            (r#""UklG""#, (0, 0)),
        ] {
            assert_eq!(counted(&part(audio)), expected, "{audio}");
        }
        let two = part(r#"{"data":"UklG","format":"wav"}"#).repeat(2);
        assert_eq!(counted(&two), (2048, 12));
        assert_eq!(counted(r#"["input_audio":{"data":"UklG"#), (0, 0));
    }

    #[test]
    fn recordings_within_recordings_are_passed_over_with_them() {
        // To read each of them by itself would take the time of their square.
        let nested = r#""input_audio":{"input_audio":{"data":"UklG","x":"#.repeat(20_000);
        assert_eq!(counted(&nested), (0, 0));
    }
}
