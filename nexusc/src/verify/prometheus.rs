//! promtool: the scrape configuration, rules, the tests of rules, and the queries of dashboards and of Grafana's alerts.

use granit_parser::{Event, Parser};

use crate::emit::FileSet;
use crate::verify::grafana::ALERTING;
use crate::verify::reading::{after_file, by_words, positioned, yaml_line};
use crate::verify::{Answer, Command, Finding, Input, Question, Tool, file_at, files_in};

pub(super) static PROMTOOL: Tool = Tool {
    name: "promtool",
    commands: &[Command {
        words: &["promtool"],
        probe: "--version",
    }],
    get: "it comes with Prometheus; Debian has it as `promtool` (before 13 in `prometheus`)",
    questions,
    read,
};

fn questions(files: &FileSet) -> Vec<Question> {
    // Without the files of secrets, which only the machine of Prometheus has.
    let configurations = file_at(files, "prometheus/prometheus.yml");
    let rules = files_in(files, "prometheus/rules/", &[".yml"]);
    let tests = files_in(files, "prometheus/tests/", &[".yml"]);
    let configurations = configurations
        .into_iter()
        .map(|file| ("check config --syntax-only", file));
    let rules = rules
        .into_iter()
        .map(|file| ("check rules --lint=all --lint-fatal", file));
    let tests = tests.into_iter().map(|file| ("test rules", file));
    let dashboards = files_in(files, "grafana/dashboards/", &[".json"]);
    let of_dashboards = dashboards
        .into_iter()
        .map(|file| queries(file, of_dashboard(files.get(file).unwrap_or_default())));
    let alerts = files_in(files, ALERTING, &[".yaml"]);
    let of_alerts = alerts
        .into_iter()
        .map(|file| (file, of_alerts(files.get(file).unwrap_or_default())))
        .filter(|(_, queries)| !queries.is_empty())
        .map(|(file, found)| queries(file, found));
    configurations
        .chain(rules)
        .chain(tests)
        .map(|(arguments, file)| Question::about(file, arguments))
        .chain(of_dashboards)
        .chain(of_alerts)
        .collect()
}

/// The queries of a dashboard, each with its line, from 1.
fn of_dashboard(text: &str) -> Vec<(usize, String)> {
    let lines = text.lines().zip(1..);
    let query = |(line, number): (&str, usize)| {
        let value = line.trim_start().strip_prefix("\"expr\": ")?;
        let query = serde_json::from_str::<String>(value.trim_end_matches(',')).ok()?;
        Some((number, query))
    };
    lines.filter_map(query).collect()
}

/// The queries of rules of Grafana, each with its first line, from 1.
fn of_alerts(text: &str) -> Vec<(usize, String)> {
    let mut queries = Vec::new();
    let mut is_next = false;
    // What is no YAML is found as such.
    for (event, span) in Parser::new_from_str(text).map_while(Result::ok) {
        match event {
            Event::Scalar(query, ..) if is_next => {
                queries.push((span.start.line(), query.into_owned()));
                is_next = false;
            }
            Event::Scalar(key, ..) => is_next = key == "expr",
            _ => is_next = false,
        }
    }
    queries
}

/// Queries as rules, each in the line that it has in its file.
fn queries(file: &str, queries: Vec<(usize, String)>) -> Question {
    let mut rules = String::from("groups: [{name: queries, rules: [");
    let mut at = 1;
    for (line, mut query) in queries {
        rules.push_str(&"\n".repeat(line - at));
        at = line;
        // What Grafana puts in the place of its variables.
        for variable in ["$__rate_interval", "$__interval", "$__range"] {
            query = query.replace(variable, "5m");
        }
        let rule = serde_json::json!({ "record": format!("line:{line}"), "expr": query });
        rules.push_str(&format!("{rule},"));
    }
    rules.push_str("\n]}]\n");
    Question {
        files: vec![file.to_owned()],
        arguments: ["check", "rules"].map(str::to_owned).into(),
        environment: Vec::new(),
        input: Input::Text(rules),
    }
}

fn read(question: &Question, answer: &Answer, files: &FileSet) -> Option<Vec<Finding>> {
    if answer.success {
        return Some(Vec::new());
    }
    let is_test = question
        .arguments
        .first()
        .is_some_and(|word| word == "test");
    let file = question.files.first()?;
    let mut findings = Vec::new();
    let is_piped = matches!(question.input, Input::Text(_));
    for line in answer.errors.lines() {
        // What it reads from its input has no name.
        let named = if is_piped {
            format!("{file}:{line}")
        } else {
            line.to_owned()
        };
        if let Some(finding) = positioned(&named, &question.files) {
            findings.push(finding);
        } else if let Some((number, message)) = yaml_line(line) {
            findings.push(Finding {
                file: file.clone(),
                line: Some(number),
                message: message.to_owned(),
            });
        } else if let Some((_, message)) = after_file(line, &question.files)
            && !message.ends_with("errors:")
        {
            findings.push(by_words(
                file,
                message.trim_start_matches([':', ' ']),
                files,
            ));
        }
    }
    if is_test && findings.is_empty() {
        findings = failed_tests(file, &answer.errors, files);
    }
    (!findings.is_empty()).then_some(findings)
}

/// One finding for each expectation that failed: its block begins with the name of the alert or of the test.
fn failed_tests(file: &str, errors: &str, files: &FileSet) -> Vec<Finding> {
    let mut blocks: Vec<String> = Vec::new();
    let mut name = String::new();
    for line in errors
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
    {
        if line.starts_with("name: ") {
            name = line.trim_end_matches(',').to_owned();
        } else if line.starts_with("alertname: ") || line.starts_with("expr: ") {
            blocks.push(format!("the test fails: {name} {line}"));
        } else if let Some(block) = blocks.last_mut() {
            block.push(' ');
            block.push_str(line);
        }
    }
    blocks
        .iter()
        .map(|block| {
            let quoted = |key: &str| {
                let (_, rest) = block.split_once(key)?;
                rest.split([',', '"']).find(|part| !part.trim().is_empty())
            };
            // First the test, then the alert in it.
            let names = [quoted("name: "), quoted("alertname: "), quoted("expr: ")];
            let names: Vec<String> = names
                .into_iter()
                .flatten()
                .map(|name| format!("`{}`", name.trim()))
                .collect();
            Finding {
                message: block.clone(),
                ..by_words(file, &names.join(" "), files)
            }
        })
        .collect()
}
