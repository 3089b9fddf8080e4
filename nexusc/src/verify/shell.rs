//! The shell: the syntax of its scripts.

use crate::emit::FileSet;
use crate::verify::reading::positioned;
use crate::verify::{Answer, Command, Finding, Question, Tool, files_in};

pub(super) static SHELL: Tool = Tool {
    name: "sh",
    commands: &[Command {
        words: &["sh"],
        probe: "-n",
    }],
    get: "every Unix has one",
    questions,
    read,
};

fn questions(files: &FileSet) -> Vec<Question> {
    files_in(files, "", &[".sh"])
        .into_iter()
        .map(|file| Question::about(file, "-n"))
        .collect()
}

/// `test-alert.sh: 5: Syntax error: message`, or `test-alert.sh: line 5: message`
fn read(question: &Question, answer: &Answer, _: &FileSet) -> Option<Vec<Finding>> {
    let lines = answer.errors.lines();
    let findings: Vec<Finding> = lines
        .filter_map(|line| positioned(&line.replace(": line ", ": "), &question.files))
        .collect();
    Some(findings).filter(|findings| answer.success || !findings.is_empty())
}
