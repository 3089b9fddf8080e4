//! One configuration of TLS, made of files, and made again when they have changed.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use crate::observe::clock;
use crate::tls::material::{Digest, Fault, Material, Sources, Texts, Wrong};

/// A configuration of the kind `T` as its files are at the moment.
pub(crate) struct Credential<T> {
    sources: Sources,
    build: Build<T>,
    /// Asked for by each new connection, next to a handshake that takes a thousand times as long as this lock,
    /// and never by a request.
    current: RwLock<Arc<T>>,
    /// So that nothing is judged twice without a reason.
    seen: Mutex<Seen>,
    /// 0 where nothing is shown.
    expiry: AtomicU64,
}

/// What was read last, used or not.
struct Seen {
    /// `None` where not all of it could be read.
    digest: Option<Digest>,
    /// When what was wrong with it may have passed by itself, in seconds since 1970; `None` where nothing was wrong.
    fault_until: Option<u64>,
}

/// Of a fault that does not pass by itself.
const NEVER: u64 = u64::MAX;

/// Makes a configuration of what was read.
type Build<T> = Box<dyn Fn(Material) -> Arc<T> + Send + Sync>;

impl<T> Credential<T> {
    /// Reads `sources`, or says what is wrong with them.
    pub(crate) fn read(
        sources: Sources,
        build: impl Fn(Material) -> Arc<T> + Send + Sync + 'static,
    ) -> Result<Self, Vec<Fault>> {
        let texts = Texts::read(&sources)?;
        let material = Material::of(&sources, &texts).map_err(|fault| vec![fault])?;
        Ok(Self {
            expiry: AtomicU64::new(material.expiry.unwrap_or(0)),
            current: RwLock::new(build(material)),
            seen: Mutex::new(Seen {
                digest: Some(texts.digest()),
                fault_until: None,
            }),
            build: Box::new(build),
            sources,
        })
    }

    /// The configuration at this moment.
    pub(crate) fn current(&self) -> Arc<T> {
        let current = self.current.read();
        Arc::clone(&current.unwrap_or_else(PoisonError::into_inner))
    }

    /// [`Renew::renew`], where it is `now`.
    fn renew_at(&self, now: u64, asked: bool) -> Option<Result<(), Vec<Fault>>> {
        let texts = Texts::read(&self.sources);
        let digest = texts.as_ref().ok().map(Texts::digest);
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let may_have_passed = seen.fault_until.is_some_and(|until| asked || now >= until);
        if seen.digest == digest && !may_have_passed {
            return None;
        }
        let material = texts.and_then(|texts| {
            Material::at(&self.sources, &texts, now).map_err(|fault| vec![fault])
        });
        *seen = Seen {
            digest,
            fault_until: material.as_ref().err().map(|faults| passes(faults)),
        };
        drop(seen);
        Some(material.map(|material| {
            self.expiry
                .store(material.expiry.unwrap_or(0), Ordering::Relaxed);
            let renewed = (self.build)(material);
            let mut current = self.current.write().unwrap_or_else(PoisonError::into_inner);
            *current = renewed;
        }))
    }
}

/// When `faults` may have passed by themselves, in seconds since 1970.
fn passes(faults: &[Fault]) -> u64 {
    match faults {
        [fault] => match fault.wrong {
            Wrong::NotYet(from) => from,
            _ => NEVER,
        },
        _ => NEVER,
    }
}

/// Who is at the other end of connections that a credential is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Peer {
    /// Clients.
    Clients,
    /// The upstream of this name.
    Upstream(&'static str),
    /// The issuer of tokens.
    #[cfg(feature = "jwks")]
    Issuer,
    /// The store.
    #[cfg(feature = "redis")]
    Store,
}

/// A credential of any kind, to be kept up to date.
pub(crate) trait Renew {
    /// Reads the files again. `None` where nothing has changed since the last time; after a fault the previous
    /// configuration stays. What was wrong the last time is judged again where somebody has `asked` for it, and once
    /// it is time for a certificate that had come before its time.
    fn renew(&self, asked: bool) -> Option<Result<(), Vec<Fault>>>;

    /// When what it shows ends to be valid, in seconds since 1970.
    fn expiry(&self) -> Option<u64>;
}

impl<T> Renew for Credential<T> {
    fn renew(&self, asked: bool) -> Option<Result<(), Vec<Fault>>> {
        self.renew_at(clock::second(), asked)
    }

    fn expiry(&self) -> Option<u64> {
        Some(self.expiry.load(Ordering::Relaxed)).filter(|expiry| *expiry != 0)
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;
    use std::{env, fs, process};

    use rcgen::{CertificateParams, KeyPair, date_time_ymd};

    use super::*;
    use crate::topology::Identity;

    /// The first second of 2029, 2030 and 2040.
    const IN_2029: u64 = 1_861_920_000;
    const IN_2030: u64 = 1_893_456_000;
    const IN_2040: u64 = 2_208_988_800;

    /// A pair of files in a folder that goes with the test.
    struct Files {
        folder: PathBuf,
        identity: Identity,
    }

    impl Files {
        /// With a pair that is valid from the first year to the beginning of the second.
        fn new(name: &str, from: i32, until: i32) -> Self {
            let folder = env::temp_dir().join(format!("nexus-{name}-{}", process::id()));
            fs::create_dir_all(&folder).unwrap();
            let path = |file: &str| -> &'static str {
                let path = folder.join(file);
                Box::leak(path.to_str().unwrap().to_owned().into_boxed_str())
            };
            let identity = Identity {
                certificate: path("tls.crt"),
                private_key: path("tls.key"),
            };
            let files = Self { folder, identity };
            files.replace(from, until);
            files
        }

        /// Replaces the pair by one of these years.
        fn replace(&self, from: i32, until: i32) {
            let mut params = CertificateParams::new(vec!["gateway.test".to_owned()]).unwrap();
            params.not_before = date_time_ymd(from, 1, 1);
            params.not_after = date_time_ymd(until, 1, 1);
            let key = KeyPair::generate().unwrap();
            let certificate = params.self_signed(&key).unwrap();
            fs::write(self.identity.certificate, certificate.pem()).unwrap();
            fs::write(self.identity.private_key, key.serialize_pem()).unwrap();
        }

        /// The end of the certificate that is in use is the configuration.
        fn credential(&self) -> Credential<Option<u64>> {
            let sources = Sources {
                identity: Some(self.identity),
                authority: None,
            };
            Credential::read(sources, |material| Arc::new(material.expiry)).unwrap()
        }
    }

    impl Drop for Files {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.folder);
        }
    }

    #[test]
    fn a_certificate_that_came_before_its_time_is_used_when_that_has_come() {
        let files = Files::new("early", 2020, 2035);
        let credential = files.credential();
        let before = *credential.current();
        files.replace(2030, 2045);
        let early = credential.renew_at(IN_2029, false).unwrap().unwrap_err();
        assert_eq!(early[0].wrong, Wrong::NotYet(IN_2030));
        assert!(
            credential.renew_at(IN_2030 - 1, false).is_none(),
            "said twice"
        );
        assert_eq!(*credential.current(), before);
        assert!(credential.renew_at(IN_2030, false).unwrap().is_ok());
        assert!(*credential.current() > before);
        assert!(
            credential.renew_at(IN_2030 + 1, false).is_none(),
            "said twice"
        );
    }

    #[test]
    fn whoever_asks_hears_again_what_is_wrong_and_nothing_of_what_is_in_use() {
        let files = Files::new("asked", 2020, 2035);
        let credential = files.credential();
        assert!(credential.renew_at(IN_2030, true).is_none());
        files.replace(2025, 2026);
        for asked in [false, true, true] {
            let said = credential.renew_at(IN_2030, asked);
            assert!(matches!(said, Some(Err(_))), "{said:?}");
            assert!(credential.renew_at(IN_2040, false).is_none(), "said twice");
        }
        fs::remove_file(files.identity.private_key).unwrap();
        for asked in [false, true] {
            let said = credential.renew_at(IN_2030, asked);
            assert!(matches!(said, Some(Err(_))), "{said:?}");
        }
        files.replace(2025, 2040);
        assert!(credential.renew_at(IN_2030, false).unwrap().is_ok());
        assert!(credential.renew_at(IN_2030, true).is_none());
    }
}
