//! How an upstream is reached, as far as the environment says.

use hyper::header::HeaderValue;

use crate::address::Address;
#[cfg(feature = "certificates")]
use crate::tls::credential::Credential;

/// How an upstream is reached.
pub(crate) struct UpstreamAccess {
    /// Where it is; `None` for a mock.
    pub(crate) address: Option<Address>,
    /// The value of the `Authorization` header that is sent to it.
    pub(crate) authorization: Option<HeaderValue>,
    /// What its `tls` asks for.
    #[cfg(feature = "certificates")]
    pub(crate) tls: Option<Credential<rustls::ClientConfig>>,
}
