//! From PEM files to keys and certificates that can be used, or to what is wrong with them.

use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use rustls::{Error, InconsistentKeys, RootCertStore};
use sha2::{Digest as _, Sha256};
use thiserror::Error;
use x509_cert::Certificate;
use x509_cert::der::Decode;

use crate::observe::clock::{self, Timestamp};
use crate::secret::{self, Unreadable};
use crate::tls::provider::provider;
use crate::topology::{Identity, Secret};

/// Where the material is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sources {
    /// What is shown to the other side.
    pub(crate) identity: Option<Identity>,
    /// Who must have issued what the other side shows.
    pub(crate) authority: Option<&'static str>,
}

/// What was read, as text.
pub(crate) struct Texts {
    certificate: Option<String>,
    private_key: Option<String>,
    authority: Option<String>,
}

/// Tells one reading from another without keeping a key in memory.
pub(crate) type Digest = [u8; 32];

/// What can be used.
pub(crate) struct Material {
    /// What is shown to the other side.
    pub(crate) identity: Option<CertifiedKey>,
    /// Who must have issued what the other side shows; never empty.
    pub(crate) authority: Option<Arc<RootCertStore>>,
    /// When what is shown ends to be valid, in seconds since 1970.
    pub(crate) expiry: Option<u64>,
}

/// What is wrong with a file; nothing of what is in it is repeated.
#[derive(Debug, Error)]
#[error("{file}: {wrong}")]
pub(crate) struct Fault {
    /// Its path.
    pub(crate) file: &'static str,
    /// What is wrong.
    pub(crate) wrong: Wrong,
}

/// What can be wrong.
#[derive(Debug, Error, PartialEq, Eq)]
pub(crate) enum Wrong {
    #[error(transparent)]
    Unreadable(#[from] Unreadable),
    #[error("holds no certificate in PEM form")]
    NoCertificate,
    #[error("holds a certificate that cannot be read")]
    BadCertificate,
    #[error("the certificate has expired at {0}")]
    Expired(String),
    /// A second since 1970.
    #[error("the certificate is not valid before {}", Timestamp::of_second(*.0))]
    NotYet(u64),
    #[error("holds no private key in PEM form")]
    NoKey,
    #[error("holds a private key of a kind that cannot be used")]
    BadKey,
    #[error("the private key does not belong to the certificate in {0}")]
    OtherKey(&'static str),
}

impl Texts {
    /// Reads all of `sources`, or says of each what is wrong.
    pub(crate) fn read(sources: &Sources) -> Result<Self, Vec<Fault>> {
        let mut faults = Vec::new();
        let mut read = |file: Option<&'static str>| {
            let file = file?;
            match secret::text(Secret::File(file), &|_| None) {
                Ok(text) => Some(text),
                Err(error) => {
                    let wrong = error.into();
                    faults.push(Fault { file, wrong });
                    None
                }
            }
        };
        let texts = Self {
            certificate: read(sources.identity.map(|identity| identity.certificate)),
            private_key: read(sources.identity.map(|identity| identity.private_key)),
            authority: read(sources.authority),
        };
        if faults.is_empty() {
            Ok(texts)
        } else {
            Err(faults)
        }
    }

    /// Differs from that of any other reading.
    pub(crate) fn digest(&self) -> Digest {
        let mut digest = Sha256::new();
        for text in [&self.certificate, &self.private_key, &self.authority] {
            let text = text.as_deref().unwrap_or_default();
            digest.update(text.len().to_be_bytes());
            digest.update(text);
        }
        digest.finalize().into()
    }
}

impl Material {
    /// What `texts` of `sources` amount to.
    pub(crate) fn of(sources: &Sources, texts: &Texts) -> Result<Self, Fault> {
        Self::at(sources, texts, clock::second())
    }

    /// The same, where it is `now`, in seconds since 1970.
    pub(crate) fn at(sources: &Sources, texts: &Texts, now: u64) -> Result<Self, Fault> {
        let mut material = Self {
            identity: None,
            authority: None,
            expiry: None,
        };
        if let (Some(identity), Some(certificate), Some(private_key)) =
            (sources.identity, &texts.certificate, &texts.private_key)
        {
            let at_certificate = |wrong| Fault {
                file: identity.certificate,
                wrong,
            };
            let chain = certificates(certificate).map_err(at_certificate)?;
            material.expiry = Some(valid_until(&chain, now).map_err(at_certificate)?);
            let key = key(chain, private_key, identity.certificate);
            material.identity = Some(key.map_err(|wrong| match wrong {
                Wrong::BadCertificate => at_certificate(wrong),
                wrong => Fault {
                    file: identity.private_key,
                    wrong,
                },
            })?);
        }
        if let (Some(file), Some(text)) = (sources.authority, &texts.authority) {
            let fault = |wrong| Fault { file, wrong };
            let mut roots = RootCertStore::empty();
            for certificate in certificates(text).map_err(fault)? {
                roots
                    .add(certificate)
                    .map_err(|_| fault(Wrong::BadCertificate))?;
            }
            material.authority = Some(Arc::new(roots));
        }
        Ok(material)
    }
}

/// At least one certificate.
fn certificates(pem: &str) -> Result<Vec<CertificateDer<'static>>, Wrong> {
    let all: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem.as_bytes()).collect();
    match all {
        Ok(all) if all.is_empty() => Err(Wrong::NoCertificate),
        Ok(all) => Ok(all),
        Err(_) => Err(Wrong::BadCertificate),
    }
}

/// Until when all of `chain` is valid, which it must be `now`.
fn valid_until(chain: &[CertificateDer<'_>], now: u64) -> Result<u64, Wrong> {
    let mut until = u64::MAX;
    for certificate in chain {
        let certificate = Certificate::from_der(certificate).map_err(|_| Wrong::BadCertificate)?;
        let validity = certificate.tbs_certificate.validity;
        let from = validity.not_before.to_unix_duration().as_secs();
        if now < from {
            return Err(Wrong::NotYet(from));
        }
        until = until.min(validity.not_after.to_unix_duration().as_secs());
    }
    if until < now {
        return Err(Wrong::Expired(Timestamp::of_second(until).to_string()));
    }
    Ok(until)
}

/// The key of the first certificate of `chain`, which was read from `file`.
fn key(
    chain: Vec<CertificateDer<'static>>,
    pem: &str,
    file: &'static str,
) -> Result<CertifiedKey, Wrong> {
    let key = PrivateKeyDer::from_pem_slice(pem.as_bytes()).map_err(|_| Wrong::NoKey)?;
    match CertifiedKey::from_der(chain, key, &provider()) {
        Ok(key) => Ok(key),
        Err(Error::InconsistentKeys(InconsistentKeys::KeyMismatch)) => Err(Wrong::OtherKey(file)),
        Err(Error::InvalidCertificate(_)) => Err(Wrong::BadCertificate),
        Err(_) => Err(Wrong::BadKey),
    }
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, KeyPair, date_time_ymd};

    use super::*;

    const SOURCES: Sources = Sources {
        identity: Some(Identity {
            certificate: "tls.crt",
            private_key: "tls.key",
        }),
        authority: Some("ca.crt"),
    };

    /// The first second of 2020, 2021, 2030 and 2040.
    const IN_2020: u64 = 1_577_836_800;
    const IN_2021: u64 = 1_609_459_200;
    const IN_2030: u64 = 1_893_456_000;
    const IN_2040: u64 = 2_208_988_800;

    /// A certificate, valid from 2021 to the beginning of 2035, and its key.
    fn pair() -> (String, String) {
        let mut params = CertificateParams::new(vec!["gateway.test".to_owned()]).unwrap();
        params.not_before = date_time_ymd(2021, 1, 1);
        params.not_after = date_time_ymd(2035, 1, 1);
        let key = KeyPair::generate().unwrap();
        let certificate = params.self_signed(&key).unwrap();
        (certificate.pem(), key.serialize_pem())
    }

    fn wrong(
        certificate: &str,
        key: &str,
        authority: &str,
        now: u64,
    ) -> Option<(&'static str, Wrong)> {
        let texts = Texts {
            certificate: Some(certificate.to_owned()),
            private_key: Some(key.to_owned()),
            authority: Some(authority.to_owned()),
        };
        let fault = Material::at(&SOURCES, &texts, now).err()?;
        Some((fault.file, fault.wrong))
    }

    #[test]
    fn a_pair_that_fits_can_be_used_until_it_expires() {
        let (certificate, key) = pair();
        let texts = Texts {
            certificate: Some(certificate.clone()),
            private_key: Some(key),
            authority: Some(certificate),
        };
        let material = Material::at(&SOURCES, &texts, IN_2030).unwrap();
        assert!(material.identity.is_some() && material.authority.is_some());
        assert_eq!(material.expiry, Some(2_051_222_400));
    }

    #[test]
    fn what_does_not_fit_is_said_of_the_file_that_it_is_in() {
        let (certificate, key) = pair();
        let (other, other_key) = pair();
        let bad = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----";
        let bad_key = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----";
        let broken = "-----BEGIN CERTIFICATE-----\n*\n-----END CERTIFICATE-----";
        for (texts, now, expected) in [
            (
                [&*key, &*key, &*other],
                IN_2030,
                ("tls.crt", Wrong::NoCertificate),
            ),
            (
                [bad, &*key, &*other],
                IN_2030,
                ("tls.crt", Wrong::BadCertificate),
            ),
            (
                [broken, &*key, &*other],
                IN_2030,
                ("tls.crt", Wrong::BadCertificate),
            ),
            (
                [&*certificate, &*certificate, &*other],
                IN_2030,
                ("tls.key", Wrong::NoKey),
            ),
            (
                [&*certificate, bad_key, &*other],
                IN_2030,
                ("tls.key", Wrong::BadKey),
            ),
            (
                [&*certificate, &*other_key, &*other],
                IN_2030,
                ("tls.key", Wrong::OtherKey("tls.crt")),
            ),
            (
                [&*certificate, &*key, ""],
                IN_2030,
                ("ca.crt", Wrong::NoCertificate),
            ),
            (
                [&*certificate, &*key, bad],
                IN_2030,
                ("ca.crt", Wrong::BadCertificate),
            ),
            (
                [&*certificate, &*key, &*other],
                IN_2020,
                ("tls.crt", Wrong::NotYet(IN_2021)),
            ),
            (
                [&*certificate, &*key, &*other],
                IN_2040,
                (
                    "tls.crt",
                    Wrong::Expired("2035-01-01T00:00:00.000Z".to_owned()),
                ),
            ),
        ] {
            let [certificate, key, authority] = texts;
            assert_eq!(wrong(certificate, key, authority, now), Some(expected));
        }
    }

    #[test]
    fn readings_differ_wherever_their_text_does() {
        let digest = |texts: [&str; 3]| {
            let [certificate, key, authority] = texts.map(|text| Some(text.to_owned()));
            let texts = Texts {
                certificate,
                private_key: key,
                authority,
            };
            texts.digest()
        };
        assert_eq!(digest(["a", "b", "c"]), digest(["a", "b", "c"]));
        assert_ne!(digest(["ab", "", "c"]), digest(["a", "b", "c"]));
        assert_ne!(digest(["a", "b", "c"]), digest(["a", "b", "d"]));
    }
}
