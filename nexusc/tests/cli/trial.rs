//! `test` and `simulate`.

use std::fs;
use std::path::PathBuf;

use crate::{code, folder, nexusc, text};

/// A spec with a canary, and tests of it that pass.
pub(crate) const TESTED: &str = r#"edition = 1
models.chat = {}
models.small = {}
upstreams.a.url = "http://a:8000"
upstreams.b.url = "http://b:8000"
routes.chat = { models = ["chat"], canary = { primary = "a", canary = "b", percent = "5%" } }
routes.small = { models = ["small"], direct = { upstream = "a" } }
limits.few.requests = "2/min"
keys.web = { secret = { env = "KEY_WEB" }, models = ["chat"], limit = "few" }
keys.ops = { secret = { env = "KEY_OPS" }, models = ["*"] }

[[tests]]
name = "a canary gets 5 %"
key = "web"
model = "chat"
expect = { shares = { a = "95%", b = "5%" } }

[[tests]]
key = "web"
model = "chat"
draw = "3%"
down = ["b"]
expect = { upstream = "a", order = ["b", "a"] }
"#;

/// A folder with that spec.
pub(crate) fn tested(test: &str) -> PathBuf {
    let folder = folder(test);
    fs::write(folder.join("specs/mini.toml"), TESTED).unwrap();
    folder
}

#[test]
fn tests_that_pass_are_listed_with_what_they_cover() {
    let folder = tested("tests_pass");
    let output = nexusc(&folder, &["test", "--coverage", "specs/mini.toml"]);
    assert_eq!(code(&output), 0, "{}", text(&output.stderr));
    insta::assert_snapshot!("tests_that_pass", text(&output.stdout));
    let enough = ["test", "--min-coverage", "50%", "specs/mini.toml"];
    assert_eq!(code(&nexusc(&folder, &enough)), 0);
    let too_little = nexusc(
        &folder,
        &["test", "--min-coverage", "50.01%", "specs/mini.toml"],
    );
    assert_eq!(code(&too_little), 1);
    assert_eq!(
        text(&too_little.stderr),
        "specs/mini.toml: coverage is 50 %, less than 50.01 %\n"
    );
}

#[test]
fn a_test_that_fails_says_how_it_went_and_nothing_is_built() {
    let folder = tested("tests_fail");
    let failing = TESTED.replace("upstream = \"a\", order", "upstream = \"b\", order");
    fs::write(folder.join("specs/mini.toml"), failing).unwrap();
    let output = nexusc(&folder, &["test", "specs/mini.toml"]);
    assert_eq!(code(&output), 1);
    insta::assert_snapshot!("a_test_that_fails", text(&output.stderr));
    assert!(text(&output.stdout).contains("FAILED tests[1]"));
    assert_eq!(code(&nexusc(&folder, &["build", "specs/mini.toml"])), 1);
    assert!(!folder.join("generated").exists());
    let json = nexusc(
        &folder,
        &["test", "--output-format", "json", "specs/mini.toml"],
    );
    let lines: Vec<serde_json::Value> = text(&json.stdout)
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(lines[0]["code"], "NX0910");
    assert_eq!(lines[1]["tests"][1]["passed"], false);
    assert_eq!(
        lines[1]["tests"][1]["unmet"][0]["path"],
        "tests[1].expect.upstream"
    );
    assert_eq!(lines[1]["coverage"]["keys"]["missing"][0], "ops");
}

/// Six requests of a minute, and what else a log holds.
const REQUESTS: &str = r#"{"timestamp":"2026-01-31T23:59:00Z","logger":"nexus.server","message":"listening","model":null}
{"timestamp":"2026-01-31T23:59:01Z","logger":"nexus.access","user_id":"web","model":"chat"}
{"timestamp":"2026-01-31T23:59:02Z","logger":"nexus.access","user_id":"web","model":"chat"}
{"timestamp":"2026-01-31T23:59:03Z","logger":"nexus.access","user_id":"web","model":"chat"}
{"timestamp":"2026-01-31T23:59:04Z","logger":"nexus.access","user_id":"ops","model":"small"}
{"timestamp":"2026-01-31T23:59:05Z","logger":"nexus.access","user_id":"ops","model":"chat"}
{"timestamp":"2026-01-31T23:59:06Z","logger":"nexus.access","user_id":"mobile","model":"chat"}
{"timestamp":"2026-01-31T23:59:07Z","logger":"nexus.access","user_id":null,"model":null,"status":401}
"#;

#[test]
fn recorded_requests_are_decided_by_both_specs() {
    let folder = tested("simulate");
    let new = TESTED
        .replace("2/min", "60/min")
        .replace("models.chat = {}", "models.chat.fallback = [\"small\"]")
        .replace(
            "direct = { upstream = \"a\" }",
            "direct = { upstream = \"b\" }",
        );
    fs::write(folder.join("specs/new.toml"), new).unwrap();
    fs::write(folder.join("requests.jsonl"), REQUESTS).unwrap();
    let against = [
        "simulate",
        "specs/new.toml",
        "requests.jsonl",
        "--against",
        "specs/mini.toml",
    ];
    let output = nexusc(&folder, &against);
    assert_eq!(code(&output), 0, "{}", text(&output.stderr));
    insta::assert_snapshot!("simulate", text(&output.stdout));
    let json = nexusc(
        &folder,
        &[&against[..], &["--output-format", "json", "--down", "a"]].concat(),
    );
    let result: serde_json::Value = serde_json::from_str(text(&json.stdout)).unwrap();
    assert_eq!(result["before"]["unanswered"]["502"], 1);
    assert_eq!(result["after"]["upstreams"]["b"], 5);
    let unknown = nexusc(
        &folder,
        &[
            "simulate",
            "specs/mini.toml",
            "requests.jsonl",
            "--down",
            "c",
        ],
    );
    assert_eq!(code(&unknown), 1);
    assert_eq!(
        text(&unknown.stderr),
        "error: `--down c`: no such upstream\n"
    );
}

#[test]
fn a_line_that_cannot_be_read_is_named_and_counted() {
    let folder = tested("simulate_faults");
    fs::write(
        folder.join("requests.jsonl"),
        "{\"model\":\"chat\",\"user_id\":\"ops\"}\n{\"mod",
    )
    .unwrap();
    let output = nexusc(&folder, &["simulate", "specs/mini.toml", "requests.jsonl"]);
    assert_eq!(code(&output), 1);
    assert_eq!(
        text(&output.stderr),
        "requests.jsonl:2: error: not JSON, from column 5 on; a line is one whole object\n"
    );
    let printed = text(&output.stdout);
    assert!(printed.starts_with("requests.jsonl: 1 replayed\nleft out: 1, not readable\n"));
}
