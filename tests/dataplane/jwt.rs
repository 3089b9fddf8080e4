//! Tokens of an issuer: which are accepted, what they allow, and that keys still work beside them.

use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use end_to_end::{Dataplane, Request, Start};
use fake_model::server::FakeModel;
use ring::hmac;
use ring::rand::SystemRandom;
use ring::signature::{RSA_PKCS1_SHA256, RsaKeyPair};
use serde_json::{Value, json};

const PRIVATE_KEY: &str = include_str!("../keys/for-tests-only.private.pem");
const PUBLIC_KEY: &str = include_str!("../keys/for-tests-only.public.pem");
const WEB: &str = "web-secret-1234567890";

fn start() -> Start {
    Start::of("jwt")
        .env("KEY_WEB", WEB)
        .env("JWT_PUBLIC_KEY", PUBLIC_KEY)
        .env("NEXUS_LOG_LEVEL", "debug")
}

/// The dataplane of `tests/specs/jwt.toml` with a model behind it.
async fn jwt() -> (FakeModel, Dataplane) {
    let model = FakeModel::start().await.unwrap();
    let dataplane = start().upstream("vllm", &model).start().await;
    (model, dataplane)
}

/// Claims that are as they must be, but for `changed`.
fn claims(changed: Value) -> Value {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let mut claims = json!({
        "iss": "https://login.example.com",
        "aud": "nexus",
        "sub": "alice",
        "exp": now.as_secs() + 600,
    });
    let others = changed.as_object().unwrap().clone();
    claims.as_object_mut().unwrap().extend(others);
    claims
}

fn signing_input(algorithm: &str, claims: &Value) -> String {
    let header = json!({"typ": "JWT", "alg": algorithm});
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    format!("{}.{}", part(&header), part(claims))
}

/// A token of the issuer.
fn token(changed: Value) -> String {
    let lines = PRIVATE_KEY.lines().filter(|line| !line.starts_with('-'));
    let der = STANDARD.decode(lines.collect::<String>()).unwrap();
    let pair = RsaKeyPair::from_pkcs8(&der).unwrap();
    let input = signing_input("RS256", &claims(changed));
    let mut signature = vec![0; pair.public().modulus_len()];
    let random = SystemRandom::new();
    pair.sign(&RSA_PKCS1_SHA256, &random, input.as_bytes(), &mut signature)
        .unwrap();
    format!("{input}.{}", URL_SAFE_NO_PAD.encode(signature))
}

#[tokio::test]
async fn a_token_is_accepted_and_its_subject_logged() {
    let (model, dataplane) = jwt().await;
    let request = Request::chat("small").key(&token(json!({})));
    let request = request.header("x-request-id", "of-alice");
    assert_eq!(dataplane.send(&request).await.status, 200);
    assert_eq!(dataplane.access_line("of-alice").await["user_id"], "alice");
    assert_eq!(model.received()[0].header("authorization"), None);
    let metrics = dataplane.send(&Request::get("/metrics")).await;
    assert!(!metrics.text().contains("alice"));
}

#[tokio::test]
async fn whatever_is_wrong_is_one_401_and_the_log_says_what() {
    let (model, dataplane) = jwt().await;
    let good = token(json!({}));
    let (input, signature) = good.rsplit_once('.').unwrap();
    let (header, _) = input.split_once('.').unwrap();
    let forged = URL_SAFE_NO_PAD.encode(claims(json!({"sub": "root"})).to_string());
    let secret = hmac::Key::new(hmac::HMAC_SHA256, PUBLIC_KEY.as_bytes());
    let confused = signing_input("HS256", &claims(json!({})));
    let confused_signature = hmac::sign(&secret, confused.as_bytes());
    let unsigned = signing_input("none", &claims(json!({})));
    let refused = [
        (token(json!({"exp": 1_000_000_000})), "expired"),
        (token(json!({"nbf": 9_000_000_000_u64})), "not valid yet"),
        (token(json!({"iss": "https://evil.example.com"})), "issuer"),
        (token(json!({"aud": "billing"})), "audience"),
        (token(json!({"sub": null})), "malformed"),
        (format!("{header}.{forged}.{signature}"), "signature"),
        (format!("{input}."), "signature"),
        (
            format!("{confused}.{}", URL_SAFE_NO_PAD.encode(confused_signature)),
            "another algorithm",
        ),
        (format!("{unsigned}."), "algorithm is none"),
        (format!("{unsigned}.{signature}"), "algorithm is none"),
        (token(json!({"pad": "x".repeat(8192)})), "longer"),
        ("eyJ.e30.AA".to_owned(), "malformed"),
    ];
    for (index, (token, reason)) in refused.iter().enumerate() {
        let id = format!("refused-{index}");
        let request = Request::chat("small").key(token);
        let response = dataplane.send(&request.header("x-request-id", &id)).await;
        assert_eq!(response.status, 401, "{reason}");
        assert_eq!(response.header("www-authenticate"), Some("Bearer"));
        let message = "the token that you presented is not valid";
        assert_eq!(response.error_message(), message);
        let is_it =
            |line: &Value| line["logger"] == "nexus.auth" && line["request_id"] == id.as_str();
        let line = dataplane.log().wait_for(is_it).await;
        let logged = line["message"].as_str().unwrap();
        assert!(logged.contains(reason), "{logged}, not {reason}");
        assert!(!line.to_string().contains(signature));
    }
    assert!(model.received().is_empty());
}

#[tokio::test]
async fn a_token_allows_the_models_that_it_claims() {
    let (_model, dataplane) = jwt().await;
    let status = async |model: &str, models: Value| {
        let request = Request::chat(model).key(&token(models));
        dataplane.send(&request).await.status
    };
    assert_eq!(status("chat", json!({"models": ["chat"]})).await, 200);
    assert_eq!(status("small", json!({"models": ["chat"]})).await, 403);
    assert_eq!(status("chat", json!({"models": "*"})).await, 200);
    assert_eq!(status("chat", json!({})).await, 403);
    assert_eq!(status("small", json!({})).await, 200);
    assert_eq!(status("small", json!({"models": []})).await, 403);
    let request = Request::get("/v1/models").key(&token(json!({"models": ["chat", "gone"]})));
    let list = dataplane.send(&request).await.json();
    assert_eq!(list["data"].as_array().unwrap().len(), 1);
    assert_eq!(list["data"][0]["id"], "chat");
}

#[tokio::test]
async fn a_key_works_beside_tokens() {
    let (_model, dataplane) = jwt().await;
    for request in [
        Request::chat("small").key(WEB),
        Request::chat("small").header("x-api-key", WEB),
    ] {
        assert_eq!(dataplane.send(&request).await.status, 200);
    }
    for request in [
        Request::chat("small"),
        Request::chat("small").key("nobody"),
        // Never a token.
        Request::chat("small").header("x-api-key", &token(json!({}))),
    ] {
        assert_eq!(dataplane.send(&request).await.status, 401);
    }
}

#[tokio::test]
async fn a_key_that_verifies_nothing_stops_the_start() {
    for (key, problem) in [
        (
            PRIVATE_KEY,
            "JWT_PUBLIC_KEY: is not a public key in PEM form",
        ),
        ("", "JWT_PUBLIC_KEY: not set"),
    ] {
        let output = start().env("JWT_PUBLIC_KEY", key).run(&[]).await;
        let errors = String::from_utf8(output.stderr).unwrap();
        assert!(errors.contains(problem), "{errors}");
        assert!(!errors.contains("MII"), "{errors}");
    }
}
