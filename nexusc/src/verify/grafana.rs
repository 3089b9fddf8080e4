//! The types of Grafana's own SDK: a dashboard has no field that they lose on the way in and out again.

use serde::Deserialize;

use crate::emit::FileSet;
use crate::verify::reading::by_words;
use crate::verify::{Answer, Command, Finding, Question, Tool, files_in};

/// Reads dashboards, writes them again, and says which fields are gone.
const ROUND_TRIP: &str = include_str!("grafana.py");

pub(super) static FOUNDATION_SDK: Tool = Tool {
    name: "grafana-foundation-sdk",
    commands: &[Command {
        words: &["python3", "-c"],
        probe: "import grafana_foundation_sdk",
    }],
    get: "`pip install grafana-foundation-sdk`",
    questions,
    read,
};

fn questions(files: &FileSet) -> Vec<Question> {
    files_in(files, "grafana/dashboards/", &[".json"])
        .into_iter()
        .map(|file| {
            let mut question = Question::about(file, "");
            question.arguments = vec![ROUND_TRIP.to_owned(), file.to_owned()];
            question
        })
        .collect()
}

#[derive(Deserialize)]
struct Lost {
    /// From the root of the dashboard: `panels.0.gridPos`.
    path: String,
    message: String,
}

fn read(question: &Question, answer: &Answer, files: &FileSet) -> Option<Vec<Finding>> {
    if answer.success {
        return Some(Vec::new());
    }
    let lost: Vec<Lost> = serde_json::from_str(&answer.output).ok()?;
    let file = question.files.first()?;
    let findings = lost.into_iter().map(|lost| {
        let is_name = |step: &&str| step.parse::<usize>().is_err();
        let names: Vec<&str> = lost.path.split('.').filter(is_name).collect();
        Finding {
            message: format!("{}: {}", lost.path, lost.message),
            ..by_words(file, &names.join(" "), files)
        }
    });
    Some(findings.collect())
}
