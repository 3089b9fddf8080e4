//! What a panel shows, without where it stands: queries, their unit, and what is good and what is bad.

use std::borrow::Cow;

use crate::emit::promql::{Over, Series, Vector};

/// Panels under a heading.
pub(super) struct Row {
    pub(super) title: &'static str,
    pub(super) panels: Vec<Panel>,
}

/// A panel.
pub(super) struct Panel {
    pub(super) title: &'static str,
    /// One or two sentences, and the table of the spec that it is about.
    pub(super) description: &'static str,
    pub(super) kind: Kind,
    pub(super) unit: Unit,
    pub(super) queries: Vec<Query>,
    /// Where the scale begins; `None`: at the lowest value.
    pub(super) min: Option<f64>,
    /// The colour below the first step.
    pub(super) base: &'static str,
    /// Where colours change, ascending.
    pub(super) steps: Vec<Step>,
    /// What Kibana is asked for the log lines of the same requests.
    pub(super) logs: Option<&'static str>,
}

/// How values are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// The latest as a large number.
    Stat,
    /// Lines over time.
    Lines,
    /// Columns over time: how often something rare happened.
    Events,
    /// A bar over time for each thing, coloured by the state that it is in.
    States(&'static [State]),
}

/// What a value of a gauge means.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct State {
    pub(super) value: u32,
    pub(super) text: &'static str,
    pub(super) color: &'static str,
}

/// Units, as Grafana names them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unit {
    Number,
    Part,
    RequestsPerSecond,
    TokensPerSecond,
    Seconds,
    Bytes,
    Celsius,
    Watts,
}

/// A query with what its lines are called; labels in double braces.
pub(super) struct Query {
    pub(super) vector: Vector,
    pub(super) legend: Cow<'static, str>,
}

/// From this value on, this colour.
pub(super) struct Step {
    pub(super) from: f64,
    pub(super) color: &'static str,
}

/// Of what is good or bad: up or down, on or off.
pub(super) const GOOD: &str = "green";
pub(super) const WORSE: &str = "orange";
pub(super) const BAD: &str = "red";

/// What health checks say.
pub(super) const HEALTH: &[State] = &[
    State {
        value: 0,
        text: "unhealthy",
        color: BAD,
    },
    State {
        value: 1,
        text: "healthy",
        color: GOOD,
    },
];

/// A large number.
pub(super) fn stat(title: &'static str, unit: Unit, description: &'static str) -> Panel {
    panel(title, Kind::Stat, unit, description)
}

/// Lines over time.
pub(super) fn lines(title: &'static str, unit: Unit, description: &'static str) -> Panel {
    panel(title, Kind::Lines, unit, description)
}

/// How often something rare happened, over time.
pub(super) fn events(title: &'static str, description: &'static str) -> Panel {
    panel(title, Kind::Events, Unit::Number, description)
}

/// States over time.
pub(super) fn states(
    title: &'static str,
    states: &'static [State],
    description: &'static str,
) -> Panel {
    panel(title, Kind::States(states), Unit::Number, description)
}

fn panel(title: &'static str, kind: Kind, unit: Unit, description: &'static str) -> Panel {
    Panel {
        title,
        description,
        kind,
        unit,
        queries: Vec::new(),
        min: matches!(kind, Kind::Lines | Kind::Events).then_some(0.0),
        base: GOOD,
        steps: Vec::new(),
        logs: None,
    }
}

impl Panel {
    /// Asks for this as well.
    pub(super) fn query(mut self, vector: Vector, legend: impl Into<Cow<'static, str>>) -> Self {
        let legend = legend.into();
        self.queries.push(Query { vector, legend });
        self
    }

    /// Asks for the median, for what 95 % and for what 99 % of `times` keep within.
    pub(super) fn percentiles(self, times: &Series) -> Self {
        let part = |part| times.quantile(part, &[], Over::Interval);
        self.query(part(0.5), "p50")
            .query(part(0.95), "p95")
            .query(part(0.99), "p99")
    }

    /// Its scale begins at the lowest value and not at 0.
    pub(super) fn zoomed(self) -> Self {
        Self { min: None, ..self }
    }

    /// Below the first step it is this colour.
    pub(super) fn base(self, color: &'static str) -> Self {
        Self {
            base: color,
            ..self
        }
    }

    /// From this value on it is this colour.
    pub(super) fn step(mut self, from: f64, color: &'static str) -> Self {
        self.steps.push(Step { from, color });
        self
    }

    /// It is bad from this value on, if there is one that an alert goes by.
    pub(super) fn bad_from(self, from: Option<f64>) -> Self {
        match from {
            Some(from) => self.step(from, BAD),
            None => self,
        }
    }

    /// Leads to the log lines that answer to this query of Kibana.
    pub(super) fn logs(self, query: &'static str) -> Self {
        Self {
            logs: Some(query),
            ..self
        }
    }
}

impl Unit {
    /// Grafana's id of it.
    pub(super) fn id(self) -> &'static str {
        match self {
            Self::Number => "short",
            Self::Part => "percentunit",
            Self::RequestsPerSecond => "reqps",
            Self::TokensPerSecond => "suffix: tok/s",
            Self::Seconds => "s",
            Self::Bytes => "bytes",
            Self::Celsius => "celsius",
            Self::Watts => "watt",
        }
    }
}
