//! What becomes of requests, by the tests of a spec: each of these specs passes its tests, and fails the opposite.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use nexusc::trial::recording;
use nexusc::trial::replay::{Replayed, replay};
use nexusc::{Source, compile};

/// Three upstreams: `a` and `b` serve one model each, `c` whatever it is asked for.
const FLEET: &str = r#"edition = 1
models.chat.fallback = ["small"]
models.small = {}
health = {}
upstreams.a = { url = "http://a:8000", model = "large" }
upstreams.b = { url = "http://b:8000", model = "large" }
upstreams.c.url = "http://c:8000"
keys.web = { secret = { env = "KEY_WEB" }, models = ["chat"], limit = "few" }
limits.few = { requests = "3/min", tokens = "5_000/min" }
"#;

/// What is said of the fleet with these routes and this test.
fn said(routes: &str, test: &str) -> Vec<String> {
    let text = format!("{FLEET}{routes}\n[[tests]]\nkey = \"web\"\nmodel = \"chat\"\n{test}\n");
    let diagnostics = compile(&Source::new("trial.toml", text)).diagnostics;
    diagnostics.into_iter().map(|found| found.message).collect()
}

/// The test passes, and is told what became of it where it expects something else.
fn comes_to(routes: &str, request: &str, expect: &str, not: &str, instead: &str) {
    let none: [&str; 0] = [];
    assert_eq!(
        said(routes, &format!("{request}\nexpect = {{ {expect} }}")),
        none
    );
    let wrong = said(routes, &format!("{request}\nexpect = {{ {not} }}"));
    assert_eq!(wrong, [format!("test `tests[0]` fails: {instead}")]);
}

const IN_ORDER: &str = "routes.chat = { models = [\"chat\"], priority.targets = { a = 1, b = 2 } }\n\
                        routes.small = { models = [\"small\"], direct = { upstream = \"c\" } }";

#[test]
fn the_unhealthy_are_asked_last_and_not_left_out() {
    comes_to(
        IN_ORDER,
        "unhealthy = [\"a\"]\ndown = [\"b\", \"c\"]",
        "upstream = \"a\", order = [\"b\", \"c\", \"a\"]",
        "status = 502",
        "200, `a` answers",
    );
}

#[test]
fn no_more_are_asked_than_max_attempts_allow() {
    let routes = format!("{IN_ORDER}\ngateway.max_attempts = 2");
    comes_to(
        &routes,
        "down = [\"a\", \"b\"]",
        "status = 502, order = [\"a\", \"b\"]",
        "fallback = \"small\"",
        "502, no upstream answers",
    );
}

#[test]
fn retries_use_up_attempts_where_a_failure_may_pass() {
    let retried = IN_ORDER.replace("b = 2 }", "b = 2 }, retry = { attempts = 2 }");
    let routes = format!("{retried}\ngateway.max_attempts = 4");
    comes_to(
        &routes,
        "down = [\"a\", \"b\"]",
        "status = 502",
        "upstream = \"c\"",
        "502, no upstream answers",
    );
    comes_to(
        &routes,
        "answers = { a = 500, b = 500 }",
        "upstream = \"c\"",
        "status = 502",
        "200, `c` answers as model `small`",
    );
}

#[test]
fn an_upstream_of_one_model_is_not_asked_again_for_another() {
    let routes = IN_ORDER.replace(
        "direct = { upstream = \"c\" }",
        "direct = { upstream = \"b\" }",
    );
    let routes = format!(
        "{routes}\nroutes.other = {{ models = [\"other\"], direct = {{ upstream = \"c\" }} }}\nmodels.other = {{}}"
    );
    comes_to(
        &routes,
        "down = [\"a\", \"b\"]",
        "order = [\"a\", \"b\"]",
        "order = [\"a\", \"b\", \"c\"]",
        "`a`, then `b` are asked",
    );
}

#[test]
fn a_limit_counts_what_came_before_until_it_has_left_the_window() {
    let full = "after = { requests = 3, ago = \"50s\" }";
    let refused = "429 by the requests of the limit `few`";
    comes_to(IN_ORDER, full, "limit = \"few\"", "status = 200", refused);
    let long_ago = "after = { requests = 3, ago = \"90s\" }";
    comes_to(
        IN_ORDER,
        long_ago,
        "status = 200",
        "limit = \"few\"",
        "`a` answers",
    );
}

#[test]
fn tokens_are_the_prompt_and_what_may_be_written() {
    let request = "prompt = '[\"12345678\"]'\nmax_tokens = 4998";
    let refused = "429 by the tokens of the limit `few`";
    comes_to(
        IN_ORDER,
        request,
        "limit = \"few\"",
        "status = 200",
        refused,
    );
    let fits = "prompt = '[\"12345678\"]'\nmax_tokens = 4997";
    comes_to(
        IN_ORDER,
        fits,
        "status = 200",
        "limit = \"few\"",
        "`a` answers",
    );
}

#[test]
fn what_a_test_leaves_open_may_be_anything() {
    let routes = IN_ORDER.replace(
        "priority.targets = { a = 1, b = 2 }",
        "canary = { primary = \"a\", canary = \"b\", percent = \"0.01%\" }",
    );
    let wrong = said(&routes, "expect = { upstream = \"a\" }");
    assert_eq!(
        wrong,
        ["test `tests[0]` fails: `b` answers, with some draws"]
    );
    let none: [&str; 0] = [];
    assert_eq!(
        said(&routes, "draw = \"0.01%\"\nexpect = { upstream = \"a\" }"),
        none
    );
}

#[test]
fn a_share_that_nobody_expects_is_told() {
    let routes = IN_ORDER.replace(
        "priority.targets = { a = 1, b = 2 }",
        "weighted.targets = { a = 1, b = 1, c = 2 }",
    );
    comes_to(
        &routes,
        "",
        "shares = { a = \"25%\", b = \"25%\", c = \"50%\" }",
        "shares = { a = \"25%\", c = \"50%\" }",
        "`b` answers 25 %",
    );
}

/// What becomes of recorded requests.
fn replayed(routes: &str, requests: &str) -> Replayed {
    let source = Source::new("trial.toml", format!("{FLEET}{routes}"));
    let compilation = compile(&source);
    assert!(
        compilation.output.is_some(),
        "{:#?}",
        compilation.diagnostics
    );
    let recording = recording::read(requests);
    assert_eq!(recording.faults, []);
    replay(
        &compilation.output.unwrap().topology,
        &recording.requests,
        &[],
    )
}

/// A line of a log: a request of `web` that ended so many seconds after the hour.
fn line(second: u32, took: u32, more: &str) -> String {
    let (minute, second) = (second / 60, second % 60);
    format!(
        "{{\"timestamp\":\"2026-01-31T12:{minute:02}:{second:02}Z\",\"duration_ms\":{took},\
         \"user_id\":\"web\",\"model\":\"chat\"{more}}}\n"
    )
}

#[test]
fn recorded_requests_are_counted_when_they_began() {
    // Three at once, which ended far apart; a fourth in the same minute; a fifth after it.
    let requests = [
        line(10, 5_000, ""),
        line(65, 60_000, ""),
        line(125, 120_000, ""),
        line(59, 0, ""),
        line(70, 0, ""),
    ];
    let replayed = replayed(IN_ORDER, &requests.concat());
    assert_eq!(replayed.upstreams.get("a"), Some(&4));
    assert_eq!(replayed.refused.get("limit `few`, requests"), Some(&1));
}

#[test]
fn recorded_usage_takes_the_place_of_what_was_assumed() {
    let used = ",\"input_tokens\":2000,\"output_tokens\":1000";
    let requests = [line(1, 0, used), line(2, 0, used)];
    let replayed = replayed(IN_ORDER, &requests.concat());
    // Of 5000 tokens the first has used 3000: 1024 are left to take, and then nothing.
    assert_eq!(replayed.upstreams.get("a"), Some(&2));
    let used = ",\"input_tokens\":4000,\"output_tokens\":500";
    let requests = [line(1, 0, used), line(2, 0, used)];
    let replayed = self::replayed(IN_ORDER, &requests.concat());
    assert_eq!(replayed.refused.get("limit `few`, tokens"), Some(&1));
}

#[test]
fn recorded_requests_are_in_flight_until_they_ended() {
    let routes = IN_ORDER.replace(
        "priority.targets = { a = 1, b = 2 }",
        "least_in_flight.upstreams = [\"a\", \"b\"]",
    );
    // The second and the third find the first still running.
    let requests = [
        line(50, 50_000, ""),
        line(20, 10_000, ""),
        line(40, 10_000, ""),
    ];
    let replayed = replayed(&routes, &requests.concat());
    let mut counts: Vec<u64> = replayed.upstreams.values().copied().collect();
    counts.sort_unstable();
    assert_eq!(counts, [1, 2]);
}
