//! Addresses of servers, as a spec has them.

use crate::redact::may_carry_credentials;
use crate::resolve::upstream;

/// A base address of a spec, without `/v1` and what follows, or why it cannot be one. The address itself is never
/// repeated: it may hold a password.
pub(crate) fn of(url: &str) -> Result<String, String> {
    let url = url.trim().trim_end_matches('/');
    if may_carry_credentials(url) {
        return Err(
            "its address holds a user, a password or a query, which a spec cannot have".to_owned(),
        );
    }
    let base = match url.find("/v1") {
        Some(at) if matches!(url.as_bytes().get(at + 3), None | Some(b'/')) => {
            url.get(..at).unwrap_or(url)
        }
        _ => url,
    };
    // Who asks there asks the own machine.
    let base = &base.replacen("://0.0.0.0", "://127.0.0.1", 1);
    if base.starts_with("grpc://") {
        return Err("upstreams speak HTTP, not gRPC".to_owned());
    }
    upstream::parse(base).map_err(|_| "its address is none that a spec can have".to_owned())?;
    Ok(base.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_loses_its_version() {
        assert_eq!(
            of("http://vllm:8000/v1/"),
            Ok("http://vllm:8000".to_owned())
        );
        assert_eq!(
            of("https://a/openai/v1/chat"),
            Ok("https://a/openai".to_owned())
        );
        assert_eq!(
            of("http://0.0.0.0:8000/v1"),
            Ok("http://127.0.0.1:8000".to_owned())
        );
        assert_eq!(of("mock://local"), Ok("mock://local".to_owned()));
    }

    #[test]
    fn an_address_that_is_refused_is_not_repeated() {
        for url in [
            "http://user:hunter2@a",
            "grpc://hunter2:50051",
            "hunter2",
            "http://a?key=hunter2",
        ] {
            assert!(!of(url).unwrap_err().contains("hunter2"), "{url}");
        }
    }
}
