//! The GPU plan against measured starts: the goals that its error bars and figures have to keep.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use nexusc::plan::points::summary::{Summary, summary};
use nexusc::plan::points::{Point, read};
use nexusc::plan::verdict::Verdict;

fn points() -> Vec<Point> {
    read(include_str!("gpu/train.csv")).unwrap()
}

/// The median and 90th percentile of the error of a figure, in percent.
fn error(summary: &Summary, figure: &str) -> (f64, f64) {
    let line = summary
        .errors
        .iter()
        .find(|line| line.figure == figure)
        .unwrap();
    (line.median, line.p90)
}

fn assert_within((median, p90): (f64, f64), most_median: f64, most_p90: f64) {
    assert!(median <= most_median && p90 <= most_p90, "{median} {p90}");
}

#[test]
fn weights_are_no_further_off_than_promised() {
    let summary = summary(&points());
    assert_within(
        error(&summary, "weights, text-only, vLLM 0.7 or later"),
        0.05,
        0.5,
    );
    assert_within(error(&summary, "weights, multimodal"), 0.5, 1.0);
}

#[test]
fn kv_memory_is_no_further_off_than_promised() {
    let summary = summary(&points());
    assert_within(
        error(&summary, "KV memory, text-only, vLLM 0.7 or later"),
        0.1,
        2.0,
    );
    assert_within(
        error(&summary, "KV memory, the same without 0.19"),
        0.3,
        3.0,
    );
    assert_within(error(&summary, "KV memory, multimodal"), 0.5, 1.0);
}

#[test]
fn tokens_of_measured_memory_are_exact() {
    let points = points();
    let pairs = || {
        let of = |point: &Point| Some((point.id.clone(), point.tokens_of_kv?));
        points.iter().filter_map(of)
    };
    assert!(pairs().count() >= 60);
    for (id, pair) in pairs() {
        assert!(pair.percent() <= 0.1, "{id}: {pair:?}");
    }
}

#[test]
fn intervals_hold_what_was_measured_and_are_narrow() {
    let summary = summary(&points());
    assert!(summary.inside * 10 >= summary.intervals * 9, "{summary:#?}");
    assert!(summary.intervals >= 55);
    assert!(summary.width < 3.0, "{}", summary.width);
}

#[test]
fn nothing_that_ran_is_refused_and_nothing_that_did_not_is_let_pass() {
    let wrong: Vec<String> = points()
        .into_iter()
        .filter(|point| match point.verdict {
            Some(Verdict::DoesNotFit) => point.started,
            Some(Verdict::Fits) => !point.started,
            _ => false,
        })
        .map(|point| point.id)
        .collect();
    assert_eq!(wrong, Vec::<String>::new());
}

#[test]
fn starts_that_nothing_was_fitted_to_are_inside_their_intervals() {
    let points = read(include_str!("gpu/unseen.csv")).unwrap();
    let summary = summary(&points);
    assert!(summary.intervals >= 10, "{}", summary.intervals);
    assert!(summary.inside * 10 >= summary.intervals * 9, "{summary:#?}");
    assert_within(
        error(&summary, "KV memory, text-only, vLLM 0.7 or later"),
        0.3,
        3.0,
    );
    assert_eq!((summary.not_started, summary.foreseen), (2, 2));
    assert_eq!(summary.refused, 0);
}

#[test]
fn points_that_cannot_be_read_are_refused_with_the_place() {
    let text = include_str!("gpu/train.csv");
    let missing = read(&text.replacen("kv_gib", "kv", 1)).unwrap_err();
    assert!(missing.to_string().contains("`kv_gib`"), "{missing}");
    let wrong = read(&text.replacen("29.43", "many", 1)).unwrap_err();
    assert_eq!(
        wrong.to_string(),
        "row `llmd19-02`: `many` in column `weights_gib` is not a number"
    );
}
