//! Requests and responses as the pipeline knows them, whichever HTTP they come and go by.

pub(crate) mod headers;
pub(crate) mod name;

use hyper::http::request::Parts;
use hyper::{Method, StatusCode, Uri};

use crate::message::headers::Headers;
use crate::stream::body::Body;

/// What a request asks for, without its body.
#[derive(Debug)]
pub(crate) struct Head {
    pub(crate) method: Method,
    pub(crate) uri: Uri,
    pub(crate) headers: Headers,
}

impl From<Parts> for Head {
    fn from(parts: Parts) -> Self {
        Self {
            method: parts.method,
            uri: parts.uri,
            headers: parts.headers.iter().collect(),
        }
    }
}

/// What a client is answered.
pub(crate) struct Response {
    pub(crate) status: StatusCode,
    pub(crate) headers: Headers,
    pub(crate) body: Body,
}

impl Response {
    /// 200 with this `body`, and no headers.
    pub(crate) fn new(body: Body) -> Self {
        Self {
            status: StatusCode::OK,
            headers: Headers::default(),
            body,
        }
    }
}

impl From<Response> for hyper::Response<Body> {
    fn from(answer: Response) -> Self {
        let mut response = Self::new(answer.body);
        *response.status_mut() = answer.status;
        *response.headers_mut() = answer.headers.to_map();
        response
    }
}
