//! systemd-analyze: the units, and how much they allow. systemd-sysusers: the users that they run as.

use crate::emit::FileSet;
use crate::verify::reading::positioned;
use crate::verify::{Answer, Command, Finding, Input, Question, Tool, files_in};

/// The exposure, in tenths of ten, above which a service allows too much: `OK` in systemd's words ends at 5.0.
const MOST_EXPOSURE: &str = "--threshold=25";

pub(super) static SYSTEMD_ANALYZE: Tool = Tool {
    name: "systemd-analyze",
    commands: &[Command {
        words: &["systemd-analyze"],
        probe: "--version",
    }],
    get: "it comes with systemd",
    questions,
    read,
};

pub(super) static SYSTEMD_SYSUSERS: Tool = Tool {
    name: "systemd-sysusers",
    commands: &[Command {
        words: &["systemd-sysusers"],
        probe: "--version",
    }],
    get: "it comes with systemd",
    questions: users,
    read: read_users,
};

fn questions(files: &FileSet) -> Vec<Question> {
    let units: Vec<String> = files_in(files, "systemd/", &[".service", ".socket"])
        .into_iter()
        .map(str::to_owned)
        .collect();
    if units.is_empty() {
        return Vec::new();
    }
    // All units in one question, so that they find each other.
    let arguments = ["--no-pager", "verify"].map(str::to_owned).into_iter();
    let together = Question {
        files: units.clone(),
        arguments: arguments
            .chain(units.iter().map(|unit| format!("./{unit}")))
            .collect(),
        environment: Vec::new(),
        input: Input::Nothing,
    };
    let services = units.iter().filter(|unit| unit.ends_with(".service"));
    let exposures = services.map(|unit| Question {
        arguments: ["--no-pager", "security", "--offline=yes", MOST_EXPOSURE]
            .map(str::to_owned)
            .into_iter()
            .chain([format!("./{unit}")])
            .collect(),
        files: vec![unit.clone()],
        environment: Vec::new(),
        input: Input::Nothing,
    });
    [together].into_iter().chain(exposures).collect()
}

fn read(question: &Question, answer: &Answer, files: &FileSet) -> Option<Vec<Finding>> {
    let is_exposure = question.arguments.iter().any(|word| word == "security");
    if is_exposure {
        let verdict = answer
            .output
            .lines()
            .rev()
            .find(|line| line.contains("exposure level"));
        let finding = || {
            let message = verdict?.trim_start_matches(['→', ' ']);
            Some(Finding {
                file: question.files.first()?.clone(),
                line: None,
                message: format!("{message}; see `systemd-analyze security`"),
            })
        };
        return if answer.success {
            Some(Vec::new())
        } else {
            Some(vec![finding()?])
        };
    }
    let mut findings = Vec::new();
    for line in answer.errors.lines() {
        // Whether a program or another unit is there is a matter of the machine.
        if line.contains(" is not executable: No such file") || line.contains("Failed to create ") {
            continue;
        }
        if let Some(finding) = positioned(line, &question.files) {
            findings.push(finding);
        } else if let Some(unit) = named_unit(line, &question.files) {
            findings.push(Finding {
                file: unit.to_owned(),
                line: files.get(unit).and(None),
                message: line.to_owned(),
            });
        }
    }
    findings.dedup();
    Some(findings)
}

fn users(files: &FileSet) -> Vec<Question> {
    files_in(files, "systemd/", &[".sysusers.conf"])
        .into_iter()
        .map(|file| Question {
            files: vec![file.to_owned()],
            arguments: ["--dry-run", "-"].map(str::to_owned).into(),
            environment: Vec::new(),
            // It looks for a file that it is told by name in the folders of the system.
            input: Input::Text(files.get(file).unwrap_or_default().to_owned()),
        })
        .collect()
}

/// `-:2: Unknown modifier 'uu'.`
fn read_users(question: &Question, answer: &Answer, _: &FileSet) -> Option<Vec<Finding>> {
    let file = question.files.first()?;
    let named = answer.errors.lines().map(|line| {
        let rest = line.strip_prefix('-').unwrap_or_default();
        format!("{file}{rest}")
    });
    let findings: Vec<Finding> = named
        .filter_map(|line| positioned(&line, &question.files))
        .collect();
    Some(findings).filter(|findings| answer.success || !findings.is_empty())
}

/// The unit that a line begins with: `gateway.service: message`.
fn named_unit<'f>(line: &str, files: &'f [String]) -> Option<&'f str> {
    let (name, _) = line.split_once(": ")?;
    let is_it = |file: &&String| file.rsplit('/').next() == Some(name);
    files.iter().find(is_it).map(String::as_str)
}
