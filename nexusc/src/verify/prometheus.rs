//! promtool: the scrape configuration, rules, the tests of rules, and the queries of dashboards.

use crate::emit::FileSet;
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
    let queries = dashboards
        .into_iter()
        .map(|file| queries(file, files.get(file).unwrap_or_default()));
    configurations
        .chain(rules)
        .chain(tests)
        .map(|(arguments, file)| Question::about(file, arguments))
        .chain(queries)
        .collect()
}

/// The queries of a dashboard as rules, each in the line that it has there.
fn queries(file: &str, dashboard: &str) -> Question {
    let mut rules = String::from("groups: [{name: dashboard, rules: [");
    for (index, line) in dashboard.lines().enumerate() {
        let value = line.trim_start().strip_prefix("\"expr\": ");
        let query = value
            .and_then(|value| serde_json::from_str::<String>(value.trim_end_matches(',')).ok());
        if let Some(mut query) = query {
            // What Grafana puts in the place of its variables.
            for variable in ["$__rate_interval", "$__interval", "$__range"] {
                query = query.replace(variable, "5m");
            }
            let rule =
                serde_json::json!({ "record": format!("line:{}", index + 1), "expr": query });
            rules.push_str(&format!("{rule},"));
        }
        rules.push('\n');
    }
    rules.push_str("]}]\n");
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
