//! The cryptography of TLS: ring's, the same for everybody.

use std::sync::{Arc, OnceLock};

use rustls::crypto::CryptoProvider;

/// The cryptography: ring's.
pub(super) fn provider() -> Arc<CryptoProvider> {
    static PROVIDER: OnceLock<Arc<CryptoProvider>> = OnceLock::new();
    let provider = PROVIDER.get_or_init(|| Arc::new(rustls::crypto::ring::default_provider()));
    Arc::clone(provider)
}
