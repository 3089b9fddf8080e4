//! Which part of the model server answers a path.

use crate::answer::Answer;
use crate::error::Refusal;
use crate::{chat, completion, embedding, models};

/// Answers a request like a model would.
///
/// `path` is the request's path (`/v1/chat/completions`, `/v1/completions`, `/v1/embeddings`, `/v1/models`
/// or `/v1/models/NAME`), `request` its body; a request for models has none, and any body is ignored there.
/// A request that a model server would refuse is answered with the status and the error object of OpenAI.
pub fn answer(path: &str, request: &[u8]) -> Answer {
    let answered = match path {
        "/v1/chat/completions" => chat::answer(request),
        "/v1/completions" => completion::answer(request),
        "/v1/embeddings" => embedding::answer(request),
        _ => models::answer(path, &[models::DEFAULT_NAME]),
    };
    answered.unwrap_or_else(Refusal::into_answer)
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::answer::AnswerBody;

    #[test]
    fn an_unknown_path_is_not_found() {
        let answer = answer("/v1/images", b"{}");
        assert_eq!(answer.status, 404);
        let AnswerBody::Json(body) = answer.body else {
            panic!("a stream")
        };
        let body: Value = serde_json::from_slice(&body).unwrap();
        assert_eq!(body["error"]["message"], "there is no `/v1/images` here");
    }

    #[test]
    fn the_same_request_has_the_same_answer() {
        let request = br#"{"model":"m","messages":[{"role":"user","content":"Hi"}]}"#;
        assert_eq!(
            answer("/v1/chat/completions", request),
            answer("/v1/chat/completions", request)
        );
    }
}
