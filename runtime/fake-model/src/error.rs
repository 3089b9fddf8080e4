//! Requests that a model server refuses, as OpenAI error objects.

use bytes::Bytes;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::answer::{Answer, AnswerBody};

/// Why a request is refused.
#[derive(Debug)]
pub(crate) struct Refusal {
    status: u16,
    message: String,
    param: Option<&'static str>,
    code: Option<&'static str>,
}

impl Refusal {
    /// A request that is wrong in the field `param`.
    pub(crate) fn invalid(param: &'static str, message: impl Into<String>) -> Self {
        Self {
            status: 400,
            message: message.into(),
            param: Some(param),
            code: None,
        }
    }

    /// A path or a model that does not exist.
    pub(crate) fn not_found(message: String, code: Option<&'static str>) -> Self {
        Self {
            status: 404,
            message,
            param: None,
            code,
        }
    }

    /// The response that says so.
    pub(crate) fn into_answer(self) -> Answer {
        let object = ErrorObject {
            error: ErrorDetail {
                message: &self.message,
                kind: "invalid_request_error",
                param: self.param,
                code: self.code,
            },
        };
        Answer {
            status: self.status,
            body: AnswerBody::Json(to_json(&object)),
        }
    }
}

#[derive(Serialize)]
struct ErrorObject<'a> {
    error: ErrorDetail<'a>,
}

#[derive(Serialize)]
struct ErrorDetail<'a> {
    message: &'a str,
    #[serde(rename = "type")]
    kind: &'static str,
    param: Option<&'static str>,
    code: Option<&'static str>,
}

/// Reads a request body.
pub(crate) fn parse<T: DeserializeOwned>(request: &[u8]) -> Result<T, Refusal> {
    serde_json::from_slice(request).map_err(|error| Refusal {
        status: 400,
        message: format!("the request body cannot be read: {error}"),
        param: None,
        code: None,
    })
}

/// The model that a request asks for: every request has to name one.
pub(crate) fn required_model(model: Option<String>) -> Result<String, Refusal> {
    match model {
        Some(model) if !model.is_empty() => Ok(model),
        _ => Err(Refusal::invalid(
            "model",
            "you must provide a model parameter",
        )),
    }
}

/// A successful answer of one JSON document.
pub(crate) fn json_answer(document: &impl Serialize) -> Answer {
    Answer {
        status: 200,
        body: AnswerBody::Json(to_json(document)),
    }
}

/// A document as JSON text.
pub(crate) fn to_json(document: &impl Serialize) -> Bytes {
    // Only maps with keys that are no strings and failing `Serialize` implementations can fail.
    serde_json::to_vec(document)
        .expect("responses are plain structures")
        .into()
}
