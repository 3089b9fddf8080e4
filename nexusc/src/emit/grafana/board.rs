//! A dashboard out of rows of panels: what is exported is kept and laid out on the grid of 24 columns.

use decide::metric::Metric;

use crate::conventions;
use crate::emit::grafana::json::{
    Annotation, Chosen, Color, Custom, Dashboard, DataSource, Field, FieldConfig, Heading, Item,
    Legend, Link, List, Mapping, Options, Place, Reduce, Shown, Target, Threshold, Thresholds,
    ThresholdsStyle, Time, Tooltip, Variable,
};
use crate::emit::grafana::panel::{Kind, Panel, Row, State};
use crate::emit::grafana::{json, panel};
use crate::emit::promql::{self, Choice, MODELS, UPSTREAMS};
use crate::ir::Topology;
use crate::ir::deploy::Artifact;
use crate::plan::exports::exports;

const COLUMNS: usize = 24;

/// Where everything is asked for.
const PROMETHEUS: DataSource = DataSource {
    kind: "prometheus",
    uid: conventions::PROMETHEUS_SOURCE,
};

/// A dashboard of a topology as JSON; `None` where nothing of it is exported.
pub(super) fn board(topology: &Topology, title: &str, rows: Vec<Row>) -> Option<String> {
    let job = conventions::prometheus_job(&topology.name);
    let rows = exported(rows, &exports(topology));
    if rows.is_empty() {
        return None;
    }
    let tag = conventions::dashboard_tag(&topology.name);
    let has = |artifact| topology.deploy.artifacts.contains(&artifact);
    let firing = Annotation {
        name: "Firing alerts",
        datasource: PROMETHEUS,
        enable: true,
        icon_color: panel::BAD,
        expr: promql::FIRING.to_owned(),
    };
    let is_used = |choice: &Choice| {
        let sign = format!("${}", choice.label);
        let mut panels = rows.iter().flat_map(|row| &row.panels);
        panels.any(|(_, panel)| {
            let mut queries = panel.queries.iter();
            queries.any(|query| query.vector.to_string().contains(&sign))
        })
    };
    let choices = [UPSTREAMS, MODELS].into_iter().filter(is_used);
    let variables = choices.map(|choice| Variable {
        kind: "query",
        name: choice.label,
        datasource: PROMETHEUS,
        query: choice.values(job),
        refresh: 2,
        sort: 1,
        multi: true,
        include_all: true,
        all_value: ".*",
        current: Chosen {
            text: "All",
            value: "$__all",
        },
    });
    let dashboard = Dashboard {
        description: conventions::header(&topology.name),
        uid: conventions::grafana_uid(&topology.name, title),
        title: format!("{} / {title}", topology.name),
        tags: vec!["nexus".to_owned(), tag.clone()],
        schema_version: 39,
        editable: true,
        graph_tooltip: 1,
        refresh: "30s",
        time: Time {
            from: "now-1h",
            to: "now",
        },
        annotations: List {
            list: has(Artifact::Prometheus)
                .then_some(firing)
                .into_iter()
                .collect(),
        },
        templating: List {
            list: variables.collect(),
        },
        links: links(topology, tag),
        panels: laid_out(topology, rows),
    };
    let text = serde_json::to_string_pretty(&dashboard).expect("a dashboard is plain data");
    // The first line of every emitted file says where it comes from.
    Some(format!("{text}\n").replacen("{\n  ", "{ ", 1))
}

/// A row with the panels that it keeps, each with its place among all.
struct Kept {
    place: usize,
    title: &'static str,
    panels: Vec<(usize, Panel)>,
}

/// What is made of metrics that are exported, and nothing that would be empty.
fn exported(rows: Vec<Row>, exports: &[Metric]) -> Vec<Kept> {
    let mut kept = Vec::new();
    for (place, row) in rows.into_iter().enumerate() {
        let mut panels = Vec::new();
        for (place, mut panel) in row.panels.into_iter().enumerate() {
            let is_exported = |metric: &Metric| exports.binary_search(metric).is_ok();
            panel
                .queries
                .retain(|query| query.vector.metrics().iter().all(is_exported));
            if !panel.queries.is_empty() {
                panels.push((place, panel));
            }
        }
        if !panels.is_empty() {
            kept.push(Kept {
                place,
                title: row.title,
                panels,
            });
        }
    }
    kept
}

/// The rows one below the other. An id goes by the place among all panels that there may be, so that it stays what it
/// is when others come and go.
fn laid_out(topology: &Topology, rows: Vec<Kept>) -> Vec<Item> {
    let mut items = Vec::new();
    let mut y = 0;
    for row in rows {
        let id = (row.place + 1) * 100;
        items.push(Item::Heading(Heading {
            kind: "row",
            id,
            title: row.title,
            grid_pos: Place {
                x: 0,
                y,
                w: COLUMNS,
                h: 1,
            },
            collapsed: false,
            panels: [],
        }));
        y += 1;
        for line in row.panels.chunk_by(|a, b| size(a.1.kind) == size(b.1.kind)) {
            let Some((per_line, h)) = line.first().map(|(_, panel)| size(panel.kind)) else {
                continue;
            };
            for line in line.chunks(per_line) {
                let w = COLUMNS / line.len();
                for (index, (place, panel)) in line.iter().enumerate() {
                    let x = index * w;
                    let w = if index + 1 == line.len() {
                        COLUMNS - x
                    } else {
                        w
                    };
                    let at = Place { x, y, w, h };
                    let item = item(topology, panel, id + place + 1, at);
                    items.push(Item::Panel(Box::new(item)));
                }
                y += h;
            }
        }
    }
    items
}

/// How many stand in a line, and how high they are.
fn size(kind: Kind) -> (usize, usize) {
    match kind {
        Kind::Stat => (6, 4),
        Kind::Lines | Kind::Events | Kind::States(_) => (2, 8),
    }
}

fn item(topology: &Topology, panel: &Panel, id: usize, grid_pos: Place) -> json::Panel {
    let logs = panel.logs.and_then(|query| logs(topology, query));
    let targets = panel
        .queries
        .iter()
        .zip('A'..)
        .map(|(query, letter)| Target {
            ref_id: letter.to_string(),
            expr: query.vector.to_string(),
            legend_format: query.legend.clone(),
            editor_mode: "code",
            range: true,
        });
    json::Panel {
        kind: match panel.kind {
            Kind::Stat => "stat",
            Kind::Lines | Kind::Events => "timeseries",
            Kind::States(_) => "state-timeline",
        },
        id,
        title: panel.title,
        description: panel.description,
        grid_pos,
        links: logs.into_iter().collect(),
        datasource: PROMETHEUS,
        targets: targets.collect(),
        field_config: FieldConfig {
            defaults: field(panel),
            overrides: [],
        },
        options: options(panel.kind),
    }
}

fn field(panel: &Panel) -> Field {
    let color = match panel.kind {
        Kind::Stat | Kind::States(_) => "thresholds",
        Kind::Lines | Kind::Events => "palette-classic",
    };
    let mapping = |states: &[State]| Mapping {
        kind: "value",
        options: states
            .iter()
            .enumerate()
            .map(|(index, state)| {
                let State { text, color, .. } = *state;
                (state.value, Shown { text, color, index })
            })
            .collect(),
    };
    Field {
        unit: panel.unit.id(),
        min: panel.min,
        color: Color { mode: color },
        thresholds: thresholds(panel),
        mappings: match panel.kind {
            Kind::States(states) => vec![mapping(states)],
            Kind::Stat | Kind::Lines | Kind::Events => Vec::new(),
        },
        custom: custom(panel),
    }
}

/// Without any of its own a panel would get Grafana's: red from 80 on.
fn thresholds(panel: &Panel) -> Thresholds {
    let first = Threshold {
        color: panel.base,
        value: None,
    };
    let steps = panel.steps.iter().map(|step| Threshold {
        color: step.color,
        value: Some(step.from),
    });
    Thresholds {
        mode: "absolute",
        steps: std::iter::once(first).chain(steps).collect(),
    }
}

fn custom(panel: &Panel) -> Option<Custom> {
    let marks = (!panel.steps.is_empty()).then_some(ThresholdsStyle { mode: "line" });
    match panel.kind {
        Kind::Stat => None,
        Kind::Lines => Some(Custom {
            draw_style: Some("line"),
            line_width: 1,
            fill_opacity: 10,
            show_points: Some("never"),
            thresholds_style: marks,
        }),
        Kind::Events => Some(Custom {
            draw_style: Some("bars"),
            line_width: 1,
            fill_opacity: 80,
            show_points: Some("never"),
            thresholds_style: marks,
        }),
        Kind::States(_) => Some(Custom {
            draw_style: None,
            line_width: 0,
            fill_opacity: 70,
            show_points: None,
            thresholds_style: None,
        }),
    }
}

fn options(kind: Kind) -> Options {
    let legend = |show_legend, calcs| Legend {
        show_legend,
        display_mode: "table",
        placement: "bottom",
        calcs,
    };
    let tooltip = Tooltip {
        mode: "multi",
        sort: "desc",
    };
    match kind {
        Kind::Stat => Options::Stat {
            reduce_options: Reduce {
                calcs: vec!["lastNotNull"],
                fields: "",
                values: false,
            },
            color_mode: "value",
            graph_mode: "area",
            text_mode: "auto",
        },
        Kind::Lines => Options::Lines {
            legend: legend(true, vec!["lastNotNull", "max"]),
            tooltip,
        },
        Kind::Events => Options::Lines {
            legend: legend(true, vec!["sum"]),
            tooltip,
        },
        Kind::States(_) => Options::States {
            show_value: "never",
            merge_values: true,
            row_height: 0.9,
            legend: legend(true, Vec::new()),
            tooltip,
        },
    }
}

/// The links of a dashboard: to the others of the gateway, and to its log.
fn links(topology: &Topology, tag: String) -> Vec<Link> {
    let others = Link {
        title: "Dashboards".to_owned(),
        kind: "dashboards",
        icon: "external link",
        tooltip: "",
        url: String::new(),
        tags: vec![tag],
        as_dropdown: true,
        target_blank: false,
        include_vars: true,
        keep_time: true,
    };
    std::iter::once(others).chain(logs(topology, "")).collect()
}

/// A link to the lines of the log that answer to a query of Kibana, where there is one.
fn logs(topology: &Topology, query: &str) -> Option<Link> {
    let artifacts = &topology.deploy.artifacts;
    artifacts.contains(&Artifact::Logs).then(|| Link {
        title: "Logs in Kibana".to_owned(),
        kind: "link",
        icon: "doc",
        tooltip: "",
        url: conventions::kibana_search(&topology.deploy.grafana.kibana, query),
        tags: Vec::new(),
        as_dropdown: false,
        target_blank: true,
        include_vars: false,
        keep_time: false,
    })
}
