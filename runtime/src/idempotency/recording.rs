//! Keeping the answer of a request while it passes.

use bytes::Bytes;
use hyper::StatusCode;
use tokio::time::Instant;

use crate::idempotency::REPLAYED;
use crate::idempotency::store::Claim;
use crate::message::Response;
use crate::message::name::{CONTENT_ENCODING, CONTENT_TYPE};
use crate::stream::body::Body;
use crate::upstream::exchange::Answer;
use crate::upstream::headers::{self, FALLBACK_MODEL};

/// An answer that was kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Kept {
    status: StatusCode,
    content_type: Option<Box<[u8]>>,
    fallback_model: Option<&'static str>,
    body: Bytes,
}

impl Kept {
    /// What it takes of memory for its content, in bytes.
    pub(super) fn size(&self) -> usize {
        self.body.len() + self.content_type.as_ref().map_or(0, |value| value.len())
    }

    /// One whose content has this size.
    #[cfg(test)]
    pub(super) fn of_size(size: usize) -> Self {
        Self {
            status: StatusCode::OK,
            content_type: None,
            fallback_model: None,
            body: vec![b'x'; size].into(),
        }
    }

    /// Its status.
    pub(crate) fn status(&self) -> StatusCode {
        self.status
    }

    /// The response of a request that was answered before.
    pub(crate) fn into_response(self) -> Response {
        let mut response = Response::new(Body::whole(self.body));
        response.status = self.status;
        let headers = &mut response.headers;
        headers.append(REPLAYED, "true");
        if let Some(content_type) = self.content_type {
            headers.append(CONTENT_TYPE, content_type);
        }
        if let Some(model) = self.fallback_model {
            headers.append(FALLBACK_MODEL, model);
        }
        response
    }
}

/// An answer on its way to its client, of which a copy grows here. Dropped before its end, it leaves
/// the key free for another try.
pub(crate) struct Recording {
    claim: Claim,
    status: StatusCode,
    content_type: Option<Box<[u8]>>,
    fallback_model: Option<&'static str>,
    body: Vec<u8>,
}

impl Recording {
    /// Begins to keep `answer`, if another one would be of no use: `None` leaves the key free.
    pub(crate) fn of(claim: Claim, answer: &Answer) -> Option<Box<Self>> {
        // Where neither length nor end is told, what broke off would look like what is whole.
        let is_kept = is_final(answer.status)
            && !answer.source.ends_with_its_connection()
            && !headers::is_event_stream(&answer.headers)
            && !answer.headers.has(CONTENT_ENCODING);
        is_kept.then(|| {
            Box::new(Self {
                claim,
                status: answer.status,
                content_type: answer.headers.get(CONTENT_TYPE).map(Box::from),
                fallback_model: None,
                body: Vec::new(),
            })
        })
    }

    /// The answer is one of a model that stands in, of this name.
    pub(crate) fn of_stand_in(&mut self, name: &'static str) {
        self.fallback_model = Some(name);
    }

    /// Sees the next piece. Whether there is still room for the answer.
    pub(crate) fn see(&mut self, piece: &Bytes) -> bool {
        let fits = self.body.len() + piece.len() <= self.claim.room();
        if fits {
            self.body.extend_from_slice(piece);
        }
        fits
    }

    /// Keeps the answer, which is whole.
    pub(crate) fn keep(self) {
        let kept = Kept {
            status: self.status,
            content_type: self.content_type,
            fallback_model: self.fallback_model,
            body: self.body.into_boxed_slice().into(),
        };
        self.claim.keep(kept, Instant::now());
    }
}

/// Whether the same request would get the same answer: a success, or a mistake of the client's. Clients
/// repeat what was answered 408, 409, 425 or 429, and want another answer then.
fn is_final(status: StatusCode) -> bool {
    status.is_success()
        || (status.is_client_error()
            && !matches!(
                status,
                StatusCode::REQUEST_TIMEOUT
                    | StatusCode::CONFLICT
                    | StatusCode::TOO_EARLY
                    | StatusCode::TOO_MANY_REQUESTS
            ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_worth_another_try_is_not_final() {
        for (status, is) in [
            (200, true),
            (400, true),
            (404, true),
            (422, true),
            (408, false),
            (409, false),
            (425, false),
            (429, false),
            (500, false),
            (503, false),
        ] {
            let status = StatusCode::from_u16(status).unwrap();
            assert_eq!(is_final(status), is, "{status}");
        }
    }
}
