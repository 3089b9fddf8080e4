//! Tokens verified with the keys that their issuer publishes: which keys are taken, that they may change
//! without anybody noticing, that a flood of unknown ones fetches nothing more, and what happens without an
//! issuer.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use end_to_end::{Dataplane, Request, Response, Start, patiently};
use fake_model::server::{Action, FakeModel, Rule};
use ring::hmac;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use serde_json::{Value, json};

const WEB: &str = "web-secret-1234567890";

/// The shortest time between two fetches, as the language documents it.
const PACE: Duration = Duration::from_secs(3);

/// How long a request waits for keys; then it is 503, which only a machine that stalls makes of an issuer that answers.
const WAIT: Duration = Duration::from_secs(5);

/// A key of an issuer.
pub(crate) struct Signer {
    kid: &'static str,
    pair: EcdsaKeyPair,
}

impl Signer {
    pub(crate) fn new(kid: &'static str) -> Self {
        let random = SystemRandom::new();
        let algorithm = &ECDSA_P256_SHA256_FIXED_SIGNING;
        let document = EcdsaKeyPair::generate_pkcs8(algorithm, &random).unwrap();
        let pair = EcdsaKeyPair::from_pkcs8(algorithm, document.as_ref(), &random).unwrap();
        Self { kid, pair }
    }

    /// As its issuer publishes it.
    pub(crate) fn published(&self) -> Value {
        let point = self.pair.public_key().as_ref();
        json!({
            "kty": "EC",
            "crv": "P-256",
            "use": "sig",
            "kid": self.kid,
            "x": URL_SAFE_NO_PAD.encode(&point[1..33]),
            "y": URL_SAFE_NO_PAD.encode(&point[33..]),
        })
    }

    fn header(&self) -> Value {
        json!({"alg": "ES256", "typ": "JWT", "kid": self.kid})
    }

    /// A token that says so in its header.
    fn sign(&self, header: &Value) -> String {
        let input = signing_input(header);
        let signature = self.pair.sign(&SystemRandom::new(), input.as_bytes());
        format!("{input}.{}", URL_SAFE_NO_PAD.encode(signature.unwrap()))
    }

    pub(crate) fn token(&self) -> String {
        self.sign(&self.header())
    }
}

fn signing_input(header: &Value) -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let claims = json!({
        "iss": "https://login.example.com",
        "aud": "nexus",
        "sub": "alice",
        "exp": now.as_secs() + 600,
    });
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    format!("{}.{}", part(header), part(&claims))
}

/// An issuer that publishes these keys.
pub(crate) fn publish(issuer: &FakeModel, keys: &[Value]) {
    issuer.script([Rule::respond(200, json!({"keys": keys}).to_string())]);
}

/// The dataplane of `tests/specs/jwks.toml` with a model and an issuer.
struct Scene {
    issuer: FakeModel,
    dataplane: Dataplane,
    _model: FakeModel,
}

async fn scene(keys: &[Value]) -> Scene {
    let issuer = FakeModel::start().await.unwrap();
    publish(&issuer, keys);
    let url = format!("{}/keys", issuer.url());
    let (dataplane, model) = dataplane(&url).await;
    Scene {
        issuer,
        dataplane,
        _model: model,
    }
}

async fn dataplane(issuer: &str) -> (Dataplane, FakeModel) {
    let model = FakeModel::start().await.unwrap();
    let start = Start::of("jwks")
        .env("KEY_WEB", WEB)
        .env("NEXUS_JWKS_URL", issuer)
        .env("NEXUS_LOG_LEVEL", "debug");
    (start.upstream("vllm", &model).start().await, model)
}

impl Scene {
    async fn ask(&self, token: &str) -> Response {
        ask(&self.dataplane, token).await
    }

    /// What a token is answered once its key can be asked for.
    async fn known(&self, token: &str) -> u16 {
        loop {
            let since = Instant::now();
            let status = self.ask(token).await.status;
            if status != 503 || since.elapsed() < WAIT {
                return status;
            }
        }
    }
}

pub(crate) async fn ask(dataplane: &Dataplane, token: &str) -> Response {
    dataplane.send(&Request::chat("chat").key(token)).await
}

async fn dependency(dataplane: &Dataplane) -> Value {
    let health = dataplane.send(&Request::get("/health")).await.json();
    health["dependencies"]["issuer"].clone()
}

async fn wait_for_line(dataplane: &Dataplane, beginning: &str) {
    let begins = |line: &Value| line["message"].as_str().unwrap().starts_with(beginning);
    dataplane.log().wait_for(begins).await;
}

#[tokio::test]
async fn a_token_is_verified_with_the_key_that_it_names() {
    let (a, b) = (Signer::new("a"), Signer::new("b"));
    let scene = scene(&[a.published(), b.published()]).await;
    for signer in [&a, &b] {
        assert_eq!(scene.ask(&signer.token()).await.status, 200);
    }
    let fetches = scene.issuer.received();
    assert_eq!(fetches.len(), 1);
    assert_eq!((&*fetches[0].method, &*fetches[0].path), ("GET", "/keys"));
    assert_eq!(fetches[0].header("authorization"), None);
    assert_eq!(dependency(&scene.dataplane).await, "ok");
    let metrics = scene.dataplane.metrics().await;
    assert!((metrics.value("gateway_jwks_keys") - 2.0).abs() < 0.1);
    assert!(metrics.value("gateway_jwks_fetched_timestamp_seconds") > 1e9);
    wait_for_line(&scene.dataplane, "the issuer gave its keys: 2").await;
}

#[tokio::test]
async fn without_a_name_only_the_only_key_is_tried() {
    let (a, b) = (Signer::new("a"), Signer::new("b"));
    let nameless = json!({"alg": "ES256"});
    let one = scene(&[a.published(), json!({"kty": "RSA"})]).await;
    assert_eq!(one.ask(&a.sign(&nameless)).await.status, 200);
    let two = scene(&[a.published(), b.published()]).await;
    assert_eq!(two.known(&a.sign(&nameless)).await, 401);
}

#[tokio::test]
async fn what_a_header_says_is_never_believed() {
    let (a, b, evil) = (Signer::new("a"), Signer::new("b"), Signer::new("a"));
    let scene = scene(&[a.published(), b.published()]).await;
    assert_eq!(scene.ask(&a.token()).await.status, 200);
    let with = |field: &str, value: Value| {
        let mut header = a.header();
        header[field] = value;
        header
    };
    let elsewhere = format!("{}/evil", scene.issuer.url());
    let point = a.pair.public_key().as_ref();
    let confused = signing_input(&with("alg", json!("HS256")));
    let confused_signature = hmac::sign(
        &hmac::Key::new(hmac::HMAC_SHA256, point),
        confused.as_bytes(),
    );
    let unsigned = signing_input(&with("alg", json!("none")));
    for (what, token) in [
        ("another's key", evil.token()),
        ("the name of another key", a.sign(&with("kid", json!("b")))),
        (
            "a key of its own",
            evil.sign(&with("jwk", evil.published())),
        ),
        (
            "an address of keys",
            evil.sign(&with("jku", json!(elsewhere))),
        ),
        (
            "an address of a certificate",
            evil.sign(&with("x5u", json!(elsewhere))),
        ),
        ("a certificate", evil.sign(&with("x5c", json!(["MIIB"])))),
        ("an extension", a.sign(&with("crit", json!(["exp"])))),
        ("no algorithm", format!("{unsigned}.")),
        (
            "a shared secret",
            format!("{confused}.{}", URL_SAFE_NO_PAD.encode(confused_signature)),
        ),
        ("another algorithm", a.sign(&with("alg", json!("RS256")))),
        (
            "a long token",
            a.sign(&with("kid", json!("k".repeat(9000)))),
        ),
        ("a name that is none", a.sign(&with("kid", json!(["a"])))),
    ] {
        assert_eq!(scene.ask(&token).await.status, 401, "{what}");
    }
    let paths: Vec<_> = scene
        .issuer
        .received()
        .into_iter()
        .map(|request| request.path)
        .collect();
    assert_eq!(paths, ["/keys"], "nothing else was fetched");
}

#[tokio::test]
async fn keys_may_change_without_anybody_being_refused() {
    let (a, b, c) = (Signer::new("a"), Signer::new("b"), Signer::new("c"));
    let scene = scene(&[a.published()]).await;
    assert_eq!(scene.ask(&a.token()).await.status, 200);
    for (new, old) in [(&b, &a), (&c, &b)] {
        publish(&scene.issuer, &[new.published()]);
        let token = new.token();
        let (first, second, third) = tokio::join!(
            scene.known(&token),
            scene.known(&token),
            scene.known(&token)
        );
        assert_eq!([first, second, third], [200; 3]);
        assert_eq!(scene.known(&old.token()).await, 401, "it was withdrawn");
    }
    wait_for_line(&scene.dataplane, "the issuer has other keys now: 1").await;
}

#[tokio::test]
async fn a_flood_of_unknown_names_fetches_no_more_than_its_pace() {
    let (a, evil) = (Signer::new("a"), Signer::new("evil"));
    let scene = scene(&[a.published()]).await;
    assert_eq!(scene.ask(&a.token()).await.status, 200);
    let begin = Instant::now();
    let mut flood = tokio::task::JoinSet::new();
    for number in 0..200 {
        let names = [
            "../../etc/passwd".to_owned(),
            "k".repeat(4000),
            format!("{number}"),
        ];
        let kid = names.into_iter().nth(number % 3).unwrap();
        let token = evil.sign(&json!({"alg": "ES256", "kid": kid}));
        let connection = scene.dataplane.connect().await;
        flood.spawn(async move {
            let mut connection = connection;
            let since = Instant::now();
            let response = connection.send(&Request::chat("chat").key(&token)).await;
            (response.status, since.elapsed())
        });
    }
    // Who has a known key is served meanwhile.
    assert_eq!(scene.ask(&a.token()).await.status, 200);
    while let Some(answered) = flood.join_next().await {
        let (status, took) = answered.unwrap();
        assert!(status == 401 || status == 503 && took >= WAIT, "{status}");
    }
    let most = 2 + begin.elapsed().as_secs() / PACE.as_secs();
    let fetches = scene.issuer.received().len();
    assert!(fetches as u64 <= most, "{fetches} fetches");
}

#[tokio::test]
async fn without_an_issuer_tokens_are_answered_503_until_it_is_there() {
    let (dataplane, _model) = dataplane("http://127.0.0.1:1/keys").await;
    let a = Signer::new("a");
    wait_for_line(
        &dataplane,
        "the issuer does not give its keys, tokens are answered 503: connection refused",
    )
    .await;
    let response = ask(&dataplane, &a.token()).await;
    assert_eq!(response.status, 503);
    assert_eq!(response.header("retry-after"), Some("3"));
    assert_eq!(response.header("www-authenticate"), None);
    assert_eq!(response.json()["error"]["code"], "issuer_unavailable");
    assert_eq!(
        ask(&dataplane, WEB).await.status,
        200,
        "a key needs no issuer"
    );
    assert_eq!(dependency(&dataplane).await, "away");
}

#[tokio::test]
async fn an_issuer_that_starts_late_is_found() {
    let a = Signer::new("a");
    let scene = scene(&[]).await;
    wait_for_line(
        &scene.dataplane,
        "the issuer does not give its keys, tokens are answered 503",
    )
    .await;
    publish(&scene.issuer, &[a.published()]);
    let found = async { while scene.ask(&a.token()).await.status != 200 {} };
    patiently("the issuer's keys", found).await;
}

#[tokio::test]
async fn keys_stay_in_use_while_the_issuer_fails() {
    let (a, b) = (Signer::new("a"), Signer::new("b"));
    let failures = [
        (Rule::respond(500, "{}"), "answered 500"),
        (
            Rule::respond(302, "").header("location", "/evil"),
            "answered 302",
        ),
        (Rule::respond(200, "<html>"), "the answer is no set of keys"),
        (
            Rule::respond(200, r#"{"keys":[]}"#),
            "the answer has no key that tokens can be verified with",
        ),
        (
            Rule::respond(200, " ".repeat(2 << 20)),
            "the answer is longer than 1 MiB",
        ),
        (
            Rule::new(Action::Reset),
            "connection closed before a response",
        ),
    ];
    let mut scenes = tokio::task::JoinSet::new();
    for (failure, reason) in failures {
        let (known, unknown, published) = (a.token(), b.token(), a.published());
        scenes.spawn(async move {
            let scene = scene(&[published]).await;
            assert_eq!(scene.ask(&known).await.status, 200);
            scene.issuer.script([failure]);
            // Nobody knows whether it is a key of the issuer.
            assert_eq!(scene.ask(&unknown).await.status, 503, "{reason}");
            assert_eq!(scene.ask(&known).await.status, 200, "{reason}");
            let stale =
                format!("the issuer does not give its keys, those of before stay in use: {reason}");
            wait_for_line(&scene.dataplane, &stale).await;
            assert_eq!(dependency(&scene.dataplane).await, "stale");
            let paths = scene.issuer.received();
            assert!(paths.iter().all(|request| request.path == "/keys"));
            let metrics = scene.dataplane.metrics().await;
            assert!(metrics.value("gateway_jwks_fetches_total{outcome=\"failed\"}") >= 1.0);
        });
    }
    while let Some(done) = scenes.join_next().await {
        done.unwrap();
    }
}

#[tokio::test]
async fn an_address_that_cannot_be_asked_stops_the_start() {
    for (url, problem) in [
        ("ftp://issuer/keys", "NEXUS_JWKS_URL: is not a URL"),
        (
            "http://user:secret@issuer/keys",
            "NEXUS_JWKS_URL: holds a user name or a password",
        ),
        (
            "https://issuer/keys",
            "NEXUS_JWKS_URL: is an https:// URL, and TLS is not part",
        ),
    ] {
        let start = Start::of("jwks")
            .env("KEY_WEB", WEB)
            .env("NEXUS_JWKS_URL", url);
        let output = start.run(&["--check"]).await;
        let errors = String::from_utf8(output.stderr).unwrap();
        assert!(errors.contains(problem), "{errors}");
        assert!(!errors.contains("secret"), "{errors}");
    }
}

#[tokio::test]
async fn keys_that_come_in_the_clear_are_said_to() {
    let (dataplane, _model) = dataplane("http://issuer.invalid/keys").await;
    wait_for_line(
        &dataplane,
        "the issuer's keys are fetched without encryption",
    )
    .await;
}
