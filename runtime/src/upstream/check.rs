//! One health check: is the server there, and does it serve the model that it is there for?

use bytes::Bytes;
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use hyper::{Method, Request, Uri};
use serde::Deserialize;
use serde_json::value::RawValue;
use thiserror::Error;

use crate::endpoint::Operation;
use crate::topology::{Health, Probe};
use crate::upstream::http::Http;
use crate::upstream::once::{self, Unanswered};

/// Whose answer lists the models of a server.
const MODELS: &str = "/v1/models";

/// What a check asks for, and what it expects.
pub(crate) struct Check {
    settings: &'static Health,
    uri: Uri,
    /// What is sent, where it is more than a path.
    body: Option<Bytes>,
    expected: Expected,
}

/// What the answer of a good check must be, beside 200.
enum Expected {
    Anything,
    /// A list of models with this one.
    Model(&'static str),
    /// What a model made: entries in this field.
    Made(Made),
}

/// Where an answer has what a model made.
#[derive(Clone, Copy)]
enum Made {
    Choices,
    Data,
}

/// Why a check failed.
#[derive(Debug, Error, PartialEq, Eq)]
pub(crate) enum Unfit {
    #[error(transparent)]
    Unanswered(#[from] Unanswered),
    #[error("the answer is no list of models")]
    NoList,
    #[error("the model `{0}` is not served")]
    OtherModel(&'static str),
    #[error("the answer has nothing that a model made")]
    NothingMade,
}

impl Unfit {
    /// Whether the gateway itself had not what it takes to ask.
    pub(crate) fn is_own(&self) -> bool {
        matches!(self, Self::Unanswered(Unanswered::Failed(failure)) if failure.is_own())
    }
}

impl Check {
    /// The check of an upstream that serves `model`, below the `prefix` of its address; or why there
    /// can be none.
    pub(crate) fn new(
        settings: &'static Health,
        prefix: &str,
        model: Option<&'static str>,
    ) -> Result<Self, &'static str> {
        let model_name = || model.ok_or("its model cannot be probed, because it has no name");
        let (path, body, expected) = match settings.probe {
            Probe::Path(MODELS) => {
                let expected = model.map_or(Expected::Anything, Expected::Model);
                (MODELS, None, expected)
            }
            Probe::Path(path) => (path, None, Expected::Anything),
            Probe::Chat => {
                let body = one_token(model_name()?, "messages", CONVERSATION);
                let expected = Expected::Made(Made::Choices);
                (Operation::Chat.path(), Some(body), expected)
            }
            Probe::Completion => {
                let body = one_token(model_name()?, "prompt", PROMPT);
                let expected = Expected::Made(Made::Choices);
                (Operation::Completions.path(), Some(body), expected)
            }
            Probe::Embedding => {
                let body = body(model_name()?, "input", PROMPT, "");
                let expected = Expected::Made(Made::Data);
                (Operation::Embeddings.path(), Some(body), expected)
            }
        };
        let uri = Uri::try_from(format!("{prefix}{path}"));
        Ok(Self {
            settings,
            uri: uri.map_err(|_| "its health cannot be asked for")?,
            body,
            expected,
        })
    }

    /// Its settings.
    pub(crate) fn settings(&self) -> &'static Health {
        self.settings
    }

    /// Checks `upstream` once, over a connection of its own.
    pub(crate) async fn run(&self, upstream: &Http) -> Result<(), Unfit> {
        let (destination, limit) = (upstream.destination(), self.settings.timeout);
        let answer = once::ask(destination, self.request(upstream), limit).await?;
        match self.expected {
            Expected::Anything => Ok(()),
            Expected::Model(model) => lists(&answer, model),
            Expected::Made(made) => has(&answer, made),
        }
    }

    fn request(&self, upstream: &Http) -> Request<Bytes> {
        let mut request = Request::new(Bytes::new());
        *request.uri_mut() = self.uri.clone();
        if let Some(body) = &self.body {
            *request.method_mut() = Method::POST;
            *request.body_mut() = body.clone();
            let json = HeaderValue::from_static("application/json");
            request.headers_mut().insert(CONTENT_TYPE, json);
        }
        if let Some(authorization) = upstream.authorization() {
            let headers = request.headers_mut();
            headers.insert(AUTHORIZATION, authorization.clone());
        }
        request
    }
}

/// What a model is asked, as JSON: as little as it takes.
const PROMPT: &str = r#""1""#;
const CONVERSATION: &str = r#"[{"role":"user","content":"1"}]"#;

/// The request for one token.
fn one_token(model: &str, field: &str, prompt: &str) -> Bytes {
    body(model, field, prompt, r#","max_tokens":1,"stream":false"#)
}

fn body(model: &str, field: &str, prompt: &str, rest: &str) -> Bytes {
    let model = serde_json::Value::from(model);
    Bytes::from(format!(r#"{{"model":{model},"{field}":{prompt}{rest}}}"#))
}

/// Whether the list of models in `answer` has `model`.
fn lists(answer: &[u8], model: &'static str) -> Result<(), Unfit> {
    #[derive(Deserialize)]
    struct List {
        data: Vec<Entry>,
    }
    #[derive(Deserialize)]
    struct Entry {
        id: String,
    }
    let list: List = serde_json::from_slice(answer).map_err(|_| Unfit::NoList)?;
    if list.data.iter().any(|entry| entry.id == model) {
        Ok(())
    } else {
        Err(Unfit::OtherModel(model))
    }
}

/// Whether `answer` has something that a model made.
fn has(answer: &[u8], made: Made) -> Result<(), Unfit> {
    #[derive(Default, Deserialize)]
    #[serde(default)]
    struct Answer<'a> {
        #[serde(borrow)]
        choices: Vec<&'a RawValue>,
        #[serde(borrow)]
        data: Vec<&'a RawValue>,
    }
    let answer: Answer<'_> = serde_json::from_slice(answer).map_err(|_| Unfit::NothingMade)?;
    let entries = match made {
        Made::Choices => answer.choices,
        Made::Data => answer.data,
    };
    if entries.is_empty() {
        Err(Unfit::NothingMade)
    } else {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn check(probe: Probe, model: Option<&'static str>) -> Result<Check, &'static str> {
        let settings = Box::leak(Box::new(Health {
            probe,
            interval: Duration::from_secs(1),
            timeout: Duration::from_secs(1),
            unhealthy_after: 1,
            healthy_after: 1,
        }));
        Check::new(settings, "/base", model)
    }

    #[test]
    fn the_model_must_be_in_the_list() {
        let list = br#"{"object":"list","data":[{"id":"a","root":null},{"id":"b"}]}"#;
        assert_eq!(lists(list, "b"), Ok(()));
        assert_eq!(lists(list, "c"), Err(Unfit::OtherModel("c")));
        assert_eq!(lists(br#"{"data":[]}"#, "c"), Err(Unfit::OtherModel("c")));
        for nonsense in ["", "ok", "[]", r#"{"data":{}}"#, r#"{"data":[{"id":1}]}"#] {
            assert_eq!(
                lists(nonsense.as_bytes(), "c"),
                Err(Unfit::NoList),
                "{nonsense}"
            );
        }
    }

    #[test]
    fn a_probe_asks_for_one_token_of_the_model() {
        for (probe, path, sent) in [
            (
                Probe::Chat,
                "/base/v1/chat/completions",
                r#"{"model":"a/b","messages":[{"role":"user","content":"1"}],"max_tokens":1,"stream":false}"#,
            ),
            (
                Probe::Completion,
                "/base/v1/completions",
                r#"{"model":"a/b","prompt":"1","max_tokens":1,"stream":false}"#,
            ),
            (
                Probe::Embedding,
                "/base/v1/embeddings",
                r#"{"model":"a/b","input":"1"}"#,
            ),
        ] {
            let check = check(probe, Some("a/b")).unwrap();
            assert_eq!(check.uri, path);
            assert_eq!(check.body.unwrap(), sent);
        }
        assert!(check(Probe::Path("/health"), None).unwrap().body.is_none());
        assert!(check(Probe::Chat, None).is_err());
    }

    #[test]
    fn an_answer_without_anything_made_is_none() {
        let made = br#"{"id":"x","choices":[{"index":0}],"data":[]}"#;
        assert_eq!(has(made, Made::Choices), Ok(()));
        assert_eq!(has(made, Made::Data), Err(Unfit::NothingMade));
        for nonsense in ["", "[]", "{}", r#"{"choices":1}"#, r#"{"error":{}}"#] {
            let has = has(nonsense.as_bytes(), Made::Choices);
            assert_eq!(has, Err(Unfit::NothingMade), "{nonsense}");
        }
    }
}
