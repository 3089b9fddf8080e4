//! The JSON of dashboards, as far as they need it: version 1 of Grafana's schema, which every Grafana since 8 reads.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::Serialize;

/// A dashboard. Its description is its first line.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Dashboard {
    pub(super) description: String,
    pub(super) uid: String,
    pub(super) title: String,
    pub(super) tags: Vec<String>,
    pub(super) schema_version: u32,
    pub(super) editable: bool,
    /// 1: all panels show the time that the pointer is at in one of them.
    pub(super) graph_tooltip: u32,
    pub(super) refresh: &'static str,
    pub(super) time: Time,
    pub(super) annotations: List<Annotation>,
    pub(super) templating: List<Variable>,
    pub(super) links: Vec<Link>,
    pub(super) panels: Vec<Item>,
}

#[derive(Serialize)]
pub(super) struct Time {
    pub(super) from: &'static str,
    pub(super) to: &'static str,
}

#[derive(Serialize)]
pub(super) struct List<T> {
    pub(super) list: Vec<T>,
}

/// Moments that all panels mark.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Annotation {
    pub(super) name: &'static str,
    pub(super) datasource: DataSource,
    pub(super) enable: bool,
    pub(super) icon_color: &'static str,
    pub(super) expr: String,
}

/// What the reader of a dashboard chooses among.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Variable {
    #[serde(rename = "type")]
    pub(super) kind: &'static str,
    pub(super) name: &'static str,
    pub(super) datasource: DataSource,
    pub(super) query: String,
    /// 2: is asked for again when the time is changed.
    pub(super) refresh: u32,
    /// 1: by name.
    pub(super) sort: u32,
    pub(super) multi: bool,
    pub(super) include_all: bool,
    pub(super) all_value: &'static str,
    pub(super) current: Chosen,
}

#[derive(Serialize)]
pub(super) struct Chosen {
    pub(super) text: &'static str,
    pub(super) value: &'static str,
}

/// A link of a dashboard or of a panel.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Link {
    pub(super) title: String,
    #[serde(rename = "type")]
    pub(super) kind: &'static str,
    pub(super) icon: &'static str,
    pub(super) tooltip: &'static str,
    pub(super) url: String,
    pub(super) tags: Vec<String>,
    pub(super) as_dropdown: bool,
    pub(super) target_blank: bool,
    pub(super) include_vars: bool,
    pub(super) keep_time: bool,
}

/// What stands in the grid.
#[derive(Serialize)]
#[serde(untagged)]
pub(super) enum Item {
    Heading(Heading),
    Panel(Box<Panel>),
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Heading {
    #[serde(rename = "type")]
    pub(super) kind: &'static str,
    pub(super) id: usize,
    pub(super) title: &'static str,
    pub(super) grid_pos: Place,
    pub(super) collapsed: bool,
    pub(super) panels: [(); 0],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Panel {
    #[serde(rename = "type")]
    pub(super) kind: &'static str,
    pub(super) id: usize,
    pub(super) title: &'static str,
    pub(super) description: &'static str,
    pub(super) grid_pos: Place,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) links: Vec<Link>,
    pub(super) datasource: DataSource,
    pub(super) targets: Vec<Target>,
    pub(super) field_config: FieldConfig,
    pub(super) options: Options,
}

/// A place in the grid of 24 columns.
#[derive(Clone, Copy, Serialize)]
pub(super) struct Place {
    pub(super) x: usize,
    pub(super) y: usize,
    pub(super) w: usize,
    pub(super) h: usize,
}

#[derive(Clone, Copy, Serialize)]
pub(super) struct DataSource {
    #[serde(rename = "type")]
    pub(super) kind: &'static str,
    pub(super) uid: &'static str,
}

/// A query of a panel.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Target {
    pub(super) ref_id: String,
    pub(super) expr: String,
    pub(super) legend_format: Cow<'static, str>,
    pub(super) editor_mode: &'static str,
    pub(super) range: bool,
}

#[derive(Serialize)]
pub(super) struct FieldConfig {
    pub(super) defaults: Field,
    pub(super) overrides: [(); 0],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Field {
    pub(super) unit: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) min: Option<f64>,
    pub(super) color: Color,
    pub(super) thresholds: Thresholds,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) mappings: Vec<Mapping>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) custom: Option<Custom>,
}

#[derive(Serialize)]
pub(super) struct Color {
    pub(super) mode: &'static str,
}

#[derive(Serialize)]
pub(super) struct Thresholds {
    pub(super) mode: &'static str,
    pub(super) steps: Vec<Threshold>,
}

#[derive(Serialize)]
pub(super) struct Threshold {
    pub(super) color: &'static str,
    /// The first has none: it begins at minus infinity.
    pub(super) value: Option<f64>,
}

/// What values are shown as.
#[derive(Serialize)]
pub(super) struct Mapping {
    #[serde(rename = "type")]
    pub(super) kind: &'static str,
    pub(super) options: BTreeMap<u32, Shown>,
}

#[derive(Serialize)]
pub(super) struct Shown {
    pub(super) text: &'static str,
    pub(super) color: &'static str,
    pub(super) index: usize,
}

/// How lines, columns and bars are drawn.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Custom {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) draw_style: Option<&'static str>,
    pub(super) line_width: u32,
    pub(super) fill_opacity: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) show_points: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) thresholds_style: Option<ThresholdsStyle>,
}

#[derive(Serialize)]
pub(super) struct ThresholdsStyle {
    pub(super) mode: &'static str,
}

/// What each kind of panel has for itself.
#[derive(Serialize)]
#[serde(untagged)]
pub(super) enum Options {
    #[serde(rename_all = "camelCase")]
    Stat {
        reduce_options: Reduce,
        color_mode: &'static str,
        graph_mode: &'static str,
        text_mode: &'static str,
    },
    Lines {
        legend: Legend,
        tooltip: Tooltip,
    },
    #[serde(rename_all = "camelCase")]
    States {
        show_value: &'static str,
        merge_values: bool,
        row_height: f64,
        legend: Legend,
        tooltip: Tooltip,
    },
}

#[derive(Serialize)]
pub(super) struct Reduce {
    pub(super) calcs: Vec<&'static str>,
    pub(super) fields: &'static str,
    pub(super) values: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Legend {
    pub(super) show_legend: bool,
    pub(super) display_mode: &'static str,
    pub(super) placement: &'static str,
    pub(super) calcs: Vec<&'static str>,
}

#[derive(Serialize)]
pub(super) struct Tooltip {
    pub(super) mode: &'static str,
    pub(super) sort: &'static str,
}
