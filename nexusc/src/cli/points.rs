//! `nexusc plan --points`: how far the plan is from measured starts.

use std::io::{self, Write};

use nexusc::plan::points::Point;
use nexusc::plan::points::summary::{Line, summary};
use nexusc::plan::verdict::Verdict;

/// Prints what the points say together, and those of which something is to be said.
pub(super) fn print(points: &[Point]) -> io::Result<()> {
    let summary = summary(points);
    let mut out = io::stdout().lock();
    writeln!(
        out,
        "{:46} {:>6} {:>9} {:>9} {:>9}",
        "error of", "points", "median", "90 %", "largest"
    )?;
    for Line {
        figure,
        points,
        median,
        p90,
        max,
    } in &summary.errors
    {
        writeln!(
            out,
            "{figure:46} {points:>6} {median:>7.2} % {p90:>7.2} % {max:>7.2} %"
        )?;
    }
    write!(
        out,
        "\nKV memory lies in its interval in {} of {} points",
        summary.inside, summary.intervals
    )?;
    // Not every file has a text-only model.
    if summary.width.is_finite() {
        let width = summary.width;
        write!(
            out,
            "; half of the intervals of text-only models are narrower than {width:.1} % of the card"
        )?;
    }
    writeln!(out, ".")?;
    writeln!(
        out,
        "Of {} servers that did not start, {} were foreseen; of {} that started, {} were refused.",
        summary.not_started, summary.foreseen, summary.started, summary.refused
    )?;
    let remarks: Vec<String> = points.iter().filter_map(remark).collect();
    if !remarks.is_empty() {
        writeln!(out, "\n{}", remarks.join("\n"))?;
    }
    Ok(())
}

/// What is to be said of a point by itself.
fn remark(point: &Point) -> Option<String> {
    let Point {
        id, model, engine, ..
    } = point;
    let what = match (point.started, point.verdict, &point.left_out, &point.kv) {
        (_, _, Some(why), _) => format!("not compared in full: {why}"),
        (true, Some(Verdict::DoesNotFit), _, _) => {
            "started, and would have been refused".to_owned()
        }
        (false, Some(Verdict::Fits), _, _) => {
            "did not start, and would have been let pass".to_owned()
        }
        (_, _, _, Some(kv)) if kv.pair.measured > 0.0 && !kv.is_inside() => format!(
            "KV memory {:.2} GiB outside of {:.2} to {:.2}",
            kv.pair.measured, kv.low, kv.high
        ),
        _ => return None,
    };
    Some(format!("{id} ({model}, {engine}): {what}"))
}
