//! The names of headers, in small letters. They are plain text, so that what there is to know of one is known where it
//! is looked for when this is compiled: hyper's names, which may be any, are asked what they are each time.

pub(crate) const ACCEPT_ENCODING: &str = "accept-encoding";
pub(crate) const ACCESS_CONTROL_ALLOW_CREDENTIALS: &str = "access-control-allow-credentials";
pub(crate) const ACCESS_CONTROL_ALLOW_HEADERS: &str = "access-control-allow-headers";
pub(crate) const ACCESS_CONTROL_ALLOW_METHODS: &str = "access-control-allow-methods";
pub(crate) const ACCESS_CONTROL_ALLOW_ORIGIN: &str = "access-control-allow-origin";
pub(crate) const ACCESS_CONTROL_EXPOSE_HEADERS: &str = "access-control-expose-headers";
pub(crate) const ACCESS_CONTROL_MAX_AGE: &str = "access-control-max-age";
pub(crate) const ACCESS_CONTROL_REQUEST_HEADERS: &str = "access-control-request-headers";
pub(crate) const ACCESS_CONTROL_REQUEST_METHOD: &str = "access-control-request-method";
pub(crate) const ALLOW: &str = "allow";
pub(crate) const AUTHORIZATION: &str = "authorization";
pub(crate) const CACHE_CONTROL: &str = "cache-control";
pub(crate) const CONNECTION: &str = "connection";
pub(crate) const CONTENT_ENCODING: &str = "content-encoding";
pub(crate) const CONTENT_LENGTH: &str = "content-length";
pub(crate) const CONTENT_TYPE: &str = "content-type";
pub(crate) const DATE: &str = "date";
pub(crate) const EXPECT: &str = "expect";
pub(crate) const HOST: &str = "host";
pub(crate) const ORIGIN: &str = "origin";
pub(crate) const RETRY_AFTER: &str = "retry-after";
pub(crate) const TRANSFER_ENCODING: &str = "transfer-encoding";
pub(crate) const VARY: &str = "vary";
pub(crate) const WWW_AUTHENTICATE: &str = "www-authenticate";
