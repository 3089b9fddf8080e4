//! The types of Grafana's own SDK: a dashboard has no field that they lose on the way in and out again, nor has an alert or
//! a contact point.

use serde::Deserialize;

use crate::emit::FileSet;
use crate::verify::reading::by_words;
use crate::verify::{Answer, Command, Finding, Input, Question, Tool, files_in};

/// The files of alerts, and of whom they reach.
pub(super) const ALERTING: &str = "grafana/provisioning/alerting/";

/// Reads what is emitted, writes it again, and says which fields are gone.
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
    let dashboards = files_in(files, "grafana/dashboards/", &[".json"]);
    let dashboards = dashboards.into_iter().map(|file| {
        let mut question = Question::about(file, "");
        question.arguments = vec![ROUND_TRIP.to_owned(), file.to_owned()];
        question
    });
    let alerting = files_in(files, ALERTING, &[".yaml"]);
    let alerting = alerting.into_iter().filter_map(|file| {
        // What is no YAML is found as such.
        let read = serde_saphyr::from_str::<serde_json::Value>(files.get(file)?).ok()?;
        let mut question = Question::about(file, "");
        question.arguments = [ROUND_TRIP, "-"].map(str::to_owned).into();
        question.input = Input::Text(read.to_string());
        Some(question)
    });
    dashboards.chain(alerting).collect()
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
