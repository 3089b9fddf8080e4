//! Two validators of the OpenAPI document: one follows the specification, one says where every fault is.

use serde::Deserialize;

use crate::emit::FileSet;
use crate::verify::reading::by_words;
use crate::verify::{Answer, Command, Finding, Question, Tool, file_at};

pub(super) static VALIDATOR: Tool = Tool {
    name: "openapi-spec-validator",
    commands: &[Command {
        words: &["openapi-spec-validator"],
        probe: "--version",
    }],
    get: "`pip install openapi-spec-validator`",
    questions: |files| questions(files, "--validation-errors all"),
    read: read_validator,
};

pub(super) static REDOCLY: Tool = Tool {
    name: "redocly",
    commands: &[Command {
        words: &["redocly"],
        probe: "--version",
    }],
    get: "`npm install @redocly/cli`",
    questions: redocly_questions,
    read: read_redocly,
};

fn questions(files: &FileSet, arguments: &str) -> Vec<Question> {
    file_at(files, "openapi.json")
        .into_iter()
        .map(|file| Question::about(file, arguments))
        .collect()
}

fn redocly_questions(files: &FileSet) -> Vec<Question> {
    let mut questions = questions(files, "lint --extends spec --format json");
    for question in &mut questions {
        // It asks for a newer version of itself, and counts its users.
        let quiet = ["REDOCLY_TELEMETRY", "REDOCLY_SUPPRESS_UPDATE_NOTICE"]
            .into_iter()
            .zip(["off", "true"]);
        question.environment = quiet
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
    }
    questions
}

/// `Validation Error: [2] message`, and below it `On instance["paths"]["~1a"]["get"]:` says where.
fn read_validator(question: &Question, answer: &Answer, files: &FileSet) -> Option<Vec<Finding>> {
    if answer.success {
        return Some(Vec::new());
    }
    let file = question.files.first()?;
    let mut findings: Vec<Finding> = Vec::new();
    for line in answer.output.lines().chain(answer.errors.lines()) {
        if let Some((_, message)) = line.split_once(" Error: ") {
            let number = message
                .strip_prefix('[')
                .and_then(|rest| rest.split_once("] "));
            findings.push(Finding {
                file: file.clone(),
                line: None,
                message: number.map_or(message, |(_, message)| message).to_owned(),
            });
        } else if let (Some(path), Some(last)) =
            (line.strip_prefix("On instance"), findings.last_mut())
        {
            let steps = path
                .trim_end_matches(':')
                .replace("~1", "/")
                .replace("~0", "~");
            let steps: Vec<&str> = steps
                .split(['[', ']'])
                .filter(|step| !step.is_empty())
                .collect();
            last.line = by_words(
                file,
                &format!("{} {}", steps.join(" "), last.message),
                files,
            )
            .line;
        }
    }
    (!findings.is_empty()).then_some(findings)
}

#[derive(Deserialize)]
struct Report {
    problems: Vec<Problem>,
}

#[derive(Deserialize)]
struct Problem {
    #[serde(rename = "ruleId")]
    rule: String,
    severity: String,
    message: String,
    #[serde(default)]
    location: Vec<Location>,
}

#[derive(Deserialize)]
struct Location {
    start: Option<Start>,
}

#[derive(Deserialize)]
struct Start {
    line: usize,
}

fn read_redocly(question: &Question, answer: &Answer, _: &FileSet) -> Option<Vec<Finding>> {
    let report: Report = serde_json::from_str(&answer.output).ok()?;
    let file = question.files.first()?;
    let errors = report
        .problems
        .into_iter()
        .filter(|problem| problem.severity == "error");
    let findings = errors.map(|problem| {
        let start = problem
            .location
            .first()
            .and_then(|location| location.start.as_ref());
        Finding {
            file: file.clone(),
            line: start.map(|start| start.line),
            message: format!("{} ({})", problem.message.trim(), problem.rule),
        }
    });
    let findings: Vec<Finding> = findings.collect();
    Some(findings).filter(|findings| answer.success || !findings.is_empty())
}
