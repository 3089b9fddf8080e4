//! The status, the code and the headers that each error comes to.

use serde_json::Value;

use super::*;
use crate::upstream::breaker::Skipped;
use crate::upstream::failure::Failure;

const BUSY: Failure = Failure::Status {
    status: StatusCode::TOO_MANY_REQUESTS,
    retry_after: Some(9),
};

fn none_answered(misses: &[Miss]) -> Error {
    let misses = misses.iter().map(|miss| ("vllm", *miss)).collect();
    Error::NoneAnswered {
        model: "chat",
        misses,
    }
}

fn all_failed(failures: &[Failure]) -> Error {
    let misses: Vec<_> = failures.iter().copied().map(Miss::Failed).collect();
    none_answered(&misses)
}

fn body(error: &Error) -> Value {
    let body: Value = serde_json::from_slice(&error.body()).unwrap();
    body["error"].clone()
}

#[test]
fn is_openais_error_object() {
    let error = body(
        &Fault::WrongType {
            field: "stream",
            expected: "true or false",
        }
        .into(),
    );
    assert_eq!(error["message"], "`stream` must be true or false");
    assert_eq!(error["type"], "invalid_request_error");
    assert_eq!(error["param"], "stream");
    assert_eq!(error["code"], "invalid_request");
}

#[test]
fn an_unknown_model_is_told_what_exists() {
    let known = Bytes::from_static(b"`a`, `b`");
    let error = body(&Error::UnknownModel {
        name: "c".to_owned(),
        known,
    });
    assert_eq!(
        error["message"],
        "the model `c` does not exist; you can use `a`, `b`"
    );
    assert_eq!(error["code"], "model_not_found");
}

#[test]
fn a_long_name_is_not_repeated_in_full() {
    assert_eq!(excerpt(&"é".repeat(100)).chars().count(), 83);
}

#[test]
fn failures_are_summed_up() {
    let error = all_failed(&[Failure::Refused, BUSY]);
    assert_eq!(error.status(), StatusCode::BAD_GATEWAY);
    assert_eq!(
        error.to_string(),
        "no upstream of `chat` could answer: `vllm`: connection refused; `vllm`: answered 429"
    );
}

#[test]
fn busy_everywhere_is_429_with_the_soonest_time() {
    let response = all_failed(&[BUSY, BUSY]).into_response();
    assert_eq!(response.status, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(response.headers.text(RETRY_AFTER), Some("9"));
}

#[test]
fn shut_everywhere_is_503_with_the_soonest_time() {
    let open = |retry_after| Miss::Skipped(Skipped::Open { retry_after });
    let on_trial = Miss::Skipped(Skipped::OnTrial { was_busy: false });
    let error = none_answered(&[open(20), open(8), on_trial]);
    assert!(error.to_string().contains("`vllm`: failed too often"));
    assert_eq!(body(&error)["type"], "server_error");
    let response = error.into_response();
    assert_eq!(response.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(response.headers.text(RETRY_AFTER), Some("8"));
}

#[test]
fn where_one_was_asked_its_failure_counts() {
    let open = Miss::Skipped(Skipped::Open { retry_after: 3 });
    let with = |failure| none_answered(&[open, Miss::Failed(failure)]);
    assert_eq!(with(Failure::Refused).status(), StatusCode::BAD_GATEWAY);
    assert_eq!(
        with(Failure::FirstByteTimeout).status(),
        StatusCode::GATEWAY_TIMEOUT
    );
    let busy = with(BUSY).into_response();
    assert_eq!(busy.status, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(busy.headers.text(RETRY_AFTER), Some("3"));
}

#[test]
fn slow_everywhere_is_504() {
    let slow = [Failure::ConnectTimeout, Failure::FirstByteTimeout];
    assert_eq!(all_failed(&slow).status(), StatusCode::GATEWAY_TIMEOUT);
}

#[test]
fn out_of_time_is_504_whatever_failed_before() {
    let error = none_answered(&[Miss::Failed(Failure::Refused), Miss::OutOfTime]);
    assert_eq!(body(&error)["code"], "deadline_exceeded");
    assert_eq!(error.into_response().status, StatusCode::GATEWAY_TIMEOUT);
}

#[test]
fn refusals_say_what_would_do() {
    let response = Error::WrongMethod { allowed: "POST" }.into_response();
    assert_eq!(response.headers.text(ALLOW), Some("POST"));
    let response = Error::from(Unknown::NoKey).into_response();
    assert_eq!(response.headers.text(WWW_AUTHENTICATE), Some("Bearer"));
}

#[test]
fn an_error_event_stands_by_itself() {
    let event = event(Interruption::Broken, false);
    let data = event
        .strip_prefix(b"\n\ndata: ")
        .unwrap()
        .strip_suffix(b"\n\n")
        .unwrap();
    let data: Value = serde_json::from_slice(data).unwrap();
    assert_eq!(data["error"]["code"], "upstream_error");
}
