//! `[[tests]]`

use std::collections::BTreeMap;
use std::time::Duration;

use crate::diagnostic::Diagnostic;
use crate::diagnostic::code::Code;
use crate::ir::table::Id;
use crate::ir::test::{After, Caller, Expect, Fleet, Request, Test};
use crate::ir::{Jwt, Upstream};
use crate::key_path::KeyPath;
use crate::redact::{is_unseen, shown};
use crate::resolve::scope::Scope;
use crate::source::Place;
use crate::spec;
use crate::suggest;

/// The headers that the decisions about a request settle.
const HEADERS: [&str; 6] = [
    "retry-after",
    "x-fallback-model",
    "x-ratelimit-limit-requests",
    "x-ratelimit-limit-tokens",
    "x-ratelimit-remaining-requests",
    "x-ratelimit-remaining-tokens",
];

/// The most requests that come before: as many are tried.
const MOST_BEFORE: u64 = 100_000;

pub(super) fn resolve_all(
    tests: &[spec::test::Test],
    development: bool,
    jwt: Option<&Jwt>,
    scope: &mut Scope<'_>,
) -> Vec<Test> {
    let list = KeyPath::root().key("tests");
    check_names(tests, &list, scope);
    let resolve = |(index, test): (usize, &spec::test::Test)| {
        let path = list.index(index);
        let callers = Callers { development, jwt };
        resolve(test, path, &callers, scope)
    };
    tests.iter().enumerate().map(resolve).collect()
}

/// Reports tell tests by their names, a line each.
fn check_names(tests: &[spec::test::Test], list: &KeyPath, scope: &mut Scope<'_>) {
    let mut first: BTreeMap<&str, Place> = BTreeMap::new();
    for (index, test) in tests.iter().enumerate() {
        let Some(name) = &test.name else { continue };
        let place = Place::Value(list.index(index).key("name"));
        if name.trim().is_empty() || name.contains(is_unseen) {
            let message = format!("{} is not the name of a test", shown(name));
            let help = "say on one line what it shows, or leave `name` out";
            scope.report(Diagnostic::new(Code::NX0102, message, place, "").help(help));
        } else if let Some(before) = first.get(name.as_str()) {
            let message = format!("two tests have the name {}", shown(name));
            let diagnostic = Diagnostic::new(Code::NX0103, message, place, "again here");
            let diagnostic = diagnostic.conflict(before.clone(), "first here");
            scope.report(diagnostic.help("say what differs, or leave one of the names out"));
        } else {
            first.insert(name, place);
        }
    }
}

fn resolve(
    test: &spec::test::Test,
    path: KeyPath,
    callers: &Callers<'_>,
    scope: &mut Scope<'_>,
) -> Test {
    let spec::test::Test {
        name,
        key: _,
        subject: _,
        claims: _,
        model,
        session,
        prompt,
        max_tokens,
        draw,
        down,
        unhealthy,
        answers,
        in_flight,
        after,
        expect,
    } = test;
    let request = Request {
        caller: callers.resolve(test, &path, scope),
        model: model.clone(),
        session: session.clone(),
        prompt: prompt.clone(),
        prompt_length: prompt.as_ref().map_or(0, |prompt| prompt.len() as u64),
        max_tokens: *max_tokens,
    };
    let fleet = Fleet {
        down: scope.upstreams(down, &path.key("down")),
        unhealthy: scope.upstreams(unhealthy, &path.key("unhealthy")),
        answers: each(answers, &path.key("answers"), 200..=599, scope),
        in_flight: each(in_flight, &path.key("in_flight"), 0..=1_000_000, scope),
    };
    Test {
        name: name.clone().unwrap_or_else(|| path.to_string()),
        request,
        draw: draw
            .as_ref()
            .and_then(|draw| scope.percent(draw, &path.key("draw"))),
        fleet,
        after: after
            .as_ref()
            .map(|after| self::after(after, &path.key("after"), scope)),
        expect: self::expect(expect, &path.key("expect"), scope),
        path,
    }
}

/// Who may ask at all.
struct Callers<'r> {
    development: bool,
    jwt: Option<&'r Jwt>,
}

impl Callers<'_> {
    fn resolve(&self, test: &spec::test::Test, path: &KeyPath, scope: &mut Scope<'_>) -> Caller {
        let at = |field: &str| Place::Value(path.key(field));
        let mut cannot_be = |message: &str, place, help: &str| {
            scope.report(Diagnostic::new(Code::NX0912, message, place, "").help(help));
            Caller::Nobody
        };
        match (&test.key, &test.subject, &test.claims) {
            (Some(_), ..) if self.development => cannot_be(
                "a key in a test of a gateway that asks for none",
                at("key"),
                "remove it: in development mode everybody may ask for every model",
            ),
            (Some(_), Some(_), _) => cannot_be(
                "a test of a caller with both a key and a token",
                at("subject"),
                "keep `key` or `subject`; a request presents one of them",
            ),
            (_, Some(_), _) if self.jwt.is_none() => cannot_be(
                "a token in a test of a gateway that takes none",
                at("subject"),
                "add `[auth.jwt]`, or let a `key` ask",
            ),
            (_, None, Some(_)) => cannot_be(
                "claims in a test of a caller without a token",
                at("claims"),
                "add `subject = \"NAME\"`, or remove the claims",
            ),
            (None, None, None) => Caller::Nobody,
            (None, Some(name), claims) => Caller::Subject {
                name: name.clone(),
                claims: claims.clone(),
            },
            (Some(key), None, None) => scope
                .key(key, at("key"))
                .map_or(Caller::Nobody, Caller::Key),
        }
    }
}

/// A number for each of the upstreams that are named.
fn each<T: TryFrom<u64>>(
    written: &BTreeMap<String, u64>,
    path: &KeyPath,
    range: std::ops::RangeInclusive<u64>,
    scope: &mut Scope<'_>,
) -> Vec<(Id<Upstream>, T)> {
    let number = |(name, &number): (&String, &u64)| {
        let at = path.key(name);
        let upstream = scope.upstream(name, Place::Key(at.clone()));
        let number = scope.within(number, range.clone(), &at);
        Some((upstream?, T::try_from(number).ok()?))
    };
    written.iter().filter_map(number).collect()
}

fn after(written: &spec::test::After, path: &KeyPath, scope: &mut Scope<'_>) -> After {
    let spec::test::After { requests, ago } = written;
    After {
        requests: scope.within(*requests, 1..=MOST_BEFORE, &path.key("requests")),
        ago: scope.duration(ago.as_ref(), Duration::ZERO, &path.key("ago")),
    }
}

fn expect(written: &spec::test::Expect, path: &KeyPath, scope: &mut Scope<'_>) -> Expect {
    let spec::test::Expect {
        status,
        route,
        upstream,
        order,
        fallback,
        limit,
        shares,
        headers,
    } = written;
    let at = |field: &str| Place::Value(path.key(field));
    let status = status.map(|status| scope.within(status, 200..=599, &path.key("status")));
    let expect = Expect {
        status: status.and_then(|status| u16::try_from(status).ok()),
        route: (route.as_ref()).and_then(|name| scope.route(name, at("route"))),
        upstream: (upstream.as_ref()).and_then(|name| scope.upstream(name, at("upstream"))),
        order: (order.as_ref()).map(|names| scope.upstreams(names, &path.key("order"))),
        fallback: (fallback.as_ref()).and_then(|name| scope.model(name, at("fallback"))),
        limit: scope.limit(limit.as_ref(), &path.key("limit")),
        shares: (shares.as_ref()).map(|shares| self::shares(shares, &path.key("shares"), scope)),
        headers: self::headers(headers, &path.key("headers"), scope),
    };
    if expect.is_empty() && !scope.lacks(path) && headers.is_empty() {
        let message = "a test that expects nothing";
        let place = Place::Key(path.clone());
        let help = "say what becomes of the request: `expect = { upstream = \"NAME\" }`, say";
        scope.report(Diagnostic::new(Code::NX0911, message, place, "").help(help));
    }
    expect
}

fn shares(
    written: &BTreeMap<String, String>,
    path: &KeyPath,
    scope: &mut Scope<'_>,
) -> Vec<(Id<Upstream>, crate::ir::Percent)> {
    let share = |(name, share): (&String, &String)| {
        let at = path.key(name);
        let upstream = scope.upstream(name, Place::Key(at.clone()));
        let share = scope.percent(share, &at);
        Some((upstream?, share?))
    };
    written.iter().filter_map(share).collect()
}

fn headers(
    written: &BTreeMap<String, String>,
    path: &KeyPath,
    scope: &mut Scope<'_>,
) -> Vec<(String, String)> {
    for name in written.keys() {
        if !HEADERS.contains(&name.as_str()) {
            let message = format!("tests do not know the header {}", shown(name));
            let place = Place::Key(path.key(name));
            let help = suggest::nearest(name, HEADERS.into_iter())
                .unwrap_or_else(|| format!("they know {}", suggest::list(HEADERS.into_iter())));
            scope.report(Diagnostic::new(Code::NX0914, message, place, "").help(help));
        }
    }
    let pair = |(name, value): (&String, &String)| (name.clone(), value.clone());
    written.iter().map(pair).collect()
}
