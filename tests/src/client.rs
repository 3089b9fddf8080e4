//! An HTTP/1.1 client that hides nothing: what is sent and what comes back are bytes.

mod connection;
mod request;
mod response;

pub use crate::client::connection::{Connection, Cut};
pub use crate::client::request::Request;
pub use crate::client::response::{Head, Response};
