//! No token is accepted unless it was signed with the issuer's key and says what it must.

use std::sync::LazyLock;
use std::time::{Duration, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::hmac;
use serde_json::Value;

use crate::fixture::{CHAT, dataplane};
use crate::jwt::{Judge, Keys, Own, key};
use crate::observe::clock;
use crate::topology::{Access, Algorithm, Jwt, PriorityClass, Secret, TokenKeys};

const SECRET: &str = "a secret of thirty-two bytes, or more";

const ISSUER: &str = "https://issuer";

const AUDIENCE: &str = "nexus";

const LEEWAY: Duration = Duration::from_secs(30);

/// A public key whose private one nobody has kept.
const PUBLIC: &str = include_str!("../../fuzz/es256.public.pem");

static JUDGE: LazyLock<Judge> = LazyLock::new(|| judge(Algorithm::Hs256, SECRET));

static PUBLIC_JUDGE: LazyLock<Judge> = LazyLock::new(|| judge(Algorithm::Es256, PUBLIC));

/// The property. The input is a token; and where it has two lines, the header and the claims of one.
pub fn holds(input: &[u8]) {
    let claims = judged(input);
    let is_signed = input
        .iter()
        .rposition(|byte| *byte == b'.')
        .and_then(|dot| Some((input.get(..dot)?, input.get(dot + 1..)?)))
        .is_some_and(|(message, signature)| {
            let signature = URL_SAFE_NO_PAD.decode(signature).unwrap_or_default();
            hmac::verify(&secret(SECRET), message, &signature).is_ok()
        });
    assert!(is_signed || claims.is_none(), "nobody has signed it");

    let Some(line) = input.iter().position(|byte| *byte == b'\n') else {
        return;
    };
    let (header, claims) = (input.get(..line), input.get(line + 1..));
    let (header, claims) = (header.unwrap_or_default(), claims.unwrap_or_default());
    let signed = signed(header, claims, SECRET);
    if let Some(subject) = judged(signed.as_bytes()) {
        says_what_it_must(header, claims, &subject);
    }
    // With the public key as the secret: the oldest of all tricks.
    assert_eq!(
        judged(self::signed(header, claims, PUBLIC).as_bytes()),
        None
    );
}

/// The subject of a token that is accepted.
fn judged(token: &[u8]) -> Option<String> {
    let own = Own::default();
    assert!(
        PUBLIC_JUDGE.judge(token, &own).is_err(),
        "nobody has the private key"
    );
    let caller = JUDGE.judge(token, &own).ok()?;
    Some(caller.name.as_deref().unwrap_or_default().to_owned())
}

fn says_what_it_must(header: &[u8], claims: &[u8], subject: &str) {
    let read = |part| serde_json::from_slice::<Value>(part).expect("a part is JSON");
    let (header, claims) = (read(header), read(claims));
    assert_eq!(header.get("alg"), Some(&Value::from("HS256")));
    assert_eq!(header.get("crit").filter(|crit| !crit.is_null()), None);
    assert_eq!(claims.get("iss"), Some(&Value::from(ISSUER)));
    assert_eq!(claims.get("sub"), Some(&Value::from(subject)));
    assert!(!subject.is_empty());
    let audience = Value::from(AUDIENCE);
    let is_meant = |said: &Value| match said {
        Value::Array(several) => several.contains(&audience),
        one => *one == audience,
    };
    assert!(claims.get("aud").is_some_and(is_meant), "{claims}");
    let now = clock::now().duration_since(UNIX_EPOCH);
    let now = now.expect("it is after 1970").as_secs_f64();
    // A second for the time between the two looks at the clock.
    let leeway = LEEWAY.as_secs_f64() + 1.0;
    let time = |name| claims.get(name).and_then(Value::as_f64);
    assert!(
        time("exp").is_some_and(|end| end + leeway >= now),
        "{claims}"
    );
    assert!(
        time("nbf").is_none_or(|begin| begin - leeway <= now),
        "{claims}"
    );
}

fn signed(header: &[u8], claims: &[u8], key: &str) -> String {
    let message = [header, claims]
        .map(|part| URL_SAFE_NO_PAD.encode(part))
        .join(".");
    let signature = hmac::sign(&secret(key), message.as_bytes());
    format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature))
}

fn secret(key: &str) -> hmac::Key {
    hmac::Key::new(hmac::HMAC_SHA256, key.as_bytes())
}

fn judge(algorithm: Algorithm, key: &str) -> Judge {
    // Gives the models their slots.
    dataplane();
    let jwt = Box::leak(Box::new(Jwt {
        algorithm,
        keys: TokenKeys::Fixed(Secret::Env("JWT_KEY")),
        issuer: ISSUER,
        audience: AUDIENCE,
        leeway: LEEWAY,
        models_claim: "models",
        models: Access::All,
        priority: PriorityClass::Normal,
        limit: None,
    }));
    let key = key::parse(algorithm, key).expect("the key is sound");
    Judge::new(&CHAT, jwt, Keys::Fixed(key))
}
