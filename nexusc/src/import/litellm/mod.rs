//! A LiteLLM proxy's `config.yaml`.
//!
//! Every setting is taken out of the document by whoever understands it; what is left at the end is named in comments.

mod deployment;
mod group;
mod provider;
mod settings;
mod value;

use std::collections::BTreeMap;

use serde_json::Value as Json;

use crate::import::Error;
use crate::import::access::{Key, add_keys};
use crate::import::draft::{Draft, Section, string};
use crate::import::litellm::group::Group;
use crate::import::litellm::settings::Settings;
use crate::import::litellm::value::{Table, left_over};
use crate::import::names::{Names, model_name, not_carried, shown};

/// The spec that says what a configuration says.
pub(super) fn import(text: &str) -> Result<String, Error> {
    let malformed = |why: String| Error::Malformed { line: None, why };
    let document: Json = serde_saphyr::from_str(text).map_err(|error| {
        // Only where and what: the rendered error shows the line, which may hold a key.
        let line = error.location().map(|location| location.line() as usize);
        let why = "this is not YAML that can be read".to_owned();
        Error::Malformed { line, why }
    })?;
    let Json::Object(mut document) = document else {
        return Err(malformed("expected a mapping with `model_list`".to_owned()));
    };
    let mut notes = Vec::new();
    let mut settings = Settings::take(&mut document, &mut notes);
    let groups = groups(&mut document, &mut settings, &mut notes)?;
    let mut draft = Draft::default();
    draft.head.push(
        "Imported from a LiteLLM configuration. Secrets stay where they are: each is read from the variable that is named \
         here."
            .to_owned(),
    );
    add(groups, settings, &mut draft);
    draft.rest.append(&mut notes);
    draft.rest.extend(left_over(&document, ""));
    Ok(draft.text())
}

/// The models, each with the deployments that are called by its name.
fn groups(
    document: &mut Table,
    settings: &mut Settings,
    notes: &mut Vec<String>,
) -> Result<Vec<Group>, Error> {
    let Some(Json::Array(list)) = document.remove("model_list") else {
        return Err(Error::NoModel(vec![
            "`model_list` is missing, or no list".to_owned(),
        ]));
    };
    let mut names = Names::default();
    let mut groups: Vec<Group> = Vec::new();
    let mut lost: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (index, entry) in list.into_iter().enumerate() {
        let place = format!("model_list[{index}]");
        let Json::Object(mut entry) = entry else {
            notes.push(not_carried(&place, "it is no mapping"));
            continue;
        };
        let name = value::take(&mut entry, "model_name", value::text).unwrap_or_default();
        if let Err(why) = model_name(&name) {
            let model = shown(&name);
            notes.push(format!(
                "not carried over: {} ({model}): {why}",
                shown(&place)
            ));
            continue;
        }
        match deployment::read(&name, entry, &mut names) {
            Ok(deployment) => match groups.iter_mut().find(|group| group.name == name) {
                Some(group) => group.deployments.push(deployment),
                None => groups.push(Group::new(name, deployment)),
            },
            Err(why) => {
                let note = format!(
                    "not carried over: {} (a deployment of {}): {why}",
                    shown(&place),
                    shown(&name)
                );
                lost.entry(name).or_default().push(note);
            }
        }
    }
    for (name, lines) in lost {
        match groups.iter_mut().find(|group| group.name == name) {
            Some(group) => group.notes.extend(lines),
            None => notes.extend(lines),
        }
    }
    if groups.is_empty() {
        return Err(Error::NoModel(std::mem::take(notes)));
    }
    group::same_constants_apart(&mut groups, notes);
    settings.resolve(&mut groups, notes);
    Ok(groups)
}

/// Writes everything in the order of a spec.
fn add(groups: Vec<Group>, settings: Settings, draft: &mut Draft) {
    let mut gateway = Section::default();
    gateway.note("The port on which LiteLLM listens by default.");
    gateway.set("listen", string("0.0.0.0:4000"));
    if settings.master_key.is_none() {
        gateway.note("Without `master_key` everybody could ask for everything.");
        gateway.set("development", "true");
    }
    draft.add(&["gateway"], gateway);
    settings.add_timeouts(draft);
    settings.add_breaker(draft);
    let mut limits = Names::default();
    let limited: Vec<Option<String>> = groups
        .iter()
        .map(|group| group.limit().map(|_| limits.unique(&group.name, "model")))
        .collect();
    for (group, limit) in groups.iter().zip(&limited) {
        group.add_model(limit.as_deref(), draft);
    }
    groups
        .iter()
        .flat_map(|group| &group.deployments)
        .for_each(|deployment| deployment.add_to(draft));
    let mut routes = Names::default();
    for group in &groups {
        group.add_route(&routes.unique(&group.name, "route"), &settings, draft);
    }
    for (group, limit) in groups.iter().zip(&limited) {
        if let (Some(section), Some(limit)) = (group.limit(), limit) {
            draft.add(&["limits", limit], section);
        }
    }
    if let Some((variable, notes)) = &settings.master_key {
        let mut key = Key::new("master".to_owned(), variable);
        key.notes.clone_from(notes);
        key.notes.push(
            "It may ask for every model. It does not administer the gateway: a key with `admin = true` would."
                .to_owned(),
        );
        add_keys(draft, vec![key], None);
    }
    settings.add_store(limited.iter().any(Option::is_some), draft);
}
