//! The memory of the gateway's own process: one figure for whatever limits it.
//!
//! A limit that is too low ends every stream of a gateway that does what its spec allows, so what the spec bounds is
//! counted as if it were full at once. Request bodies have a bound each and none together: [`BODIES`] of them are
//! counted, and manifests say so beside the limit.

use crate::ir::Topology;

const KIB: u64 = 1 << 10;
const MIB: u64 = 1 << 20;

/// The whole request bodies in flight that there is room for. The process has no bound of its own; 60 of 8 MiB were
/// measured at 497 MiB, each held once.
pub const BODIES: u64 = 64;

/// The process itself, its workers and series of metrics: 4 MiB when idle, and 6 after 500,000 requests of all kinds
/// (ARCHITECTURE.md, "Measured"); 8 MiB each for lines of the log and of the audit log that wait (`observe/batch.rs`).
/// The rest is for the allocator.
const OWN: u64 = 64 * MIB;

/// An upstream with its kept connection and its series: 10,000 were measured at 100 MiB.
const UPSTREAM: u64 = 10 * KIB;

/// A connection with a stream whose client reads it: 3 to 9 KiB were measured.
const READ: u64 = 10 * KIB;

/// A connection with a stream whose client does not read it, until `write_timeout`: 121 KiB were measured. One of HTTP/2
/// counts as one, though it may have more streams: there are no more of those than there may be connections.
const UNREAD: u64 = 128 * KIB;

/// The counts of subjects of tokens: 65,536 of `limit/subjects.rs`, at most.
const SUBJECTS: u64 = 128 * MIB;

/// The requests that are copied: `shadow/room.rs` holds no more.
const SHADOWS: u64 = 64 * MIB;

/// What figures are rounded up to.
const STEP: u64 = 64 * MIB;

/// The memory of a gateway, in MiB.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Resident {
    /// While clients read what they are sent, and bodies are small: what a scheduler sets aside.
    pub usual: u64,
    /// When all that is bounded is full, and [`BODIES`] bodies beside it: what it is limited to.
    pub most: u64,
}

/// What a gateway of this topology holds.
pub fn resident(topology: &Topology) -> Resident {
    let gateway = &topology.gateway;
    let has_subjects = topology.jwt.as_ref().is_some_and(|jwt| jwt.limit.is_some());
    let has_shadows = topology.routes.iter().any(|route| route.shadow.is_some());
    let kept = gateway.idempotency.as_ref().map_or(0, |it| it.max_bytes);
    let upstreams = UPSTREAM.saturating_mul(topology.upstreams.len() as u64);
    let always = [
        OWN,
        upstreams,
        kept,
        if has_subjects { SUBJECTS } else { 0 },
        if has_shadows { SHADOWS } else { 0 },
    ];
    let connections = |each: u64| gateway.max_connections.saturating_mul(each);
    let bodies = gateway.max_body.saturating_mul(BODIES);
    Resident {
        usual: rounded(&[&always[..], &[connections(READ)]].concat()),
        most: rounded(&[&always[..], &[connections(UNREAD), bodies]].concat()),
    }
}

/// The sum of these bytes in MiB.
fn rounded(parts: &[u64]) -> u64 {
    let all = parts
        .iter()
        .fold(0, |sum: u64, part| sum.saturating_add(*part));
    all.div_ceil(STEP) * (STEP / MIB)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Source, compile};

    /// What a spec with these fields of `[gateway]`, and these further lines, holds.
    fn of(gateway: &str, more: &str) -> Resident {
        let text = format!(
            "edition = 1\nmodels.m = {{}}\nupstreams.u.url = \"mock://local\"\n{more}\n[gateway]\n{gateway}\n\
             [keys.k]\nsecret = {{ env = \"KEY_K\" }}\nmodels = [\"m\"]\n"
        );
        let compilation = compile(&Source::new("specs/s.toml", text));
        let output = compilation.output;
        let output = output.unwrap_or_else(|| panic!("{:#?}", compilation.diagnostics));
        resident(&output.topology)
    }

    const ROUTE: &str = "routes.r = { models = [\"m\"], direct = { upstream = \"u\" } }";

    #[test]
    fn each_part_counts() {
        let small = of("max_connections = 512\nmax_body = \"1MiB\"", ROUTE);
        // The process, 5 MiB for 512 clients that read or 64 for as many that do not, 64 bodies.
        assert_eq!((small.usual, small.most), (128, 256));
        let more_clients = of("max_connections = 1024\nmax_body = \"1MiB\"", ROUTE);
        assert_eq!(more_clients.most, 320);
        let larger_bodies = of("max_connections = 512\nmax_body = \"2MiB\"", ROUTE);
        assert_eq!((larger_bodies.usual, larger_bodies.most), (128, 320));
        let kept =
            "max_connections = 512\nmax_body = \"1MiB\"\nidempotency = { max_bytes = \"64MiB\" }";
        assert_eq!((of(kept, ROUTE).usual, of(kept, ROUTE).most), (192, 320));
        let shadow = "upstreams.s.url = \"mock://local\"\n\
                      routes.r = { models = [\"m\"], direct = { upstream = \"u\" }, \
                      shadow = { upstream = \"s\", percent = \"1%\" } }";
        let shadowed = of("max_connections = 512\nmax_body = \"1MiB\"", shadow);
        assert_eq!((shadowed.usual, shadowed.most), (192, 320));
    }
}
