//! `mock://` upstreams: answered inside the process, so that a gateway can be tried without a
//! model.

use std::time::Duration;

use bytes::Bytes;
use fake_model::AnswerBody;
use hyper::StatusCode;

use crate::message::headers::Headers;
use crate::message::name::CONTENT_TYPE;
use crate::topology::Mock;
use crate::upstream::exchange::{Answer, Outgoing};
use crate::upstream::mock_body::MockBody;
use crate::upstream::source::Source;

/// The time between two events of a stream: about the pace of a small model.
const PACE: Duration = Duration::from_millis(20);

/// What `mock` says to `request`.
pub(crate) fn answer(mock: Mock, request: &Outgoing<'_>) -> Answer {
    let (status, body) = match mock {
        Mock::Local => {
            let answer = fake_model::answer(request.operation.path(), &request.body);
            let status = StatusCode::from_u16(answer.status);
            (
                status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR),
                answer.body,
            )
        }
        Mock::Fail => {
            let body = Bytes::from_static(br#"{"error":{"message":"this mock always fails"}}"#);
            (StatusCode::INTERNAL_SERVER_ERROR, AnswerBody::Json(body))
        }
    };
    let (content_type, body) = match body {
        AnswerBody::Json(document) => ("application/json", MockBody::whole(document)),
        AnswerBody::Events(events) => ("text/event-stream", MockBody::paced(events, PACE)),
    };
    Answer {
        status,
        headers: Headers::from_iter([(CONTENT_TYPE, content_type)]),
        source: Source::Mock(body),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::outgoing;
    use crate::observe::trace::Trace;

    fn asked(mock: Mock, body: &'static str) -> Answer {
        let headers = Headers::default();
        let trace = Trace::identify(&headers, None);
        let request = Outgoing {
            body: Bytes::from_static(body.as_bytes()),
            ..outgoing(&headers, &trace)
        };
        answer(mock, &request)
    }

    #[test]
    fn a_failing_mock_fails() {
        assert_eq!(
            asked(Mock::Fail, "{}").status,
            StatusCode::INTERNAL_SERVER_ERROR
        );
    }

    #[test]
    fn a_local_mock_answers_like_a_model() {
        let request = r#"{"model":"m","messages":[{"role":"user","content":"Hi"}]}"#;
        let answer = asked(Mock::Local, request);
        assert_eq!(answer.status, StatusCode::OK);
        assert_eq!(answer.headers.text(CONTENT_TYPE), Some("application/json"));
    }
}
