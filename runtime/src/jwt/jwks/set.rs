//! A set of keys as an issuer publishes it (RFC 7517): those that verify tokens of one algorithm.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::DecodingKey;
use serde::Deserialize;
use serde_json::value::RawValue;
use thiserror::Error;

use crate::topology::Algorithm;

/// The most keys of a set. Issuers have two or three, and some a dozen.
const MAX_KEYS: usize = 64;

/// The longest name of a key, in bytes; usual are a hash or a UUID.
const MAX_KID: usize = 256;

/// The shortest RSA key, in bits (RFC 7518, 3.3).
const MIN_RSA_BITS: usize = 2048;

/// The longest RSA key that the cryptography takes, in bits.
const MAX_RSA_BITS: usize = 8192;

/// An uncompressed point of P-256.
const POINT: usize = 65;

/// Why a document is no set of keys to go by.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub(crate) enum Unusable {
    #[error("the answer is no set of keys")]
    NoSet,
    #[error("the answer has more than {MAX_KEYS} keys")]
    TooMany,
    #[error("the answer has no key that tokens can be verified with")]
    NoKey,
}

/// The keys of an issuer.
#[derive(Debug)]
pub(crate) struct KeySet(Vec<Key>);

#[derive(Debug)]
struct Key {
    kid: Option<String>,
    key: DecodingKey,
}

/// What a set says of a key, as far as it matters.
#[derive(Deserialize)]
struct Entry {
    kty: String,
    kid: Option<String>,
    #[serde(rename = "use")]
    usage: Option<String>,
    key_ops: Option<Vec<String>>,
    alg: Option<String>,
    crv: Option<String>,
    n: Option<String>,
    e: Option<String>,
    x: Option<String>,
    y: Option<String>,
}

impl KeySet {
    /// The keys in `document` that verify `algorithm`. What is for something else, too weak or not
    /// understood is passed over, as RFC 7517 asks for; so are different keys of one name, because
    /// nobody could say which of them a token means.
    pub(crate) fn parse(document: &[u8], algorithm: Algorithm) -> Result<Self, Unusable> {
        #[derive(Deserialize)]
        struct Document<'d> {
            #[serde(borrow)]
            keys: Vec<&'d RawValue>,
        }
        let document: Document<'_> =
            serde_json::from_slice(document).map_err(|_| Unusable::NoSet)?;
        if document.keys.len() > MAX_KEYS {
            return Err(Unusable::TooMany);
        }
        let mut keys: Vec<Key> = Vec::new();
        let mut ambiguous = Vec::new();
        for entry in document.keys {
            let Some(key) = serde_json::from_str(entry.get())
                .ok()
                .and_then(|entry| read(entry, algorithm))
            else {
                continue;
            };
            match keys.iter().find(|known| known.kid == key.kid) {
                None => keys.push(key),
                Some(known) if same(&known.key, &key.key) => {}
                // Tokens without a name of a key are taken only where there is but one key.
                Some(_) if key.kid.is_none() => keys.push(key),
                Some(_) => ambiguous.push(key.kid),
            }
        }
        keys.retain(|key| !ambiguous.contains(&key.kid));
        if keys.is_empty() {
            return Err(Unusable::NoKey);
        }
        Ok(Self(keys))
    }

    /// The key that a token means which names it by `kid`, or, without a name, the only one there is.
    pub(crate) fn find(&self, kid: Option<&str>) -> Option<&DecodingKey> {
        let found = match (kid, self.0.as_slice()) {
            (Some(_), keys) => keys.iter().find(|key| key.kid.as_deref() == kid),
            (None, [only]) => Some(only),
            (None, _) => None,
        };
        found.map(|key| &key.key)
    }

    /// How many keys there are.
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether `other` has the same keys by the same names.
    pub(crate) fn is_like(&self, other: &Self) -> bool {
        let is_in = |key: &Key| {
            let mut others = other.0.iter();
            others.any(|other| other.kid == key.kid && same(&other.key, &key.key))
        };
        self.len() == other.len() && self.0.iter().all(is_in)
    }
}

/// The key that `entry` describes, if it verifies `algorithm`.
fn read(entry: Entry, algorithm: Algorithm) -> Option<Key> {
    let name = match algorithm {
        // Nobody publishes a secret.
        Algorithm::Hs256 => return None,
        Algorithm::Rs256 => "RS256",
        Algorithm::Es256 => "ES256",
    };
    let verifies = |operations: &Vec<String>| operations.iter().any(|name| name == "verify");
    let is_meant = entry.usage.as_deref().is_none_or(|usage| usage == "sig")
        && entry.key_ops.as_ref().is_none_or(verifies)
        && entry.alg.as_deref().is_none_or(|alg| alg == name)
        && entry.kid.as_ref().is_none_or(|kid| kid.len() <= MAX_KID);
    if !is_meant {
        return None;
    }
    let key = match (algorithm, entry.kty.as_str()) {
        (Algorithm::Rs256, "RSA") => rsa(&entry.n?, &entry.e?)?,
        (Algorithm::Es256, "EC") if entry.crv.as_deref() == Some("P-256") => {
            let key = DecodingKey::from_ec_components(&entry.x?, &entry.y?).ok()?;
            (key.try_get_as_bytes().ok()?.len() == POINT).then_some(key)?
        }
        _ => return None,
    };
    Some(Key {
        kid: entry.kid,
        key,
    })
}

/// The RSA key of this modulus and exponent, if it is neither weak nor beyond the cryptography.
fn rsa(modulus: &str, exponent: &str) -> Option<DecodingKey> {
    let (modulus, exponent) = (number(modulus)?, number(exponent)?);
    let bits = modulus.len() * 8 - modulus.first()?.leading_zeros() as usize;
    let is_sound = exponent.len() <= 4 && exponent.last()? % 2 == 1 && exponent != [1];
    if !is_sound || !(MIN_RSA_BITS..=MAX_RSA_BITS).contains(&bits) {
        return None;
    }
    // `RSAPublicKey` of RFC 8017, which the cryptography reads.
    let numbers = [integer(&modulus), integer(&exponent)].concat();
    Some(DecodingKey::from_rsa_der(&der(SEQUENCE, &numbers)))
}

/// A number as issuers write it, without zeros in front: some write the sign byte of ASN.1 too.
fn number(text: &str) -> Option<Vec<u8>> {
    let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
    let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
    Some(bytes.into_iter().skip(zeros).collect())
}

const INTEGER: u8 = 0x02;
const SEQUENCE: u8 = 0x30;

/// A positive number in DER.
fn integer(number: &[u8]) -> Vec<u8> {
    match number.first() {
        // Else it would be a negative one.
        Some(first) if first & 0x80 != 0 => der(INTEGER, &[&[0], number].concat()),
        _ => der(INTEGER, number),
    }
}

/// A value in DER, of less than 64 KiB.
fn der(tag: u8, value: &[u8]) -> Vec<u8> {
    let [.., high, low] = value.len().to_be_bytes();
    let head: &[u8] = match (high, low) {
        (0, 0..0x80) => &[tag, low],
        (0, _) => &[tag, 0x81, low],
        _ => &[tag, 0x82, high, low],
    };
    [head, value].concat()
}

fn same(one: &DecodingKey, other: &DecodingKey) -> bool {
    match (one.try_get_as_bytes(), other.try_get_as_bytes()) {
        (Ok(one), Ok(other)) => one == other,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use std::slice::from_ref;

    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    /// An RSA key of so many bits, of which only the form is right.
    fn rsa_entry(kid: &str, bits: usize) -> Value {
        let mut modulus = vec![0xff; bits / 8];
        modulus.extend(kid.bytes());
        let modulus = &modulus[kid.len()..];
        json!({
            "kty": "RSA",
            "kid": kid,
            "n": URL_SAFE_NO_PAD.encode(modulus),
            "e": "AQAB",
        })
    }

    fn with(mut entry: Value, field: &str, value: Value) -> Value {
        entry[field] = value;
        entry
    }

    fn parse(keys: &[Value]) -> Result<KeySet, Unusable> {
        let document = json!({ "keys": keys }).to_string();
        KeySet::parse(document.as_bytes(), Algorithm::Rs256)
    }

    #[test]
    fn a_key_is_found_by_its_name_alone() {
        let set = parse(&[rsa_entry("a", 2048), rsa_entry("b", 4096)]).unwrap();
        assert!(set.find(Some("a")).is_some());
        assert!(set.find(Some("b")).is_some());
        assert!(!same(
            set.find(Some("a")).unwrap(),
            set.find(Some("b")).unwrap()
        ));
        for kid in ["", "A", "../a", "a/../b", &"a".repeat(8192)] {
            assert!(set.find(Some(kid)).is_none(), "{kid}");
        }
        assert!(set.find(None).is_none(), "there are two");
        let one = parse(&[rsa_entry("a", 2048)]).unwrap();
        assert!(one.find(None).is_some());
    }

    #[test]
    fn what_is_for_something_else_is_passed_over() {
        let good = rsa_entry("good", 2048);
        for other in [
            with(good.clone(), "use", json!("enc")),
            with(good.clone(), "key_ops", json!(["encrypt"])),
            with(good.clone(), "alg", json!("RS512")),
            with(good.clone(), "alg", json!("HS256")),
            with(good.clone(), "kty", json!("EC")),
            with(good.clone(), "kid", json!(7)),
            with(good.clone(), "kid", json!("k".repeat(257))),
            with(good.clone(), "n", json!("not base64!")),
            with(good.clone(), "e", json!("")),
            with(good.clone(), "e", json!("AQ")),
            with(good.clone(), "e", json!("Ag")),
            json!({"kty": "oct", "kid": "o", "k": "c2VjcmV0", "alg": "RS256"}),
            json!({"kty": "OKP", "crv": "Ed25519", "x": "AA"}),
            json!({"kty": "EC", "crv": "P-256", "x": "AA", "y": "AA"}),
            json!("nonsense"),
            json!({}),
        ] {
            assert_eq!(
                parse(from_ref(&other)).unwrap_err(),
                Unusable::NoKey,
                "{other}"
            );
            assert_eq!(parse(&[other, good.clone()]).unwrap().len(), 1);
        }
    }

    #[test]
    fn certificates_and_addresses_in_a_key_are_never_looked_at() {
        let entry = with(rsa_entry("a", 2048), "x5c", json!(["garbage"]));
        let entry = with(entry, "x5u", json!("https://evil.example.com"));
        assert_eq!(parse(&[entry]).unwrap().len(), 1);
    }

    #[test]
    fn weak_keys_are_refused() {
        for bits in [512, 1024, 2040] {
            assert_eq!(parse(&[rsa_entry("a", bits)]).unwrap_err(), Unusable::NoKey);
        }
        let huge = parse(&[rsa_entry("a", 8200)]);
        assert_eq!(huge.unwrap_err(), Unusable::NoKey);
        // Zeros in front make no key longer.
        let short = URL_SAFE_NO_PAD.encode([&[0; 200], &[0xff; 128][..]].concat());
        let padded = with(rsa_entry("a", 2048), "n", json!(short));
        assert_eq!(parse(&[padded]).unwrap_err(), Unusable::NoKey);
    }

    #[test]
    fn different_keys_of_one_name_verify_nothing() {
        let twice = [rsa_entry("a", 2048), rsa_entry("a", 4096)];
        assert_eq!(parse(&twice).unwrap_err(), Unusable::NoKey);
        let again = [rsa_entry("a", 2048), rsa_entry("a", 2048)];
        assert_eq!(parse(&again).unwrap().len(), 1, "the same key twice is one");
    }

    #[test]
    fn a_set_has_a_bound() {
        let many: Vec<_> = (0..=MAX_KEYS)
            .map(|number| rsa_entry(&number.to_string(), 2048))
            .collect();
        assert_eq!(parse(&many).unwrap_err(), Unusable::TooMany);
        assert_eq!(parse(&many[1..]).unwrap().len(), MAX_KEYS);
    }

    #[test]
    fn what_is_no_set_is_refused() {
        for text in ["", "[]", "{}", r#"{"keys":{}}"#, "<html>", r#"{"keys":["#] {
            let parsed = KeySet::parse(text.as_bytes(), Algorithm::Rs256);
            assert_eq!(parsed.unwrap_err(), Unusable::NoSet, "{text}");
        }
        let empty = KeySet::parse(br#"{"keys":[]}"#, Algorithm::Rs256);
        assert_eq!(empty.unwrap_err(), Unusable::NoKey);
    }

    #[test]
    fn a_key_is_the_same_as_one_in_pem_form() {
        let pem = include_str!("../../../../tests/keys/for-tests-only.public.pem");
        let read = crate::jwt::key::parse(Algorithm::Rs256, pem).unwrap();
        let der = read.try_get_as_bytes().unwrap();
        // A sequence of 270 bytes, then a number of 257 with its sign, then one of 3.
        let (modulus, exponent) = (&der[9..265], &der[267..]);
        let entry = json!({
            "kty": "RSA",
            "n": URL_SAFE_NO_PAD.encode(modulus),
            "e": URL_SAFE_NO_PAD.encode(exponent),
        });
        assert!(same(parse(&[entry]).unwrap().find(None).unwrap(), &read));
    }

    #[test]
    fn order_makes_no_difference() {
        let (a, b) = (rsa_entry("a", 2048), rsa_entry("b", 2048));
        let set = parse(&[a.clone(), b.clone()]).unwrap();
        assert!(set.is_like(&parse(&[b, a.clone()]).unwrap()));
        let other = parse(&[a, rsa_entry("c", 2048)]).unwrap();
        assert!(!set.is_like(&other));
    }

    proptest! {
        #[test]
        fn no_document_makes_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let _ = KeySet::parse(&bytes, Algorithm::Rs256);
        }

        #[test]
        fn no_entry_makes_it_panic(
            field in "kty|kid|use|key_ops|alg|n|e|x",
            text in "[A-Za-z0-9_-]{0,40}",
        ) {
            let entry = with(rsa_entry("a", 2048), &field, json!(text));
            let _ = parse(&[entry]);
        }
    }
}
