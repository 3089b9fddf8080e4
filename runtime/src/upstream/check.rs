//! One health check: is the server there, and does it serve the model that it is there for?

use bytes::Bytes;
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::header::{ACCEPT, AUTHORIZATION, CONNECTION, HOST, HeaderValue};
use hyper::{Method, Request, StatusCode, Uri};
use serde::Deserialize;
use thiserror::Error;
use tokio::time::timeout;

use crate::topology::Health;
use crate::upstream::connect::connect;
use crate::upstream::failure::Failure;
use crate::upstream::http::Http;

/// The longest answer that is read, in bytes.
const MAX_ANSWER: usize = 1 << 20;

/// Whose answer lists the models of a server.
const MODELS: &str = "/v1/models";

/// What a check asks for, and what it expects.
pub(crate) struct Check {
    settings: &'static Health,
    uri: Uri,
    /// The model that the answer must list.
    model: Option<&'static str>,
}

/// Why a check failed.
#[derive(Debug, Error, PartialEq, Eq)]
pub(crate) enum Unfit {
    #[error(transparent)]
    Failed(#[from] Failure),
    #[error("no answer in time")]
    Late,
    #[error("the answer is longer than 1 MiB")]
    TooLong,
    #[error("the answer broke off")]
    Broken,
    #[error("the answer is no list of models")]
    NoList,
    #[error("the model `{0}` is not served")]
    OtherModel(&'static str),
}

impl Check {
    /// The check of an upstream that serves `model`, below the `prefix` of its address; or why there
    /// can be none.
    pub(crate) fn new(
        settings: &'static Health,
        prefix: &str,
        model: Option<&'static str>,
    ) -> Result<Self, &'static str> {
        let uri = Uri::try_from(format!("{prefix}{}", settings.path));
        Ok(Self {
            settings,
            uri: uri.map_err(|_| "its health cannot be asked for")?,
            model: model.filter(|_| settings.path == MODELS),
        })
    }

    /// Its settings.
    pub(crate) fn settings(&self) -> &'static Health {
        self.settings
    }

    /// Checks `upstream` once, over a connection of its own.
    pub(crate) async fn run(&self, upstream: &Http) -> Result<(), Unfit> {
        timeout(self.settings.timeout, self.ask(upstream))
            .await
            .unwrap_or(Err(Unfit::Late))
    }

    async fn ask(&self, upstream: &Http) -> Result<(), Unfit> {
        let mut connection = connect(upstream.destination(), self.settings.timeout).await?;
        // Closes the connection also where the check is given up.
        let _end = End(connection.task.clone());
        let sent = connection.sender.send_request(self.request(upstream)).await;
        let response = sent.map_err(|error| match error.is_parse() {
            true => Failure::Malformed,
            false => Failure::Closed,
        })?;
        if response.status() != StatusCode::OK {
            return Err(Unfit::Failed(Failure::Status {
                status: response.status(),
                retry_after: None,
            }));
        }
        let body = Limited::new(response.into_body(), MAX_ANSWER)
            .collect()
            .await;
        let body = body.map_err(|error| match error.is::<LengthLimitError>() {
            true => Unfit::TooLong,
            false => Unfit::Broken,
        })?;
        match self.model {
            Some(model) => lists(&body.to_bytes(), model),
            None => Ok(()),
        }
    }

    fn request(&self, upstream: &Http) -> Request<Full<Bytes>> {
        let mut request = Request::new(Full::default());
        *request.method_mut() = Method::GET;
        *request.uri_mut() = self.uri.clone();
        let headers = request.headers_mut();
        headers.insert(HOST, upstream.destination().address.authority().clone());
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        headers.insert(CONNECTION, HeaderValue::from_static("close"));
        if let Some(authorization) = upstream.authorization() {
            headers.insert(AUTHORIZATION, authorization.clone());
        }
        request
    }
}

/// Ends the task of a connection when dropped.
struct End(tokio::task::AbortHandle);

impl Drop for End {
    fn drop(&mut self) {
        self.0.abort();
    }
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

#[cfg(test)]
mod tests {
    use super::*;

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
}
