//! Emitted files and what consumes them: what each tool is asked about which file, and what its answers say.
//!
//! In: the files of a spec as they are on disk. Out: questions for programs, and findings that point into the spec.
//! Never here: running a program, reading a file; that is the command line's.

mod alertmanager;
mod cloudwatch;
mod compose;
mod custom_resources;
mod dockerfile;
mod drawings;
mod grafana;
mod grafana_alerting;
mod json;
mod kibana;
mod kubernetes;
mod links;
mod nginx;
mod openapi;
mod origin;
mod prometheus;
mod reading;
mod scripts;
mod shell;
mod systemd;
mod vector;
mod yaml;

pub use origin::diagnostic;

use std::collections::BTreeSet;

use crate::emit::FileSet;

/// A program that consumes emitted files, or judges them as their consumer would.
#[derive(Debug)]
pub struct Tool {
    /// As messages call it.
    pub name: &'static str,
    /// The commands by which it goes: the first that is there is asked.
    pub commands: &'static [Command],
    /// How to get it.
    pub get: &'static str,
    /// What it has to be asked about these files; their paths are relative to the folder that holds them all.
    pub questions: fn(&FileSet) -> Vec<Question>,
    /// What an answer says of the files; `None` where that is not clear.
    read: fn(&Question, &Answer, &FileSet) -> Option<Vec<Finding>>,
}

/// A way to call a tool.
#[derive(Debug)]
pub struct Command {
    /// The program, and what is always its first arguments.
    pub words: &'static [&'static str],
    /// The argument to add to see whether it is there.
    pub probe: &'static str,
}

/// What a tool is asked. It runs in the folder that holds the files.
#[derive(Clone, Debug)]
pub struct Question {
    /// The files that it is about; the first is the one that an answer without a place is about.
    pub files: Vec<String>,
    /// What follows the command.
    pub arguments: Vec<String>,
    /// Variables that the files ask for.
    pub environment: Vec<(String, String)>,
    /// What it reads from its standard input.
    pub input: Input,
}

/// The standard input of a tool.
#[derive(Clone, Debug)]
pub enum Input {
    /// Nothing.
    Nothing,
    /// A text.
    Text(String),
    /// What another tool prints, asked with these arguments.
    Output(&'static Tool, Vec<String>),
}

/// What a tool printed.
#[derive(Clone, Debug)]
pub struct Answer {
    /// Whether it ended well.
    pub success: bool,
    /// Its standard output.
    pub output: String,
    /// Its standard error.
    pub errors: String,
}

/// What is wrong with an emitted file.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Finding {
    /// The file, relative to the folder that holds them all.
    pub file: String,
    /// The line, from 1, where it is known.
    pub line: Option<usize>,
    /// What the tool says.
    pub message: String,
}

/// The tools, by name.
pub static TOOLS: &[&Tool] = &[
    &alertmanager::AMTOOL,
    &compose::COMPOSE,
    &drawings::EXPAT,
    &grafana::FOUNDATION_SDK,
    &dockerfile::HADOLINT,
    &custom_resources::JSONSCHEMA,
    &kubernetes::KUBERNETES_VALIDATE,
    &kubernetes::KUSTOMIZE,
    &nginx::NGINX,
    &openapi::REDOCLY,
    &openapi::VALIDATOR,
    &prometheus::PROMTOOL,
    &scripts::NODE,
    &shell::SHELL,
    &systemd::SYSTEMD_ANALYZE,
    &systemd::SYSTEMD_SYSUSERS,
    &vector::VRL,
    &yaml::YAMLLINT,
];

/// A check of the compiler's own, for what no program can be asked about.
#[derive(Debug)]
pub struct Own {
    /// As messages call it.
    pub name: &'static str,
    /// The files that it looks at.
    pub files: fn(&FileSet) -> Vec<String>,
    /// What it finds in one of them: its path, its text, and all of them.
    check: fn(&str, &str, &FileSet) -> Faults,
}

/// The faults of one file: the line, from 1, where it is known, and what is wrong.
type Faults = Vec<(Option<usize>, String)>;

/// The compiler's own checks, by name.
pub static OWN: &[&Own] = &[
    &cloudwatch::DASHBOARD,
    &grafana_alerting::PROVISIONED,
    &json::SYNTAX,
    &kibana::OBJECTS,
    &links::LINKS,
    &vector::WIRING,
    &yaml::VERSIONS,
];

impl Question {
    /// The names of the other tools that it needs.
    pub fn needs(&self) -> impl Iterator<Item = &'static str> {
        let before = match &self.input {
            Input::Output(tool, _) => Some(tool.name),
            Input::Nothing | Input::Text(_) => None,
        };
        before.into_iter()
    }

    /// A question about one file, which is also its last argument.
    fn about(file: &str, arguments: &str) -> Self {
        let mut arguments: Vec<String> = arguments.split(' ').map(str::to_owned).collect();
        arguments.push(file.to_owned());
        Self {
            files: vec![file.to_owned()],
            arguments,
            environment: Vec::new(),
            input: Input::Nothing,
        }
    }
}

impl Tool {
    /// What an answer says of the files. No failure is without a finding.
    pub fn findings(&self, question: &Question, answer: &Answer, files: &FileSet) -> Vec<Finding> {
        let found = (self.read)(question, answer, files);
        if found.is_some() || answer.success {
            return found.unwrap_or_default();
        }
        let said = [answer.errors.trim(), answer.output.trim()];
        let said = said.into_iter().find(|text| !text.is_empty());
        let message = once_each(said.unwrap_or("it failed without a word"));
        question
            .files
            .first()
            .map(|file| Finding {
                line: files
                    .get(file)
                    .and_then(|text| reading::locate(text, 1, &message)),
                file: file.clone(),
                message: message.clone(),
            })
            .into_iter()
            .collect()
    }
}

impl Own {
    /// What it finds in the files.
    pub fn findings(&self, files: &FileSet) -> Vec<Finding> {
        let mut findings = Vec::new();
        for file in (self.files)(files) {
            let text = files.get(&file).unwrap_or_default();
            for (line, message) in (self.check)(&file, text, files) {
                findings.push(Finding {
                    file: file.clone(),
                    line,
                    message,
                });
            }
        }
        findings
    }
}

/// A text with each of its lines once: some tools say of every test in a file what is wrong with another file.
fn once_each(text: &str) -> String {
    let mut known = BTreeSet::new();
    let new = text.lines().filter(|line| known.insert(line.trim()));
    new.collect::<Vec<_>>().join("\n")
}

/// The files that neither a tool nor a check of our own is about.
pub fn unchecked(files: &FileSet) -> Vec<&str> {
    let asked = TOOLS.iter().flat_map(|tool| (tool.questions)(files));
    let checked: BTreeSet<String> = asked
        .flat_map(|question| question.files)
        .chain(OWN.iter().flat_map(|own| (own.files)(files)))
        .collect();
    files
        .iter()
        .map(|(path, _)| path)
        .filter(|path| !checked.contains(*path))
        .collect()
}

/// This file, if it is there.
fn file_at<'f>(files: &'f FileSet, path: &str) -> Vec<&'f str> {
    let mut paths = files.iter().map(|(path, _)| path);
    paths.find(|at| *at == path).into_iter().collect()
}

/// The files in this folder, whatever lies below it, whose names end in one of these.
fn files_in<'f>(files: &'f FileSet, folder: &str, ends: &[&str]) -> Vec<&'f str> {
    files
        .iter()
        .map(|(path, _)| path)
        .filter(|path| path.starts_with(folder) && ends.iter().any(|end| path.ends_with(end)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_tool_repeats_is_told_once() {
        let said = "FAILED:\n  rules.yml: unknown unit\n\n  rules.yml: unknown unit\nend";
        assert_eq!(once_each(said), "FAILED:\n  rules.yml: unknown unit\n\nend");
    }
}
