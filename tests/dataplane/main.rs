//! The behaviour of compiled dataplanes, seen from outside: one file a subject.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

mod abort;
mod audit;
mod bounds;
mod breaker;
mod chat_2x3090;
mod connections;
mod fallback;
mod forbidden;
mod headers;
mod health;
mod idempotency;
mod jwks;
mod jwt;
mod keys;
mod limits;
mod log;
mod metrics;
mod privacy;
mod probe;
mod quickstart;
mod relay;
mod rewriting;
mod routes;
mod rules;
mod sampling;
mod start;
mod stop;
mod telemetry;
mod trace;
mod web_pages;
