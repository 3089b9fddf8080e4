//! Configurations of Vector: the compiler of its language compiles their programs and runs their tests, and each part
//! takes from parts that are there. Vector itself comes from no registry.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use serde_saphyr::Spanned;

use crate::emit::FileSet;
use crate::verify::{Answer, Command, Faults, Finding, Input, Own, Question, Tool, files_in};

/// Compiles programs, runs tests.
const COMPILE: &str = include_str!("vrl.py");

pub(super) static VRL: Tool = Tool {
    name: "VRL",
    commands: &[Command {
        words: &["python3", "-c"],
        probe: "import vrl_python",
    }],
    get: "`pip install vrl-python`",
    questions,
    read,
};

pub(super) static WIRING: Own = Own {
    name: "Vector",
    files: |files| {
        files_in(files, FOLDER, &[".yaml"])
            .into_iter()
            .map(str::to_owned)
            .collect()
    },
    check: |_, text, _| match serde_saphyr::from_str(text) {
        Ok(configuration) => wiring(&configuration),
        Err(error) => {
            let line = error
                .location()
                .and_then(|at| usize::try_from(at.line()).ok());
            vec![(line, error.without_snippet().to_string())]
        }
    },
};

/// Where the configurations are.
const FOLDER: &str = "logs/";

/// What is looked at of a configuration.
#[derive(Deserialize)]
struct Configuration {
    sources: BTreeMap<String, Value>,
    #[serde(default)]
    transforms: BTreeMap<String, Part>,
    sinks: BTreeMap<String, Part>,
    #[serde(default)]
    tests: Vec<Test>,
}

#[derive(Deserialize)]
struct Part {
    inputs: Vec<Spanned<String>>,
    /// The program of a `remap`.
    source: Option<Spanned<String>>,
}

#[derive(Deserialize)]
struct Test {
    inputs: Vec<TestInput>,
    outputs: Vec<TestOutput>,
}

#[derive(Deserialize)]
struct TestInput {
    insert_at: Spanned<String>,
    #[serde(default)]
    log_fields: Map<String, Value>,
}

#[derive(Deserialize)]
struct TestOutput {
    extract_from: Spanned<String>,
    conditions: Vec<Condition>,
}

#[derive(Deserialize)]
struct Condition {
    source: Spanned<String>,
}

/// A program as the compiler takes it.
#[derive(Serialize)]
struct Program {
    source: String,
    /// What it is run with, if it is.
    event: Option<Map<String, Value>>,
    /// The line of the file, from 1, that each of its lines comes from.
    #[serde(skip)]
    lines: Vec<usize>,
}

/// What has another form than a configuration is found by the check of its own.
fn configuration(text: &str) -> Option<Configuration> {
    serde_saphyr::from_str(text).ok()
}

fn questions(files: &FileSet) -> Vec<Question> {
    let configurations = files_in(files, FOLDER, &[".yaml"]);
    let questions = configurations.into_iter().filter_map(|file| {
        let programs = programs(&configuration(files.get(file)?)?);
        let programs = serde_json::to_string(&programs).ok()?;
        Some(Question {
            files: vec![file.to_owned()],
            arguments: vec![COMPILE.to_owned()],
            environment: Vec::new(),
            input: Input::Text(programs),
        })
    });
    questions.collect()
}

/// The program of each part; and for each test that of the part that it is about, with what has to hold then behind it.
fn programs(configuration: &Configuration) -> Vec<Program> {
    let mut programs = Vec::new();
    for source in configuration
        .transforms
        .values()
        .filter_map(|part| part.source.as_ref())
    {
        programs.push(Program::of(&[source], None));
    }
    for test in &configuration.tests {
        for input in &test.inputs {
            let part = configuration.transforms.get(&input.insert_at.value);
            let source = part.and_then(|part| part.source.as_ref());
            let outputs = test.outputs.iter();
            let of_part =
                outputs.filter(|output| output.extract_from.value == input.insert_at.value);
            let conditions = of_part.flat_map(|output| &output.conditions);
            let conditions = conditions.map(|condition| &condition.source);
            let all: Vec<_> = source.into_iter().chain(conditions).collect();
            programs.push(Program::of(&all, Some(input.log_fields.clone())));
        }
    }
    programs
}

impl Program {
    /// The program of these texts, one after the other.
    fn of(texts: &[&Spanned<String>], event: Option<Map<String, Value>>) -> Self {
        let mut program = Self {
            source: String::new(),
            event,
            lines: Vec::new(),
        };
        for text in texts {
            for (index, line) in text.value.lines().enumerate() {
                program.source.push_str(line);
                program.source.push('\n');
                program.lines.push(line_of(text) + index);
            }
        }
        program
    }
}

/// The line, from 1, in which a value begins: that of a block is the one below its `|`.
fn line_of<T>(value: &Spanned<T>) -> usize {
    usize::try_from(value.defined.line()).unwrap_or(1).max(1)
}

fn read(question: &Question, answer: &Answer, files: &FileSet) -> Option<Vec<Finding>> {
    let reports: Vec<Option<String>> = serde_json::from_str(&answer.output).ok()?;
    let file = question.files.first()?;
    let text = files.get(file)?;
    let programs = programs(&configuration(text)?);
    let mut findings = BTreeSet::new();
    for (program, report) in programs.iter().zip(reports) {
        for (line, message) in report.iter().flat_map(|report| faults(report)) {
            findings.insert(Finding {
                file: file.clone(),
                line: program.lines.get(line - 1).copied(),
                message,
            });
        }
    }
    Some(findings.into_iter().collect::<Vec<_>>())
        .filter(|findings| answer.success || !findings.is_empty())
}

/// The faults in a report of the compiler: lines of the program, from 1, and what is said of them.
///
/// ```text
/// error[E105]: call to undefined function
///   ┌─ :3:6
///   │
/// 3 │ .c = foo(1)
///   │      ^^^
/// ```
fn faults(report: &str) -> Vec<(usize, String)> {
    let mut faults = Vec::new();
    let mut title = "";
    for line in report.lines() {
        if let Some(rest) = line.strip_prefix("error[") {
            title = rest;
        } else if let Some((_, place)) = line.split_once("┌─ :") {
            let number = place.split(':').next().and_then(|line| line.parse().ok());
            let message = title.replacen("]: ", ": ", 1);
            faults.extend(
                number
                    .filter(|&line| line > 0)
                    .map(|line: usize| (line, message)),
            );
        } else if let (Some(said), Some((_, message))) =
            (line.trim_start().strip_prefix('│'), faults.last_mut())
        {
            let said = said.trim_matches(['│', '^', '-', ' ']);
            if !said.is_empty() {
                message.push_str("; ");
                message.push_str(said);
            }
        }
    }
    faults
}

/// Parts that take from what is not there, or that nothing takes from; tests of what is not there.
fn wiring(configuration: &Configuration) -> Faults {
    let Configuration {
        sources,
        transforms,
        sinks,
        tests,
    } = configuration;
    let takers: Vec<_> = transforms.iter().chain(sinks).collect();
    let mut faults = Faults::new();
    for (name, part) in &takers {
        for input in &part.inputs {
            if !sources.contains_key(&input.value) && !transforms.contains_key(&input.value) {
                let message = format!("`{name}` takes from `{}`, which is not there", input.value);
                faults.push((Some(line_of(input)), message));
            }
        }
    }
    for given in sources.keys().chain(transforms.keys()) {
        let mut inputs = takers.iter().flat_map(|(_, part)| &part.inputs);
        if !inputs.any(|input| input.value == *given) {
            faults.push((None, format!("nothing takes from `{given}`")));
        }
    }
    for test in tests {
        let inserts = test.inputs.iter().map(|input| &input.insert_at);
        let extracts = test.outputs.iter().map(|output| &output.extract_from);
        for name in inserts.chain(extracts) {
            if !transforms.contains_key(&name.value) {
                let message = format!("a test is of `{}`, which is not there", name.value);
                faults.push((Some(line_of(name)), message));
            }
        }
    }
    faults
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "sources:
  docker: {type: docker_logs}
transforms:
  lines:
    type: remap
    inputs: [docker]
    source: |-
      .a = 1
      .b = 2
sinks:
  kafka:
    type: kafka
    inputs: [lines]
tests:
  - name: a test
    inputs:
      - insert_at: lines
        log_fields: {c: 3}
    outputs:
      - extract_from: lines
        conditions:
          - type: vrl
            source: assert!(exists(.a))
";

    fn faults_of(change: (&str, &str)) -> Faults {
        assert!(FILE.contains(change.0), "{}", change.0);
        wiring(&configuration(&FILE.replacen(change.0, change.1, 1)).unwrap())
    }

    #[test]
    fn a_program_knows_the_lines_that_it_comes_from() {
        let programs = programs(&configuration(FILE).unwrap());
        let lines: Vec<_> = programs
            .iter()
            .map(|program| program.lines.clone())
            .collect();
        assert_eq!(lines, [vec![8, 9], vec![8, 9, 23]]);
        let last = programs.last().unwrap();
        assert_eq!(last.source, ".a = 1\n.b = 2\nassert!(exists(.a))\n");
        assert!(last.event.as_ref().unwrap().contains_key("c"));
    }

    #[test]
    fn a_part_takes_from_what_is_there() {
        assert_eq!(faults_of(("docker", "docker")), []);
        let lines = |change| {
            let faults = faults_of(change).into_iter();
            faults.map(|(line, _)| line).collect::<Vec<_>>()
        };
        assert_eq!(
            lines(("inputs: [docker]", "inputs: [dokcer]")),
            [Some(6), None]
        );
        assert_eq!(lines(("inputs: [lines]", "inputs: [docker]")), [None]);
        assert_eq!(lines(("insert_at: lines", "insert_at: line")), [Some(17)]);
        let misspelt = FILE.replace("sinks:", "sinkz:");
        let faults = (WIRING.check)("logs/a.yaml", &misspelt, &FileSet::default());
        assert!(
            faults.iter().any(|(_, message)| message.contains("sinks")),
            "{faults:?}"
        );
    }

    #[test]
    fn each_fault_of_a_report_has_its_line() {
        let report = "\nerror[E204]: syntax error\n  ┌─ :2:8\n  │\n\nerror[E105]: call to undefined function\n  ┌─ :3:6\n  \
                      │\n3 │ .c = foo(1)\n  │      ^^^ undefined function\n";
        let expected = [
            (2, "E204: syntax error"),
            (3, "E105: call to undefined function; undefined function"),
        ];
        assert_eq!(
            faults(report),
            expected.map(|(line, message)| (line, message.to_owned()))
        );
    }
}
