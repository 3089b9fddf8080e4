//! amtool: the configuration of Alertmanager.

use crate::emit::FileSet;
use crate::verify::reading::{by_words, yaml_line};
use crate::verify::{Answer, Command, Finding, Question, Tool, file_at};

pub(super) static AMTOOL: Tool = Tool {
    name: "amtool",
    commands: &[Command {
        words: &["amtool"],
        probe: "--version",
    }],
    get: "it comes with Alertmanager; Debian has it in `prometheus-alertmanager`",
    questions,
    read,
};

fn questions(files: &FileSet) -> Vec<Question> {
    file_at(files, "alertmanager/alertmanager.yml")
        .into_iter()
        .map(|file| Question::about(file, "check-config"))
        .collect()
}

/// `Checking 'alertmanager.yml'  FAILED: message`, and lines of the YAML parser below it.
fn read(question: &Question, answer: &Answer, files: &FileSet) -> Option<Vec<Finding>> {
    let file = question.files.first()?;
    let mut findings = Vec::new();
    for line in answer.output.lines() {
        let message = line
            .split_once("FAILED: ")
            .map(|(_, message)| message.trim());
        if let Some((number, message)) = yaml_line(line) {
            findings.push(Finding {
                file: file.clone(),
                line: Some(number),
                message: message.to_owned(),
            });
        } else if let Some(message) = message.filter(|message| !message.ends_with("errors:")) {
            findings.push(by_words(file, message, files));
        }
    }
    Some(findings).filter(|findings| answer.success || !findings.is_empty())
}
