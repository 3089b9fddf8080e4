//! `cloudwatch/dashboard.json`: generations, failures with their threshold, times and tokens, as the body of
//! `aws cloudwatch put-dashboard`.

use decide::metric::{self, Metric};
use serde::Serialize;

use crate::conventions;
use crate::emit::cloudwatch::GATEWAY;
use crate::emit::threshold::threshold;
use crate::ir::Topology;
use crate::ir::alert::Rule;

/// Statuses of requests that have failed; CloudWatch finds no series by a pattern.
const FAILED: [&str; 5] = ["500", "501", "502", "503", "504"];

/// The seconds that one point of a graph is about.
const PERIOD: u32 = 60;

pub(super) fn dashboard(topology: &Topology) -> String {
    let heading = Heading {
        kind: "text",
        x: 0,
        y: 0,
        width: 24,
        height: 2,
        properties: Markdown {
            markdown: format!(
                "# {}\n{}",
                topology.name,
                conventions::header(&topology.name)
            ),
        },
    };
    let heading = serde_json::to_string(&heading).expect("a widget is plain data");
    let widgets = widgets(topology)
        .map(|widget| serde_json::to_string_pretty(&widget).expect("a widget is plain data"));
    // The first line of every emitted file says where it comes from.
    format!(
        "{{ \"widgets\": [ {heading},\n{}\n] }}\n",
        widgets.join(",\n")
    )
}

fn widgets(topology: &Topology) -> [Widget<'_>; 4] {
    let series = |metric: Metric, label, stat| Series::of(topology, metric, label, stat);
    let tokens = |direction, label| {
        let tokens = series(metric::TOKENS, label, "Sum");
        tokens.by("direction", direction)
    };
    let failed = FAILED.map(|status| {
        let failed = series(metric::REQUESTS, status, "Sum").by("status", status);
        failed.hidden(format!("e{status}"))
    });
    let all = series(metric::REQUESTS, "all", "Sum").hidden("all".to_owned());
    let sum = FAILED
        .map(|status| format!("FILL(e{status}, 0)"))
        .join(" + ");
    let part = Series::expression(format!("100 * ({sum}) / all"), "failed");
    let failures = failed.into_iter().chain([all, part]).collect();
    let percent = threshold(topology, Rule::FailureRate).map(|part| part * 100.0);
    [
        widget(topology, (0, 2), "Generations", "requests a minute", None).showing(vec![series(
            metric::REQUESTS,
            "requests",
            "Sum",
        )]),
        widget(topology, (12, 2), "Failure rate", "percent", percent).showing(failures),
        widget(
            topology,
            (0, 8),
            "Generation time",
            "seconds",
            threshold(topology, Rule::AverageLatency),
        )
        .showing(vec![
            series(metric::REQUEST_LATENCY, "to the last byte, mean", "Average"),
            series(metric::FIRST_TOKEN, "to the first token, mean", "Average"),
        ]),
        widget(topology, (12, 8), "Tokens", "tokens a minute", None)
            .showing(vec![tokens("input", "read"), tokens("output", "written")]),
    ]
}

fn widget<'t>(
    topology: &'t Topology,
    (x, y): (u32, u32),
    title: &'static str,
    unit: &'static str,
    threshold: Option<f64>,
) -> Widget<'t> {
    let annotations = threshold.map(|value| Annotations {
        horizontal: [Annotation {
            label: "alert",
            value,
            color: "#d62728",
        }],
    });
    Widget {
        kind: "metric",
        x,
        y,
        width: 12,
        height: 6,
        properties: Properties {
            title,
            view: "timeSeries",
            stacked: false,
            region: &topology.deploy.cloudwatch.region,
            period: PERIOD,
            metrics: Vec::new(),
            y_axis: Axes {
                left: Axis {
                    min: 0,
                    label: unit,
                    show_units: false,
                },
            },
            annotations,
        },
    }
}

impl<'t> Widget<'t> {
    fn showing(mut self, metrics: Vec<Series<'t>>) -> Self {
        self.properties.metrics = metrics;
        self
    }
}

#[derive(Serialize)]
struct Heading {
    #[serde(rename = "type")]
    kind: &'static str,
    x: u32,
    y: u32,
    width: u32,
    height: u32,
    properties: Markdown,
}

#[derive(Serialize)]
struct Markdown {
    markdown: String,
}

#[derive(Serialize)]
struct Widget<'t> {
    #[serde(rename = "type")]
    kind: &'static str,
    x: u32,
    y: u32,
    width: u32,
    height: u32,
    properties: Properties<'t>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Properties<'t> {
    title: &'static str,
    view: &'static str,
    stacked: bool,
    region: &'t str,
    period: u32,
    metrics: Vec<Series<'t>>,
    y_axis: Axes,
    #[serde(skip_serializing_if = "Option::is_none")]
    annotations: Option<Annotations>,
}

#[derive(Serialize)]
struct Axes {
    left: Axis,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Axis {
    min: u32,
    label: &'static str,
    show_units: bool,
}

#[derive(Serialize)]
struct Annotations {
    horizontal: [Annotation; 1],
}

#[derive(Serialize)]
struct Annotation {
    label: &'static str,
    value: f64,
    color: &'static str,
}

/// A line of a graph: a list of the namespace, the metric, its dimensions by name and value, and how it is shown; or a
/// single expression.
#[derive(Serialize)]
struct Series<'t>(Vec<Part<'t>>);

#[derive(Serialize)]
#[serde(untagged)]
enum Part<'t> {
    Word(&'t str),
    Shown(Shown),
}

#[derive(Serialize)]
struct Shown {
    #[serde(skip_serializing_if = "Option::is_none")]
    expression: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    stat: Option<&'static str>,
    label: &'static str,
    visible: bool,
}

impl<'t> Series<'t> {
    /// A metric of the gateway.
    fn of(topology: &'t Topology, metric: Metric, label: &'static str, stat: &'static str) -> Self {
        Self(vec![
            Part::Word(&topology.deploy.cloudwatch.namespace),
            Part::Word(metric.name),
            Part::Word(GATEWAY),
            Part::Word(conventions::prometheus_job(&topology.name)),
            Part::Shown(Shown {
                expression: None,
                id: None,
                stat: Some(stat),
                label,
                visible: true,
            }),
        ])
    }

    /// What is made of others.
    fn expression(expression: String, label: &'static str) -> Self {
        Self(vec![Part::Shown(Shown {
            expression: Some(expression),
            id: None,
            stat: None,
            label,
            visible: true,
        })])
    }

    /// That of this value of a dimension.
    fn by(mut self, dimension: &'static str, value: &'static str) -> Self {
        let end = self.0.len() - 1;
        self.0
            .splice(end..end, [Part::Word(dimension), Part::Word(value)]);
        self
    }

    /// Not shown itself, but known to expressions.
    fn hidden(mut self, name: String) -> Self {
        if let Some(Part::Shown(shown)) = self.0.last_mut() {
            shown.id = Some(name);
            shown.visible = false;
        }
        self
    }
}
