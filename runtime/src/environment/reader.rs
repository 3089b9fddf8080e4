//! Reading one variable after the other, and keeping all that is missing or wrong.

use std::ffi::OsString;
use std::fmt::Display;
use std::net::{SocketAddr, ToSocketAddrs};
use std::num::NonZeroUsize;
use std::thread::available_parallelism;

use crate::environment::Problem;
use crate::environment::variables::{LISTEN, WORKERS};
use crate::secret;
use crate::topology::Secret;

/// The most workers that can be asked for: far beyond the cores of any machine.
const MAX_WORKERS: usize = 1024;

pub(super) struct Reader<'a> {
    pub(super) variable: &'a dyn Fn(&str) -> Option<OsString>,
    pub(super) problems: Vec<Problem>,
}

impl Reader<'_> {
    pub(super) fn listen(&mut self, default: &'static str) -> Option<SocketAddr> {
        let written = self.optional(LISTEN);
        let resolved = written.as_deref().unwrap_or(default).to_socket_addrs();
        match resolved.ok().and_then(|mut addresses| addresses.next()) {
            Some(address) => Some(address),
            None => self.problem(LISTEN, "is not an address `host:port` of this machine"),
        }
    }

    pub(super) fn workers(&mut self) -> Option<NonZeroUsize> {
        match self.parsed(WORKERS, "a number from 1 to 1024") {
            None => Some(available_parallelism().unwrap_or(NonZeroUsize::MIN)),
            Some(workers) if NonZeroUsize::get(workers) <= MAX_WORKERS => Some(workers),
            Some(_) => self.problem(WORKERS, "is not a number from 1 to 1024"),
        }
    }

    pub(super) fn secret(&mut self, place: Secret, purpose: &str) -> Option<String> {
        match secret::read(place, self.variable) {
            Ok(value) => Some(value),
            Err(error) => self.problem(secret::place(place), format!("{error} ({purpose})")),
        }
    }

    pub(super) fn parsed<T: std::str::FromStr>(&mut self, name: &str, expected: &str) -> Option<T> {
        let value = self.optional(name)?;
        match value.parse() {
            Ok(value) => Some(value),
            Err(_) => self.problem(name, format!("is not {expected}")),
        }
    }

    /// A variable with a default. An empty one counts as absent, as compose files pass on absent
    /// ones.
    pub(super) fn optional(&mut self, name: &str) -> Option<String> {
        let value = (self.variable)(name).filter(|value| !value.is_empty())?;
        match value.into_string() {
            Ok(value) => Some(value),
            Err(_) => self.problem(name, "is not UTF-8"),
        }
    }

    pub(super) fn problem<T>(&mut self, place: &str, what: impl Display) -> Option<T> {
        self.problems.push(Problem {
            place: place.to_owned(),
            what: what.to_string(),
        });
        None
    }
}
