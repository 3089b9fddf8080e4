//! nginx itself: its configuration.

use crate::emit::FileSet;
use crate::verify::{Answer, Command, Finding, Input, Question, Tool, file_at};

pub(super) static NGINX: Tool = Tool {
    name: "nginx",
    commands: &[
        Command {
            words: &["nginx"],
            probe: "-v",
        },
        Command {
            words: &["/usr/sbin/nginx"],
            probe: "-v",
        },
    ],
    get: "Debian has it as `nginx`",
    questions,
    read,
};

fn questions(files: &FileSet) -> Vec<Question> {
    file_at(files, "nginx/nginx.conf")
        .into_iter()
        .map(|file| Question {
            files: vec![file.to_owned()],
            arguments: ["-p", ".", "-e", "stderr", "-t", "-c", "/dev/stdin"]
                .map(str::to_owned)
                .into(),
            environment: Vec::new(),
            input: Input::Text(without_certificates(files.get(file).unwrap_or_default())),
        })
        .collect()
}

/// A test reads certificates, which only the machine of nginx has, unless a variable says where they are.
fn without_certificates(text: &str) -> String {
    let lines = text.lines().map(|line| {
        let start = line.trim_start();
        let indentation = line.len() - start.len();
        match ["ssl_certificate ", "ssl_certificate_key "]
            .iter()
            .find(|name| start.starts_with(*name))
        {
            Some(name) => format!("{:indentation$}{name}$ssl_server_name;\n", ""),
            None => format!("{line}\n"),
        }
    });
    lines.collect()
}

/// `2026/11/21 16:32:54 [emerg] 7552#7552: unknown directive "locatio" in /dev/stdin:3`
fn read(question: &Question, answer: &Answer, _: &FileSet) -> Option<Vec<Finding>> {
    if answer.success {
        return Some(Vec::new());
    }
    let file = question.files.first()?;
    let findings: Vec<Finding> = answer
        .errors
        .lines()
        .filter(|line| line.contains("[emerg]"))
        .map(|line| {
            let message = line.split_once("] ").map_or(line, |(_, rest)| rest);
            let message = message
                .split_once("#")
                .and_then(|(_, rest)| rest.split_once(": "));
            let message = message.map_or(line, |(_, message)| message);
            let place = message.rsplit_once(" in ").and_then(|(message, place)| {
                let (_, number) = place.rsplit_once(':')?;
                Some((message, number.parse().ok()?))
            });
            Finding {
                file: file.clone(),
                line: place.map(|(_, number)| number),
                message: place.map_or(message, |(message, _)| message).to_owned(),
            }
        })
        .collect();
    (!findings.is_empty()).then_some(findings)
}
