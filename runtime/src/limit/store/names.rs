//! What the store counts a limit by: the same in every gateway of a spec, whichever holds it first.

#[cfg(feature = "jwt")]
use std::fmt::Write;
use std::time::Duration;

use crate::limit::owner::Owner;
use crate::limit::refusal::Kind;
use crate::topology::{Limit, Rate};

/// Cells of a window before the present one: as in `windows.lua`.
const CELLS: u128 = 63;

/// The windows of one owner in the store.
#[derive(Debug)]
pub(in crate::limit) struct Names {
    requests: Option<Name>,
    tokens: Option<Name>,
}

/// One window in the store.
#[derive(Debug)]
pub(super) struct Name {
    /// Its key in Redis. The length of the window is part of it, as its cells are of that length: the
    /// gateways of two versions of a spec must not mix them.
    pub(super) key: Box<str>,
    /// The most that may be taken.
    pub(super) limit: u64,
    /// Microseconds of a cell.
    pub(super) width: u64,
}

impl Names {
    /// The windows of the `limit` that `owner` has in `spec`.
    pub(in crate::limit) fn new(limit: &Limit, spec: &str, owner: Owner) -> Self {
        let owner = match owner {
            Owner::Key(name) => format!("key:{name}"),
            Owner::Model(name) => format!("model:{name}"),
            // Never the subject itself: it may be somebody's address.
            #[cfg(feature = "jwt")]
            Owner::Subject(digest) => hexadecimal("subject:", &digest),
        };
        let name = |rate: &Rate, kind: &str| Name {
            key: format!("nexus:{spec}:{owner}:{kind}:{}", rate.per.as_secs()).into(),
            limit: rate.amount,
            width: width(rate.per),
        };
        let settings = &limit.settings;
        Self {
            requests: settings
                .requests
                .as_ref()
                .map(|rate| name(rate, "requests")),
            tokens: settings.tokens.as_ref().map(|rate| name(rate, "tokens")),
        }
    }

    /// Each window with what a request takes of it that may take so many tokens.
    pub(super) fn each(&self, tokens: u64) -> impl Iterator<Item = (Kind, u64)> {
        let requests = self.requests.as_ref().map(|_| (Kind::Requests, 1));
        let tokens = self.tokens.as_ref().map(|_| (Kind::Tokens(tokens), tokens));
        requests.into_iter().chain(tokens)
    }

    /// The window of this kind.
    pub(super) fn of(&self, kind: Kind) -> &Name {
        let name = match kind {
            Kind::Tokens(_) => &self.tokens,
            _ => &self.requests,
        };
        name.as_ref().expect("only windows of `each` are asked for")
    }
}

#[cfg(feature = "jwt")]
fn hexadecimal(prefix: &str, bytes: &[u8]) -> String {
    let mut text = prefix.to_owned();
    for byte in bytes {
        let _ = write!(text, "{byte:02x}");
    }
    text
}

/// The width of a cell in microseconds.
fn width(per: Duration) -> u64 {
    u64::try_from(per.as_micros().div_ceil(CELLS)).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::topology::LimitSettings;

    #[test]
    fn every_owner_and_window_has_a_key_of_its_own() {
        let rate = |amount, seconds| Rate {
            amount,
            per: Duration::from_secs(seconds),
        };
        let limit = Limit::new(LimitSettings {
            name: "standard",
            requests: Some(rate(600, 60)),
            tokens: Some(rate(9, 3600)),
            concurrent: Some(1),
            queue: None,
        });
        let keys = |owner| {
            let names = Names::new(&limit, "chat", owner);
            let each = names.each(5);
            each.map(|(kind, _)| names.of(kind).key.to_string())
                .collect::<Vec<_>>()
        };
        assert_eq!(
            keys(Owner::Key("web")),
            [
                "nexus:chat:key:web:requests:60",
                "nexus:chat:key:web:tokens:3600"
            ]
        );
        assert_eq!(
            keys(Owner::Model("web")),
            [
                "nexus:chat:model:web:requests:60",
                "nexus:chat:model:web:tokens:3600"
            ]
        );
        assert_eq!(width(Duration::from_secs(1)), 15874);
    }
}
