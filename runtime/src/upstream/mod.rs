//! Upstreams: getting a response from one of them, whatever its kind.

pub(crate) mod access;
pub(crate) mod attempt;
pub(crate) mod breaker;
pub(crate) mod check;
pub(crate) mod checker;
pub(crate) mod circuit;
pub(crate) mod connect;
pub(crate) mod connection;
pub(crate) mod engaged;
pub(crate) mod exchange;
pub(crate) mod failure;
pub(crate) mod headers;

pub(crate) mod http;
pub(crate) mod http_body;
pub(crate) mod in_flight;
pub(crate) mod live;
pub(crate) mod miss;
#[cfg(feature = "mock")]
pub(crate) mod mock;
#[cfg(feature = "mock")]
pub(crate) mod mock_body;
pub(crate) mod once;
pub(crate) mod opening;
pub(crate) mod pool;
pub(crate) mod source;
#[cfg(feature = "tls")]
pub(crate) mod tls;
pub(crate) mod vitals;
