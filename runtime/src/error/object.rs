//! OpenAI's error object, as bytes.

use bytes::Bytes;
use serde::Serialize;

/// What the object says.
#[derive(Serialize)]
pub(super) struct Details<'a> {
    pub(super) message: &'a str,
    #[serde(rename = "type")]
    pub(super) kind: &'static str,
    pub(super) param: Option<&'a str>,
    pub(super) code: &'static str,
}

/// The object, as JSON.
pub(super) fn object(details: &Details<'_>) -> Bytes {
    #[derive(Serialize)]
    struct Object<'a> {
        error: &'a Details<'a>,
    }
    serde_json::to_vec(&Object { error: details })
        .expect("text can be written as JSON")
        .into()
}
