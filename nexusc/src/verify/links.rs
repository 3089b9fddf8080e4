//! Links: what an alert's runbook leads to is a section of the emitted runbooks, and what documents refer to is there.

use std::collections::BTreeSet;

use crate::emit::FileSet;
use crate::verify::{Faults, Own, files_in};

pub(super) static LINKS: Own = Own {
    name: "links",
    files: |files| {
        let documents = files_in(files, "", &[".md"]);
        let rules = files_in(files, "prometheus/rules/", &[".yml"]);
        documents
            .into_iter()
            .chain(rules)
            .map(str::to_owned)
            .collect()
    },
    check: |file, text, files| match file.ends_with(".md") {
        true => of_document(file, text, files),
        false => of_alerts(text, &sections(files.get(RUNBOOKS).unwrap_or_default())),
    },
};

/// Where alerts lead to, wherever people read it.
const RUNBOOKS: &str = "runbooks.md";

/// The names by which links know the sections of a document: those that GitHub and GitLab give to its headings.
fn sections(text: &str) -> BTreeSet<String> {
    let mut is_code = false;
    let mut sections = BTreeSet::new();
    for line in text.lines() {
        if line.trim_start().starts_with("```") {
            is_code = !is_code;
        }
        let title = line.trim_start_matches('#');
        if !is_code && title.len() < line.len() && title.starts_with(' ') {
            let kept = |c: &char| c.is_alphanumeric() || "-_ ".contains(*c);
            let name: String = title.trim().chars().filter(kept).collect();
            sections.insert(name.to_lowercase().replace(' ', "-"));
        }
    }
    sections
}

/// Alerts without a runbook, and with one that has no such section.
fn of_alerts(rules: &str, sections: &BTreeSet<String>) -> Faults {
    let mut faults = Faults::new();
    let mut without = None;
    for (index, line) in rules.lines().enumerate() {
        let line = line.trim_start().trim_start_matches("- ");
        if let Some(alert) = line.strip_prefix("alert: ") {
            faults.extend(without.replace((index + 1, alert)).map(no_runbook));
        } else if let Some(link) = line.strip_prefix("runbook_url: ") {
            without = None;
            let (_, section) = link.trim_matches('"').rsplit_once('#').unwrap_or_default();
            if !sections.contains(section) {
                let message = format!("`{RUNBOOKS}` has no section `#{section}`");
                faults.push((Some(index + 1), message));
            }
        }
    }
    faults.extend(without.map(no_runbook));
    faults
}

fn no_runbook((line, alert): (usize, &str)) -> (Option<usize>, String) {
    (
        Some(line),
        format!("the alert `{alert}` has no `runbook_url`"),
    )
}

/// Links of a document to sections and files that are not there. What is elsewhere is nobody's here.
fn of_document(file: &str, text: &str, files: &FileSet) -> Faults {
    let (folder, _) = file.rsplit_once('/').unwrap_or_default();
    let mut faults = Faults::new();
    for (index, line) in text.lines().enumerate() {
        for (_, rest) in line
            .match_indices("](")
            .map(|(at, link)| line.split_at(at + link.len()))
        {
            let (link, _) = rest.split_once(')').unwrap_or_default();
            if link.contains("://") {
                continue;
            }
            let (path, section) = link.split_once('#').unwrap_or((link, ""));
            let target = match path {
                "" => file.to_owned(),
                path => beside(folder, path),
            };
            let is_there = files
                .get(&target)
                .is_some_and(|text| section.is_empty() || sections(text).contains(section));
            if !is_there {
                faults.push((Some(index + 1), format!("`{link}` leads nowhere")));
            }
        }
    }
    faults
}

/// The path of a file that a document in this folder names.
fn beside(folder: &str, path: &str) -> String {
    let mut steps: Vec<&str> = folder.split('/').filter(|step| !step.is_empty()).collect();
    for step in path.split('/') {
        match step {
            "." => {}
            ".." => drop(steps.pop()),
            step => steps.push(step),
        }
    }
    steps.join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOOK: &str = "# Runbooks of x\n\n## GatewayDown\n\n```sh\n# no title\n```\n\nSee [this](#gatewaydown), \
                        [that](logs/README.md) and [there](https://example.com/#x).\n";

    #[test]
    fn headings_are_sections_and_comments_are_none() {
        let expected = ["gatewaydown", "runbooks-of-x"].map(str::to_owned);
        assert_eq!(sections(BOOK), BTreeSet::from(expected));
    }

    #[test]
    fn an_alert_has_a_runbook_that_is_there() {
        let rules = "- alert: A\n  runbook_url: \"https://x/y.md?a=1#gatewaydown\"\n- alert: B\n  expr: up\n- alert: C\n  \
                     runbook_url: book.md#gone\n- alert: D\n";
        let lines: Vec<_> = of_alerts(rules, &sections(BOOK))
            .into_iter()
            .map(|(line, _)| line)
            .collect();
        assert_eq!(lines, [Some(3), Some(6), Some(7)]);
    }

    #[test]
    fn a_document_leads_to_what_is_there() {
        let mut files = FileSet::default();
        files.add(RUNBOOKS.to_owned(), BOOK.to_owned());
        let lost = of_document(RUNBOOKS, BOOK, &files);
        assert_eq!(
            lost,
            [(Some(9), "`logs/README.md` leads nowhere".to_owned())]
        );
        files.add(
            "logs/README.md".to_owned(),
            "[up](../runbooks.md)".to_owned(),
        );
        for (path, text) in files.iter() {
            assert_eq!(of_document(path, text, &files), [], "{path}");
        }
    }
}
