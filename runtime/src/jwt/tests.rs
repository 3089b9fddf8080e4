use std::time::{Duration, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use proptest::prelude::*;
use ring::hmac;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use serde_json::json;

use super::key::Unusable;
use super::*;
use crate::fixture::{CHAT, MODEL_LARGE, MODEL_SMALL, dataplane};
use crate::observe::clock;
use crate::topology::{Access, Algorithm, PriorityClass, Secret, TokenKeys};

const SECRET: &str = "a secret of thirty-two bytes, or more";

/// What a token without a claim of models allows.
static SMALL: &[&Model] = &[&MODEL_SMALL];

fn judge(algorithm: Algorithm, key: &str) -> Judge {
    // Gives the models their slots.
    dataplane();
    let jwt = Box::leak(Box::new(Jwt {
        algorithm,
        keys: TokenKeys::Fixed(Secret::Env("JWT_KEY")),
        issuer: "https://issuer",
        audience: "nexus",
        leeway: Duration::from_secs(30),
        models_claim: "models",
        models: Access::Only(SMALL),
        priority: PriorityClass::Normal,
        limit: None,
    }));
    let key = key::parse(algorithm, key).unwrap();
    Judge::new(&CHAT, jwt, Keys::Fixed(key))
}

fn now() -> u64 {
    let now = clock::now().duration_since(UNIX_EPOCH);
    now.unwrap().as_secs()
}

/// Claims that are as they must be, but for `changed`; what is changed to null is absent.
fn claims(changed: Value) -> Value {
    let mut claims = json!({
        "iss": "https://issuer",
        "aud": "nexus",
        "sub": "alice",
        "exp": now() + 60,
    });
    let object = claims.as_object_mut().unwrap();
    for (name, value) in changed.as_object().unwrap() {
        match value {
            Value::Null => drop(object.remove(name)),
            value => drop(object.insert(name.clone(), value.clone())),
        }
    }
    claims
}

fn signing_input(header: &Value, claims: &Value) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    format!("{}.{}", part(header), part(claims))
}

fn hs256(header: &Value, claims: &Value) -> String {
    let input = signing_input(header, claims);
    let key = hmac::Key::new(hmac::HMAC_SHA256, SECRET.as_bytes());
    let signature = URL_SAFE_NO_PAD.encode(hmac::sign(&key, input.as_bytes()));
    format!("{input}.{signature}")
}

/// What is wrong with a token of these claims, if anything is.
fn fault(changed: Value) -> Option<&'static str> {
    let token = hs256(&json!({"alg": "HS256"}), &claims(changed));
    let judge = judge(Algorithm::Hs256, SECRET);
    judge
        .judge(token.as_bytes(), &Own::default())
        .err()
        .map(Refused::reason)
}

#[test]
fn a_token_as_it_must_be_is_accepted() {
    let token = hs256(&json!({"alg": "HS256", "kid": "any"}), &claims(json!({})));
    assert!(Judge::concerns(token.as_bytes()));
    let judge = judge(Algorithm::Hs256, SECRET);
    let caller = judge.judge(token.as_bytes(), &Own::default()).unwrap();
    assert_eq!(caller.name.as_deref(), Some("alice"));
    assert_eq!(caller.identity, Some(hash::stable(b"alice")));
}

#[test]
fn a_long_subject_is_not_taken_for_another_that_begins_alike() {
    let judge = judge(Algorithm::Hs256, SECRET);
    let subject = format!("{}/one", "x".repeat(1000));
    let token = hs256(&json!({"alg": "HS256"}), &claims(json!({"sub": subject})));
    let caller = judge.judge(token.as_bytes(), &Own::default()).unwrap();
    // The audit log has its hash, and an answer is replayed to nobody else.
    assert_eq!(caller.name.as_deref(), Some(&*subject));
}

#[test]
fn times_are_checked_with_leeway() {
    let expired = Some("it has expired");
    assert_eq!(fault(json!({"exp": now() - 20})), None);
    assert_eq!(fault(json!({"exp": now() - 40})), expired);
    assert_eq!(fault(json!({"nbf": now() + 20})), None);
    let early = Some("it is not valid yet");
    assert_eq!(fault(json!({"nbf": now() + 40})), early);
    let no_time = Some("`exp` or `nbf` is no time");
    assert_eq!(fault(json!({"nbf": "soon"})), no_time);
}

#[test]
fn every_claim_is_required() {
    let missing = Some("`exp`, `iss`, `aud` or `sub` is missing");
    for claim in ["exp", "aud"] {
        assert_eq!(fault(json!({claim: null})), missing, "{claim}");
    }
    for claim in ["iss", "sub", "exp"] {
        assert!(fault(json!({claim: null})).is_some(), "{claim}");
        assert!(
            fault(json!({claim: ["https://issuer"]})).is_some(),
            "{claim}"
        );
    }
    assert_eq!(fault(json!({"sub": ""})), Some("its subject is empty"));
}

#[test]
fn issuer_and_audience_are_exact() {
    let issuer = Some("another issuer");
    assert_eq!(fault(json!({"iss": "https://issuer/"})), issuer);
    let audience = Some("another audience");
    assert_eq!(fault(json!({"aud": "nexus2"})), audience);
    assert_eq!(fault(json!({"aud": []})), audience);
    assert_eq!(fault(json!({"aud": ["billing", "nexus"]})), None);
}

#[test]
fn a_header_decides_nothing() {
    let judge = judge(Algorithm::Hs256, SECRET);
    for header in [
        json!({"alg": "none"}),
        json!({"alg": "None"}),
        json!({"alg": "HS384"}),
        json!({"alg": "RS256"}),
        json!({"alg": "HS256", "crit": ["exp"]}),
        json!({}),
    ] {
        let token = hs256(&header, &claims(json!({})));
        assert!(
            judge.judge(token.as_bytes(), &Own::default()).is_err(),
            "{header}"
        );
        let unsigned = token.rsplit_once('.').unwrap().0;
        assert!(
            judge
                .judge(format!("{unsigned}.").as_bytes(), &Own::default())
                .is_err()
        );
    }
}

#[test]
fn a_long_token_is_not_looked_at() {
    let judge = judge(Algorithm::Hs256, SECRET);
    let long = claims(json!({"models": ["small"], "padding": "x".repeat(MAX_TOKEN)}));
    let token = hs256(&json!({"alg": "HS256"}), &long);
    let refused = judge.judge(token.as_bytes(), &Own::default()).err();
    assert_eq!(refused, Some(Refused::Wrong("it is longer than 8 KiB")));
}

#[test]
fn models_are_those_of_the_claim() {
    let judge = judge(Algorithm::Hs256, SECRET);
    let may_use = |models: Value| {
        let token = hs256(&json!({"alg": "HS256"}), &claims(json!({"models": models})));
        let caller = judge.judge(token.as_bytes(), &Own::default()).unwrap();
        (caller.may_use(&MODEL_LARGE), caller.may_use(&MODEL_SMALL))
    };
    assert_eq!(may_use(Value::Null), (false, true), "the default");
    assert_eq!(may_use(json!("*")), (true, true));
    assert_eq!(may_use(json!(["*"])), (true, true));
    assert_eq!(may_use(json!(["chat"])), (true, false), "an alias");
    assert_eq!(may_use(json!(["large", "small", "large"])), (true, true));
    for nothing in [json!([]), json!("small"), json!([1, "unknown"]), json!({})] {
        assert_eq!(may_use(nothing.clone()), (false, false), "{nothing}");
    }
}

#[test]
fn a_claimed_list_is_what_its_bearer_is_told() {
    let token = hs256(
        &json!({"alg": "HS256"}),
        &claims(json!({"models": ["small", "large", "chat"]})),
    );
    let judge = judge(Algorithm::Hs256, SECRET);
    let caller = judge.judge(token.as_bytes(), &Own::default()).unwrap();
    assert_eq!(caller.model_names(), "`large`, `small`");
}

#[test]
fn es256_is_verified_with_the_public_key() {
    let random = SystemRandom::new();
    let algorithm = &ECDSA_P256_SHA256_FIXED_SIGNING;
    let document = EcdsaKeyPair::generate_pkcs8(algorithm, &random).unwrap();
    let pair = EcdsaKeyPair::from_pkcs8(algorithm, document.as_ref(), &random).unwrap();
    // The header of a `SubjectPublicKeyInfo` on P-256.
    let mut der = STANDARD
        .decode("MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgA=")
        .unwrap();
    der.extend_from_slice(pair.public_key().as_ref());
    let pem = format!(
        "-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n",
        STANDARD.encode(der)
    );
    let judge = judge(Algorithm::Es256, &pem);
    let input = signing_input(&json!({"alg": "ES256"}), &claims(json!({})));
    let signature = pair.sign(&random, input.as_bytes()).unwrap();
    let token = format!("{input}.{}", URL_SAFE_NO_PAD.encode(signature));
    assert!(judge.judge(token.as_bytes(), &Own::default()).is_ok());
    let zeros = URL_SAFE_NO_PAD.encode([0; 64]);
    let refused = judge
        .judge(format!("{input}.{zeros}").as_bytes(), &Own::default())
        .err();
    assert_eq!(refused, Some(Refused::Wrong("its signature is wrong")));
    assert_eq!(
        key::parse(Algorithm::Rs256, &pem).err(),
        Some(Unusable::NotRsa)
    );
}

#[test]
fn unfit_keys_are_refused_at_start() {
    let unusable = |algorithm, text| key::parse(algorithm, text).err();
    assert_eq!(
        unusable(Algorithm::Hs256, "too short"),
        Some(Unusable::ShortSecret)
    );
    for private in [
        "-----BEGIN PRIVATE KEY-----\n",
        "-----BEGIN CERTIFICATE-----\n",
        "x",
    ] {
        for algorithm in [Algorithm::Rs256, Algorithm::Es256] {
            assert_eq!(unusable(algorithm, private), Some(Unusable::NotPublic));
        }
    }
}

#[test]
fn what_has_not_the_form_of_a_token_is_a_key() {
    for key in [
        "",
        "sk-live-1",
        "a.b.c",
        "eyJhbGciOiJub25lIn0",
        "eyJ.a",
        "eyJ.a.b.c",
    ] {
        assert!(!Judge::concerns(key.as_bytes()), "{key}");
    }
}

proptest! {
    #[test]
    fn one_changed_byte_is_noticed(index in any::<prop::sample::Index>(), other in 1..=u8::MAX) {
        let judge = judge(Algorithm::Hs256, SECRET);
        let mut token = hs256(&json!({"alg": "HS256"}), &claims(json!({}))).into_bytes();
        let index = index.index(token.len());
        token[index] ^= other;
        prop_assert!(judge.judge(&token, &Own::default()).is_err());
    }
}
