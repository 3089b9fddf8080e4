//! What holds for any bytes that come from outside: from clients, upstreams and issuers.
//!
//! Each file is one property, with an oracle that is simpler than what it judges. The targets in `runtime/fuzz`
//! look for bytes that break one (`cargo xtask fuzz`); the tests here try every input of the corpus, so that what
//! was found once is found again by `cargo test`.

pub mod client_headers;
pub mod event_stream;
#[cfg(feature = "jwks")]
pub mod key_set;
pub mod request;
pub mod request_body;
pub mod response;
mod splits;
#[cfg(feature = "jwks")]
pub mod token;

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::*;

    /// Tries every input of a target's corpus. What was printed last is the one that breaks the property.
    fn replay(target: &str, holds: fn(&[u8])) {
        let corpus = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("fuzz/corpus")
            .join(target);
        let mut inputs = 0;
        for entry in fs::read_dir(&corpus).expect("each target has a corpus") {
            let path = entry.unwrap().path();
            println!("{}", path.display());
            holds(&fs::read(&path).unwrap());
            inputs += 1;
        }
        assert!(inputs > 0, "{} is empty", corpus.display());
    }

    #[test]
    fn no_known_headers_of_a_client_slip_through() {
        replay("client_headers", client_headers::hold);
    }

    #[test]
    fn no_known_stream_of_events_is_changed_by_its_splits() {
        replay("event_stream", event_stream::holds);
    }

    #[cfg(feature = "jwks")]
    #[test]
    fn no_known_document_is_taken_for_a_set_of_keys() {
        replay("key_set", key_set::holds);
    }

    #[test]
    fn no_known_request_is_understood_differently_in_pieces() {
        replay("request", request::holds);
    }

    #[test]
    fn no_known_body_of_a_request_is_misread() {
        replay("request_body", request_body::holds);
    }

    #[test]
    fn no_known_response_is_understood_differently_in_pieces() {
        replay("response", response::holds);
    }

    #[cfg(feature = "jwks")]
    #[test]
    fn no_known_token_is_accepted_unless_it_was_signed() {
        replay("token", token::holds);
    }
}
