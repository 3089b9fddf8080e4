//! The table of figures, as README has it: a column for each subject, and what the last one is to each of the others.

use crate::subject::Subject;

/// One line of the table: a figure of each subject.
pub(crate) struct Figure {
    what: &'static str,
    unit: &'static str,
    values: Vec<f64>,
}

impl Figure {
    /// What was measured, in which unit, and what came of it for each subject.
    pub(crate) fn new(what: &'static str, unit: &'static str, values: Vec<f64>) -> Self {
        Self { what, unit, values }
    }

    /// The figure of the last subject as a multiple of each other's.
    fn ratios(&self) -> impl Iterator<Item = f64> {
        let (last, others) = self.values.split_last().unwrap_or((&f64::NAN, &[]));
        others.iter().map(move |other| last / other)
    }
}

/// The names of subjects, for the head of a table.
pub(crate) fn names(subjects: &[Subject]) -> Vec<&str> {
    subjects.iter().map(|subject| &*subject.name).collect()
}

/// Prints a table in Markdown.
pub(crate) fn print(names: &[&str], figures: &[Figure]) {
    let others = names.split_last().map_or(&[][..], |(_, others)| others);
    let ratios: Vec<String> = match others {
        [_] => vec!["ratio".to_owned()],
        others => others.iter().map(|name| format!("to {name}")).collect(),
    };
    println!("| | {} | {} |", names.join(" | "), ratios.join(" | "));
    println!("|---|{}", "---:|".repeat(names.len() + ratios.len()));
    for figure in figures {
        let Figure { what, unit, values } = figure;
        let values = values.iter().map(|value| format!("{value:.1} {unit}"));
        let ratios = figure.ratios().map(|ratio| format!("{ratio:.2}"));
        let cells: Vec<String> = values.chain(ratios).collect();
        println!("| {what} | {} |", cells.join(" | "));
    }
}
