//! Who may ask, and for what: API keys and tokens.

use std::collections::BTreeSet;

use crate::diff::Risk::{Breaking, Risky, Safe};
use crate::diff::models::shown_list;
use crate::diff::words::{access, code, file_or, sample, source, time};
use crate::diff::{Changes, Kind, Risk, pairs};
use crate::ir::table::Table;
use crate::ir::{Access, Jwks, Jwt, Key, Priority, TokenKeys, Topology};

pub(super) fn compare_keys(before: &Table<Key>, after: &Table<Key>, changes: &mut Changes<'_>) {
    for pair in pairs(before, after) {
        match pair {
            (Some(before), Some(after)) => compare_key(before, after, changes),
            (None, Some(new)) => {
                let admin = if new.admin {
                    ", and may administer the gateway"
                } else {
                    ""
                };
                let what = format!(
                    "new: may ask for {}{admin}",
                    access(&new.models, changes.after)
                );
                let risk = if new.admin { Risky } else { Safe };
                changes.of(risk, Kind::Key, &new.name, what);
            }
            (Some(old), None) if !changes.after.gateway.development => {
                let what = "removed: whoever presents it is answered 401";
                changes.of(Breaking, Kind::Key, &old.name, what);
            }
            // Everybody may do everything, which is told.
            (Some(old), None) => changes.of(Safe, Kind::Key, &old.name, "removed"),
            (None, None) => {}
        }
    }
}

fn compare_key(before: &Key, after: &Key, changes: &mut Changes<'_>) {
    let Key {
        name,
        path: _,
        secret,
        models,
        limit: _, // told by `limits`
        priority,
        admin,
        log_sample,
    } = after;
    if before.secret != *secret {
        let what = format!(
            "the secret is read from {} -> {}",
            source(before.secret.as_ref()),
            source(secret.as_ref())
        );
        changes.of(Risky, Kind::Key, name, what);
    }
    compare_access(Kind::Key, Some(name), &before.models, models, changes);
    compare_priority(Kind::Key, Some(name), before.priority, *priority, changes);
    match (before.admin, *admin) {
        (false, true) => {
            let what = "may administer the gateway while it runs (`/v1/admin/`)";
            changes.of(Risky, Kind::Key, name, what);
        }
        (true, false) => {
            let what = "may no longer administer the gateway (`/v1/admin/`)";
            changes.of(Breaking, Kind::Key, name, what);
        }
        _ => {}
    }
    if before.log_sample != *log_sample {
        let shown =
            |own: Option<_>| own.map_or("as the model says".to_owned(), |own| sample(Some(own)));
        let what = format!(
            "successful requests that are logged: {} -> {}",
            shown(before.log_sample),
            shown(*log_sample)
        );
        changes.of(Safe, Kind::Key, name, what);
    }
}

/// Models that are gone, or new, for everybody are told as models.
fn compare_access(
    kind: Kind,
    name: Option<&str>,
    before: &Access,
    after: &Access,
    changes: &mut Changes<'_>,
) {
    fn names<'t>(access: &Access, topology: &'t Topology) -> BTreeSet<&'t str> {
        let name = |id| topology.models.get(id).name.as_str();
        match access {
            Access::All => topology
                .models
                .iter()
                .map(|model| model.name.as_str())
                .collect(),
            Access::Only(models) => models.iter().copied().map(name).collect(),
        }
    }
    let (old, new) = (names(before, changes.before), names(after, changes.after));
    let lost: BTreeSet<&str> = old
        .difference(&new)
        .copied()
        .filter(|model| changes.keeps_model(model))
        .collect();
    // What comes with `["*"]` is told of the model.
    let gained: BTreeSet<&str> = match (before, after) {
        (Access::All, Access::All) => BTreeSet::new(),
        _ => new.difference(&old).copied().collect(),
    };
    let mut say = |risk, what: String| changes.note(risk, kind, name, what);
    if !lost.is_empty() {
        let what = format!("may no longer ask for {}: answered 403", shown_list(&lost));
        say(Breaking, what);
    }
    if !gained.is_empty() {
        say(Safe, format!("may ask for {}", shown_list(&gained)));
    }
    match (before, after) {
        (Access::All, Access::Only(_)) => say(
            Risky,
            "models that are added later must be allowed by name".to_owned(),
        ),
        (Access::Only(_), Access::All) => {
            say(
                Risky,
                "may ask for every model, those that are added later included".to_owned(),
            );
        }
        _ => {}
    }
}

fn compare_priority(
    kind: Kind,
    name: Option<&str>,
    before: Priority,
    after: Priority,
    changes: &mut Changes<'_>,
) {
    if before != after {
        let lower = rank(after) > rank(before);
        let risk = if lower { Risky } else { Safe };
        let what = format!(
            "turn of requests that wait in a queue: {} -> {}",
            before.name(),
            after.name()
        );
        changes.note(risk, kind, name, what);
    }
}

fn rank(priority: Priority) -> usize {
    let mut all = Priority::ALL.into_iter();
    all.position(|other| other == priority).unwrap_or_default()
}

pub(super) fn compare_tokens(before: Option<&Jwt>, after: Option<&Jwt>, changes: &mut Changes<'_>) {
    let (before, after) = match (before, after) {
        (None, None) => return,
        (None, Some(new)) => {
            let what = format!(
                "callers may present tokens of the issuer {}; one that names no models may ask for {}",
                code(&new.issuer),
                access(&new.models, changes.after)
            );
            return changes.say(Safe, Kind::Tokens, what);
        }
        (Some(_), None) if changes.after.gateway.development => return,
        (Some(old), None) => {
            let what = format!(
                "no longer accepted: whoever presents one of the issuer {} is answered 401",
                code(&old.issuer)
            );
            return changes.say(Breaking, Kind::Tokens, what);
        }
        (Some(before), Some(after)) => (before, after),
    };
    let Jwt {
        path: _,
        algorithm,
        keys,
        issuer,
        audience,
        leeway,
        models_claim,
        models,
        limit: _, // told by `limits`
        priority,
    } = after;
    let algorithm_of = |algorithm: Option<crate::ir::Algorithm>| {
        algorithm
            .map_or("unknown", crate::ir::Algorithm::name)
            .to_owned()
    };
    let claims = [
        (
            "the algorithm that they must be signed with",
            algorithm_of(before.algorithm),
            algorithm_of(*algorithm),
        ),
        (
            "the issuer (`iss`) that they must have",
            before.issuer.clone(),
            issuer.clone(),
        ),
        (
            "the audience (`aud`) that they must have",
            before.audience.clone(),
            audience.clone(),
        ),
        (
            "the claim that lists the models which they allow",
            before.models_claim.clone(),
            models_claim.clone(),
        ),
    ];
    for (what, before, after) in claims {
        if before != after {
            let what = format!("{what}: {} -> {}", code(&before), code(&after));
            changes.say(Breaking, Kind::Tokens, what);
        }
    }
    if let (Some(before), Some(after)) = (&before.keys, keys) {
        compare_token_keys(before, after, changes);
    }
    if before.leeway != *leeway {
        let what = format!(
            "time that the clocks of issuer and gateway may differ: {} -> {}",
            time(before.leeway),
            time(*leeway)
        );
        changes.say(Risk::of_room(&before.leeway, leeway), Kind::Tokens, what);
    }
    // Only of tokens without the claim, which a reader must know.
    let at = changes.found.len();
    compare_access(Kind::Tokens, None, &before.models, models, changes);
    for change in changes.found.iter_mut().skip(at) {
        change.what = format!("those without the claim `{models_claim}` {}", change.what);
    }
    compare_priority(Kind::Tokens, None, before.priority, *priority, changes);
}

fn compare_token_keys(before: &TokenKeys, after: &TokenKeys, changes: &mut Changes<'_>) {
    let url = |jwks: &Jwks| jwks.url.as_deref().map_or_else(String::new, code);
    let mut say = |risk, what| changes.say(risk, Kind::Tokens, what);
    match (before, after) {
        (TokenKeys::Fixed(before), TokenKeys::Fixed(after)) => {
            if before != after {
                let what = format!(
                    "the key that verifies them is read from {} -> {}",
                    source(Some(before)),
                    source(Some(after))
                );
                say(Risky, what);
            }
        }
        (TokenKeys::Fixed(before), TokenKeys::Published(after)) => say(
            Risky,
            format!(
                "the keys that verify them: one read from {} -> those that the issuer publishes at {}",
                source(Some(before)),
                url(after)
            ),
        ),
        (TokenKeys::Published(before), TokenKeys::Fixed(after)) => say(
            Risky,
            format!(
                "the keys that verify them: those that the issuer publishes at {} -> one read from {}",
                url(before),
                source(Some(after))
            ),
        ),
        (TokenKeys::Published(before), TokenKeys::Published(after)) => {
            let Jwks {
                path: _,
                url: _, // as `url` shows it
                refresh,
                ca,
            } = after;
            if before.url != after.url {
                let what = format!(
                    "the address of the keys that verify them: {} -> {}",
                    url(before),
                    url(after)
                );
                say(Risky, what);
            }
            if before.refresh != *refresh {
                let what = format!(
                    "age at which the issuer's keys are fetched again: {} -> {}",
                    time(before.refresh),
                    time(*refresh)
                );
                say(Safe, what);
            }
            if before.ca != *ca {
                let web = "the web's";
                let what = format!(
                    "the authorities that are believed about the issuer's address: {} -> {}",
                    file_or(before.ca.as_ref(), web),
                    file_or(ca.as_ref(), web)
                );
                say(Risky, what);
            }
        }
    }
}
