//! docker compose: the base by itself and with each overlay, with every choice of profiles.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::conventions;
use crate::emit::FileSet;
use crate::verify::reading::{by_words, yaml_line};
use crate::verify::{Answer, Command, Finding, Input, Question, Tool, files_in};

/// Up to this many profiles, each choice of some of them is tried; above, each alone, all and none.
const ALL_CHOICES: usize = 4;

pub(super) static COMPOSE: Tool = Tool {
    name: "docker compose",
    commands: &[
        Command {
            words: &["docker", "compose"],
            probe: "version",
        },
        Command {
            words: &["docker-compose"],
            probe: "version",
        },
    ],
    get: "the plugin of Docker, which works without its engine; Debian has it as `docker-compose`",
    questions,
    read,
};

fn questions(files: &FileSet) -> Vec<Question> {
    let Some(base) = files.get("compose.yaml") else {
        return Vec::new();
    };
    let overlays = files_in(files, "overlays/", &["/compose.yaml"]);
    let overlays = overlays.into_iter().map(Some);
    let mut questions = Vec::new();
    for overlay in std::iter::once(None).chain(overlays) {
        let text = overlay
            .and_then(|overlay| files.get(overlay))
            .unwrap_or_default();
        let mut profiles = profiles(base);
        profiles.extend(self::profiles(text));
        let profiles: Vec<String> = profiles.into_iter().collect();
        // What is to be filled in has values from `required`, which count for more.
        let sample = conventions::ENVIRONMENT_SAMPLE;
        let folder = overlay.and_then(|overlay| overlay.strip_suffix("compose.yaml"));
        let environment = format!("{}{sample}", folder.unwrap_or_default());
        // The file that varies is the one that an answer without a place is about.
        let about: Vec<String> = overlay
            .into_iter()
            .chain(["compose.yaml"])
            .map(str::to_owned)
            .collect();
        for chosen in choices(&profiles) {
            let mut arguments: Vec<String> = Vec::new();
            if files.get(&environment).is_some() {
                arguments.extend(["--env-file".to_owned(), environment.clone()]);
            }
            for file in about.iter().rev() {
                arguments.extend(["--file".to_owned(), file.clone()]);
            }
            for profile in chosen {
                arguments.extend(["--profile".to_owned(), profile]);
            }
            arguments.extend(["config", "--quiet"].map(str::to_owned));
            questions.push(Question {
                files: about
                    .iter()
                    .chain(files.get(&environment).map(|_| &environment))
                    .cloned()
                    .collect(),
                arguments,
                environment: required(base).chain(required(text)).collect(),
                input: Input::Nothing,
            });
        }
    }
    questions
}

/// The profiles of the services of a compose file.
fn profiles(text: &str) -> BTreeSet<String> {
    let file: Value = serde_saphyr::from_str(text).unwrap_or_default();
    let services = file.get("services").and_then(Value::as_object);
    let lists = services.into_iter().flat_map(|services| services.values());
    lists
        .filter_map(|service| service.get("profiles")?.as_array())
        .flatten()
        .filter_map(|profile| profile.as_str().map(str::to_owned))
        .collect()
}

/// The choices of profiles to try: a service may depend on one that only another profile has.
fn choices(profiles: &[String]) -> Vec<Vec<String>> {
    if profiles.len() > ALL_CHOICES {
        let alone = profiles.iter().map(|profile| vec![profile.clone()]);
        return alone.chain([Vec::new(), profiles.to_vec()]).collect();
    }
    (0..1_u32 << profiles.len())
        .map(|choice| {
            let chosen = profiles.iter().enumerate();
            let chosen = chosen.filter(|(index, _)| choice >> index & 1 == 1);
            chosen.map(|(_, profile)| profile.clone()).collect()
        })
        .collect()
}

/// A value for each variable that a file cannot do without: `${NAME:?message}`.
fn required(text: &str) -> impl Iterator<Item = (String, String)> {
    text.split("${").skip(1).filter_map(|rest| {
        let (name, _) = rest.split_once('?')?;
        let name = name.strip_suffix(':').unwrap_or(name);
        let is_name = name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        is_name.then(|| (name.to_owned(), "placeholder".to_owned()))
    })
}

fn read(question: &Question, answer: &Answer, files: &FileSet) -> Option<Vec<Finding>> {
    if answer.success {
        return Some(Vec::new());
    }
    let findings: Vec<Finding> = answer
        .errors
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty() && !line.starts_with("time=") && !line.ends_with("errors:"))
        .map(|line| {
            let named = question
                .files
                .iter()
                .find(|file| line.contains(&format!("/{file}")));
            let file = named.or(question.files.first()).map_or("", String::as_str);
            let message = line
                .split_once(&format!("{file}: "))
                .map_or(line, |(_, message)| message);
            match yaml_line(message) {
                Some((number, message)) => Finding {
                    file: file.to_owned(),
                    line: Some(number),
                    message: message.to_owned(),
                },
                None => by_words(file, message, files),
            }
        })
        .collect();
    (!findings.is_empty()).then_some(findings)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_choice_of_few_profiles_is_tried() {
        let names = |number: usize| {
            (0..number)
                .map(|name| format!("p{name}"))
                .collect::<Vec<_>>()
        };
        assert_eq!(choices(&[]), [Vec::<String>::new()]);
        assert_eq!(choices(&names(3)).len(), 8);
        assert_eq!(choices(&names(9)).len(), 11);
    }

    #[test]
    fn what_a_file_cannot_do_without_is_given() {
        let text = "a: ${KEY_WEB:?set it}\nb: ${TAG:-latest}\nc: ${X?}\n";
        let names: Vec<String> = required(text).map(|(name, _)| name).collect();
        assert_eq!(names, ["KEY_WEB", "X"]);
    }
}
