//! The body of a CloudWatch dashboard, for which there is no validator: its rules as AWS documents them
//! (<https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/CloudWatch-Dashboard-Body-Structure.html>).

use serde_json::Value;

use crate::verify::reading::locate;
use crate::verify::{Own, files_in};

pub(super) static DASHBOARD: Own = Own {
    name: "CloudWatch",
    files: |files| {
        files_in(files, "cloudwatch/", &[".json"])
            .into_iter()
            .map(str::to_owned)
            .collect()
    },
    check: |_, text, _| match serde_json::from_str::<Value>(text) {
        // What is no JSON is found as such.
        Err(_) => Vec::new(),
        Ok(body) => check(&body)
            .into_iter()
            .map(|(place, message)| (locate(text, 1, &place), message))
            .collect(),
    },
};

const TYPES: &[&str] = &["alarm", "custom", "explorer", "log", "metric", "text"];
const COLUMNS: u64 = 24;
const WIDGETS: usize = 500;

/// Faults, each with words that lead to its line.
fn check(body: &Value) -> Vec<(String, String)> {
    let Some(widgets) = body.get("widgets").and_then(Value::as_array) else {
        return vec![(
            String::new(),
            "a dashboard has a list of `widgets`".to_owned(),
        )];
    };
    let mut faults = Vec::new();
    if widgets.len() > WIDGETS {
        let message = format!(
            "a dashboard has at most {WIDGETS} widgets, and this one {}",
            widgets.len()
        );
        faults.push(("widgets".to_owned(), message));
    }
    let mut places = Vec::new();
    for widget in widgets {
        let title = widget
            .pointer("/properties/title")
            .and_then(Value::as_str)
            .unwrap_or_default();
        let mut fault = |message: &str| {
            faults.push((
                format!("widgets `{title}`"),
                format!("widget `{title}`: {message}"),
            ))
        };
        let kind = widget
            .get("type")
            .and_then(Value::as_str)
            .unwrap_or_default();
        if !TYPES.contains(&kind) {
            fault("its type is none that CloudWatch has");
        }
        let number =
            |name: &str, default: u64| widget.get(name).map_or(Some(default), Value::as_u64);
        let place = (
            number("x", 0),
            number("y", 0),
            number("width", 6),
            number("height", 6),
        );
        let (Some(x), Some(y), Some(width), Some(height)) = place else {
            fault("its place is not in whole numbers");
            continue;
        };
        if width == 0 || height == 0 || height > 1000 || x + width > COLUMNS {
            fault("it leaves the grid of 24 columns");
        }
        let overlaps = |&(other_x, other_y, other_width, other_height): &(u64, u64, u64, u64)| {
            x < other_x + other_width
                && other_x < x + width
                && y < other_y + other_height
                && other_y < y + height
        };
        if places.iter().any(overlaps) {
            fault("it lies on another widget");
        }
        places.push((x, y, width, height));
        if kind == "metric" {
            metric(widget, &mut fault);
        }
    }
    faults
}

/// A widget of metrics: a region, and series or the annotation of an alarm.
fn metric(widget: &Value, fault: &mut impl FnMut(&str)) {
    let property = |name: &str| widget.pointer(&format!("/properties/{name}"));
    if property("region").and_then(Value::as_str).is_none() {
        fault("it has no `region`");
    }
    let Some(metrics) = property("metrics") else {
        if property("annotations").is_none() {
            fault("it has no `metrics`");
        }
        return;
    };
    // A namespace, a name and dimensions in pairs, or an expression; an object of settings may end either.
    let is_series = |series: &Value| {
        let Some(words) = series.as_array() else {
            return false;
        };
        let settings = words.last().filter(|last| last.is_object());
        let names = words.len() - usize::from(settings.is_some());
        let is_expression = settings
            .is_some_and(|settings| settings.get("expression").is_some_and(Value::is_string));
        let are_names = words.iter().take(names).all(Value::is_string);
        are_names && (names == 0 && is_expression || names >= 2 && names.is_multiple_of(2))
    };
    if !metrics
        .as_array()
        .is_some_and(|metrics| metrics.iter().all(is_series))
    {
        fault(
            "one of its `metrics` is neither a namespace with a name and dimensions nor an expression",
        );
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn widget(change: impl Fn(&mut Value)) -> Vec<(String, String)> {
        let mut widget = json!({
            "type": "metric", "x": 0, "y": 0, "width": 12, "height": 6,
            "properties": {
                "title": "t", "region": "eu-central-1",
                "metrics": [["Nexus", "requests", "model", "chat", { "stat": "Sum" }], [{ "expression": "m1 / m2" }]],
            },
        });
        change(&mut widget);
        let text = json!({ "type": "text", "x": 12, "y": 0, "width": 12, "height": 6, "properties": { "markdown": "" } });
        check(&json!({ "widgets": [text, widget] }))
    }

    #[test]
    fn a_sound_dashboard_has_no_faults() {
        assert_eq!(widget(|_| {}), []);
    }

    #[test]
    fn each_fault_is_told() {
        let faults = |path: &str, value: Value| {
            widget(|widget| *widget.pointer_mut(path).unwrap() = value.clone()).len()
        };
        assert_eq!(faults("/type", json!("metrics")), 1);
        assert_eq!(faults("/x", json!(6)), 1);
        assert_eq!(faults("/width", json!(25)), 2);
        assert_eq!(faults("/y", json!("0")), 1);
        assert_eq!(faults("/properties/region", json!(null)), 1);
        assert_eq!(faults("/properties/metrics", json!([["Nexus"]])), 1);
        assert_eq!(check(&json!({})).len(), 1);
    }
}
