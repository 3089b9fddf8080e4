//! Values as the phrases of a change have them.

use std::time::Duration;

use crate::diff::{Changes, Kind, Risk};
use crate::ir::{Access, Percent, Rate, Secret, Topology};
use crate::suggest;
use crate::unit::{duration, size};

/// A name or an address in backquotes, in one line whatever it holds.
pub(super) fn code(text: &str) -> String {
    let visible = |c: char| if c == '`' || c.is_control() { '?' } else { c };
    format!("`{}`", text.chars().map(visible).collect::<String>())
}

/// "`a`, `b` and `c`"
pub(super) fn list<'n>(names: impl Iterator<Item = &'n str>) -> String {
    suggest::list(names)
}

/// "`a`, then `b`", every one of them.
pub(super) fn in_order<'n>(names: impl Iterator<Item = &'n str>) -> String {
    let names: Vec<String> = names.map(code).collect();
    names.join(", then ")
}

/// Where a secret is read from.
pub(super) fn source(secret: Option<&Secret>) -> String {
    match secret {
        Some(Secret::Env(variable)) => format!("the environment variable {}", code(variable)),
        Some(Secret::File(path)) => format!("the file {}", code(path)),
        None => "nowhere".to_owned(),
    }
}

/// A file, or what stands in for it.
pub(super) fn file_or(path: Option<&String>, otherwise: &str) -> String {
    path.map_or_else(
        || otherwise.to_owned(),
        |path| format!("the file {}", code(path)),
    )
}

/// "90s"
pub(super) fn time(time: Duration) -> String {
    duration::shown(time)
}

/// "8MiB"
pub(super) fn bytes(bytes: u64) -> String {
    size::shown(bytes)
}

/// "3.2 GiB", also of less than nothing.
pub(super) fn gib(bytes: i64) -> String {
    format!("{:.1} GiB", bytes as f64 / f64::from(1_u32 << 30))
}

/// "600 in a minute"
pub(super) fn rate(rate: Rate) -> String {
    let per = match rate.per.as_secs() {
        1 => "a second".to_owned(),
        60 => "a minute".to_owned(),
        3600 => "an hour".to_owned(),
        _ => time(rate.per),
    };
    format!("{} in {per}", rate.amount)
}

/// "10 %", or all of them.
pub(super) fn sample(sample: Option<Percent>) -> String {
    sample.unwrap_or(Percent(10_000)).to_string()
}

/// What may be asked for.
pub(super) fn access(access: &Access, topology: &Topology) -> String {
    match access {
        Access::All => "every model".to_owned(),
        Access::Only(models) if models.is_empty() => "no model".to_owned(),
        Access::Only(models) => list(
            models
                .iter()
                .map(|&id| topology.models.get(id).name.as_str()),
        ),
    }
}

impl Changes<'_> {
    /// Notes a time that one may take and that is now shorter (risky) or longer.
    pub(super) fn time(
        &mut self,
        kind: Kind,
        name: &str,
        what: &str,
        (before, after): (Duration, Duration),
    ) {
        if before != after {
            let risk = Risk::of_room(&before, &after);
            self.of(
                risk,
                kind,
                name,
                format!("{what}: {} -> {}", time(before), time(after)),
            );
        }
    }
}
