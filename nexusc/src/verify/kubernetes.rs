//! kustomize builds the base and each overlay; kubernetes-validate compares what comes out with the schemas of
//! Kubernetes, in which a field that does not exist is a fault.

use crate::emit::FileSet;
use crate::verify::reading::{by_words, locate};
use crate::verify::{Answer, Command, Finding, Input, Question, Tool, files_in};

pub(super) static KUSTOMIZE: Tool = Tool {
    name: "kustomize",
    commands: &[
        Command {
            words: &["kubectl", "kustomize"],
            probe: "--help",
        },
        Command {
            words: &["kustomize", "build"],
            probe: "--help",
        },
    ],
    get: "it comes with kubectl; Debian has it as `kubernetes-client` and `kustomize`",
    questions: builds,
    read: read_build,
};

pub(super) static KUBERNETES_VALIDATE: Tool = Tool {
    name: "kubernetes-validate",
    commands: &[Command {
        words: &["kubernetes-validate"],
        probe: "--version",
    }],
    get: "`pip install kubernetes-validate`",
    questions: validations,
    read: read_validation,
};

/// The folders with a `kustomization.yaml`, and their files; those of an overlay come before those of the base.
pub(super) fn folders(files: &FileSet) -> impl Iterator<Item = (String, Vec<String>)> {
    let base = files_in(files, "kubernetes/base/", &[".yaml"]);
    let kustomizations = files_in(files, "kubernetes/", &["/kustomization.yaml"]);
    kustomizations.into_iter().filter_map(move |path| {
        let folder = path.strip_suffix("/kustomization.yaml")?;
        let own = files_in(files, &format!("{folder}/"), &[".yaml"]);
        let base = base.iter().filter(|path| !own.contains(path));
        let all = [path]
            .into_iter()
            .chain(own.iter().copied().filter(|own| *own != path));
        let all = all.chain(base.copied()).map(str::to_owned).collect();
        Some((folder.to_owned(), all))
    })
}

fn builds(files: &FileSet) -> Vec<Question> {
    folders(files)
        .map(|(folder, files)| Question {
            files,
            arguments: vec![folder],
            environment: Vec::new(),
            input: Input::Nothing,
        })
        .collect()
}

fn validations(files: &FileSet) -> Vec<Question> {
    let arguments = ["--strict", "-"].map(str::to_owned);
    folders(files)
        .map(|(folder, files)| of_build(folder, files, arguments.to_vec()))
        .collect()
}

/// A question about what kustomize builds from a folder and these files.
pub(super) fn of_build(folder: String, files: Vec<String>, arguments: Vec<String>) -> Question {
    Question {
        files,
        arguments,
        environment: Vec::new(),
        input: Input::Output(&KUSTOMIZE, vec![folder]),
    }
}

fn read_build(question: &Question, answer: &Answer, files: &FileSet) -> Option<Vec<Finding>> {
    if answer.success {
        return Some(Vec::new());
    }
    let line = answer.errors.lines().find(|line| !line.trim().is_empty())?;
    let message = line.split_once("err=").map_or(line, |(_, message)| message);
    let message = message
        .trim_start_matches("Error: ")
        .trim_matches('"')
        .replace("\\\"", "\"");
    // The file that it names last is the one that it could not go on with.
    let named = question.files.iter().filter_map(|file| {
        let name = file.rsplit('/').next()?;
        Some((message.rfind(name)?, file))
    });
    let file = named
        .max()
        .map(|(_, file)| file)
        .or(question.files.first())?;
    Some(vec![by_words(file, &message, files)])
}

/// `ERROR - did not validate for resource deployment/gateway against version 1.37: spec.replicas: message`
pub(super) fn read_validation(
    question: &Question,
    answer: &Answer,
    files: &FileSet,
) -> Option<Vec<Finding>> {
    let mut findings = Vec::new();
    for line in answer.output.lines().chain(answer.errors.lines()) {
        let Some((kind, rest)) = line.split_once(' ') else {
            continue;
        };
        if kind == "ERROR" {
            let resource = rest
                .split_once("for resource ")
                .and_then(|(_, rest)| rest.split_once(' '));
            let message = rest.split_once(": ").map_or(rest, |(_, message)| message);
            findings.push(
                match resource.and_then(|(resource, _)| resource.split_once('/')) {
                    Some((kind, name)) => in_resource(question, files, kind, name, message),
                    None => by_words(question.files.first()?, message, files),
                },
            );
        } else if kind == "WARN" && is_of_kubernetes(rest) {
            findings.push(by_words(
                question.files.first()?,
                rest.trim_start_matches("- "),
                files,
            ));
        }
    }
    Some(findings).filter(|findings| answer.success || !findings.is_empty())
}

/// Whether a warning that there is no schema is about Kubernetes itself, and not about what is added to a cluster.
fn is_of_kubernetes(warning: &str) -> bool {
    let version = warning
        .split_once("api version ")
        .map_or("", |(_, rest)| rest);
    let version = version.split(' ').next().unwrap_or_default();
    let group = version.split_once('/').map_or("", |(group, _)| group);
    !group.contains('.') || group.ends_with(".k8s.io")
}

/// The finding about a field of a resource, in the file that has the resource.
fn in_resource(
    question: &Question,
    files: &FileSet,
    kind: &str,
    name: &str,
    message: &str,
) -> Finding {
    let kind = format!("kind: {kind}");
    for file in &question.files {
        let text = files.get(file).unwrap_or_default();
        let mut first_line = 1;
        for document in text.split("\n---\n") {
            let is_kind = |line: &str| line.trim_end().eq_ignore_ascii_case(&kind);
            let is_name = |line: &str| {
                let value = line.trim_start().strip_prefix("name: ");
                value.is_some_and(|value| value.trim_end().trim_matches('"') == name)
            };
            if document.lines().any(is_kind) && document.lines().any(is_name) {
                let line = locate(text, first_line, message);
                return Finding {
                    file: file.clone(),
                    line: line.or(Some(first_line)),
                    message: format!("{} {name}: {message}", kind.trim_start_matches("kind: ")),
                };
            }
            first_line += document.lines().count() + 1;
        }
    }
    by_words(
        question.files.first().map_or("", String::as_str),
        message,
        files,
    )
}
