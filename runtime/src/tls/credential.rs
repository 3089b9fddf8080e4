//! One configuration of TLS, made of files, and made again when they have changed.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use crate::tls::material::{Digest, Fault, Material, Sources, Texts};

/// A configuration of the kind `T` as its files are at the moment.
pub(crate) struct Credential<T> {
    sources: Sources,
    build: Build<T>,
    /// Asked for by each new connection, next to a handshake that takes a thousand times as long as this lock,
    /// and never by a request.
    current: RwLock<Arc<T>>,
    /// What was read last, used or not: so that nothing is judged twice.
    seen: Mutex<Option<Digest>>,
    /// 0 where nothing is shown.
    expiry: AtomicU64,
}

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
            seen: Mutex::new(Some(texts.digest())),
            build: Box::new(build),
            sources,
        })
    }

    /// The configuration at this moment.
    pub(crate) fn current(&self) -> Arc<T> {
        let current = self.current.read();
        Arc::clone(&current.unwrap_or_else(PoisonError::into_inner))
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
    /// configuration stays.
    fn renew(&self) -> Option<Result<(), Vec<Fault>>>;

    /// When what it shows ends to be valid, in seconds since 1970.
    fn expiry(&self) -> Option<u64>;
}

impl<T> Renew for Credential<T> {
    fn renew(&self) -> Option<Result<(), Vec<Fault>>> {
        let texts = Texts::read(&self.sources);
        let digest = texts.as_ref().ok().map(Texts::digest);
        {
            let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
            if *seen == digest {
                return None;
            }
            *seen = digest;
        }
        let material = texts
            .and_then(|texts| Material::of(&self.sources, &texts).map_err(|fault| vec![fault]));
        Some(material.map(|material| {
            self.expiry
                .store(material.expiry.unwrap_or(0), Ordering::Relaxed);
            let renewed = (self.build)(material);
            let mut current = self.current.write().unwrap_or_else(PoisonError::into_inner);
            *current = renewed;
        }))
    }

    fn expiry(&self) -> Option<u64> {
        Some(self.expiry.load(Ordering::Relaxed)).filter(|expiry| *expiry != 0)
    }
}
