//! The harness of the end-to-end tests: a compiled dataplane as a process, model servers that fail on
//! demand around it, and an HTTP client that sees every byte.
//!
//! The tests know a dataplane by its binary, its environment, its wire and its log; they depend neither on
//! the compiler nor on the runtime. Everything here panics when it cannot go on, and waits at most
//! [`PATIENCE`] for anything.

pub mod churn;
mod client;
mod cost;
mod crowd;
mod dataplane;
mod faults;
mod log;
mod metrics;
mod neighbours;
mod observe;
mod openapi;
mod patience;
mod port;
mod program;
mod prometheus;
mod redis;
mod routing;
mod shadow;
mod spec;
mod trickler;
pub mod usage;

pub use crate::client::{Connection, Cut, Head, Request, Response};
pub use crate::cost::{Cost, beside};
pub use crate::crowd::{Crowd, room_for};
pub use crate::dataplane::{Dataplane, Start};
pub use crate::faults::{FULL, NARROW, SECURED_API_KEY, faults};
pub use crate::log::Log;
pub use crate::metrics::Metrics;
pub use crate::neighbours::{SilentServer, VanishingServer};
pub use crate::observe::{WATCHED, WEB, observe};
pub use crate::openapi::{OpenApi, Operation};
pub use crate::patience::{PATIENCE, once_within, patiently};
pub use crate::program::{program, target_directory};
pub use crate::prometheus::{Alertmanager, Prometheus};
pub use crate::redis::Redis;
pub use crate::routing::{FIRST, SECOND, routing};
pub use crate::shadow::{APP, LIMITED, OPS, shadow};
pub use crate::spec::Spec;
pub use crate::trickler::Trickler;
