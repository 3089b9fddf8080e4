//! Node: the syntax of scripts, as k6 has a dialect of the same language.

use crate::emit::FileSet;
use crate::verify::{Answer, Command, Finding, Input, Question, Tool, files_in};

pub(super) static NODE: Tool = Tool {
    name: "node",
    commands: &[Command {
        words: &["node"],
        probe: "--version",
    }],
    get: "<https://nodejs.org>; Debian has it as `nodejs`",
    questions,
    read,
};

fn questions(files: &FileSet) -> Vec<Question> {
    let scripts = files_in(files, "", &[".js", ".mjs"]);
    scripts
        .into_iter()
        .map(|file| Question {
            files: vec![file.to_owned()],
            arguments: ["--check", "--input-type=module", "-"]
                .map(str::to_owned)
                .into(),
            environment: Vec::new(),
            // By its name alone, Node would take a module for a script, and pass what is no module.
            input: Input::Text(files.get(file).unwrap_or_default().to_owned()),
        })
        .collect()
}

/// `[stdin]:2`, the line, a mark below it, and `SyntaxError: message`.
fn read(question: &Question, answer: &Answer, _: &FileSet) -> Option<Vec<Finding>> {
    if answer.success {
        return Some(Vec::new());
    }
    let first = answer.errors.lines().next()?;
    let message = answer
        .errors
        .lines()
        .find(|line| line.starts_with("SyntaxError: "))?;
    Some(vec![Finding {
        file: question.files.first()?.clone(),
        line: first
            .rsplit_once(':')
            .and_then(|(_, number)| number.parse().ok()),
        message: message.to_owned(),
    }])
}
