//! The metrics of a dataplane, in Prometheus' text format.

/// What `/metrics` said.
#[derive(Debug)]
pub struct Metrics {
    samples: Vec<(String, f64)>,
    text: String,
}

impl Metrics {
    /// Reads the text format.
    ///
    /// # Panics
    /// When a line is neither a comment nor a sample.
    pub fn parse(text: &str) -> Self {
        let lines = text
            .lines()
            .filter(|line| !line.starts_with('#') && !line.is_empty());
        let samples = lines.map(|line| {
            let sample = line.rsplit_once(' ').and_then(|(name, value)| {
                let value = value.parse().ok()?;
                Some((name.to_owned(), value))
            });
            sample.unwrap_or_else(|| panic!("`{line}` is no sample"))
        });
        Self {
            samples: samples.collect(),
            text: text.to_owned(),
        }
    }

    /// The value of a sample, written as in the text: `name{label="value"}`. Labels may be in any order;
    /// a sample that is not there is 0.
    pub fn value(&self, sample: &str) -> f64 {
        let wanted = parts(sample);
        let found = self.samples.iter().find(|(name, _)| parts(name) == wanted);
        found.map_or(0.0, |(_, value)| *value)
    }

    /// Whether a family of this name is exported, with a type.
    pub fn has_family(&self, name: &str) -> bool {
        self.text
            .lines()
            .any(|line| line.starts_with(&format!("# TYPE {name} ")))
    }

    /// The text itself.
    pub fn text(&self) -> &str {
        &self.text
    }
}

/// A sample's name, and its labels in order. No label of a dataplane contains a comma.
fn parts(sample: &str) -> (&str, Vec<&str>) {
    let (name, labels) = sample.split_once('{').unwrap_or((sample, ""));
    let mut labels: Vec<_> = labels.trim_end_matches('}').split(',').collect();
    labels.sort_unstable();
    (name, labels)
}
