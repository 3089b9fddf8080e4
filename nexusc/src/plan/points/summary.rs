//! What points say together.

use serde::Serialize;

use crate::plan::points::{Class, Covered, Point};
use crate::plan::verdict::Verdict;

/// A line of the summary: how far one figure is off over the points of some classes.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Line {
    /// The figure.
    pub figure: &'static str,
    /// Points.
    pub points: usize,
    /// The middle error.
    pub median: f64,
    /// The error that 9 of 10 are below.
    pub p90: f64,
    /// The largest error.
    pub max: f64,
}

/// What the points say together.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Summary {
    /// Errors, in percent of what was measured.
    pub errors: Vec<Line>,
    /// Of points with KV memory, those inside their interval.
    pub inside: usize,
    /// Points with an interval.
    pub intervals: usize,
    /// The middle width of intervals, in percent of the card: text-only models on known versions.
    pub width: f64,
    /// Points that did not start.
    pub not_started: usize,
    /// Of those, refused or warned of.
    pub foreseen: usize,
    /// Points that started.
    pub started: usize,
    /// Of those, refused.
    pub refused: usize,
}

/// Sums points up.
pub fn summary(points: &[Point]) -> Summary {
    type Of = fn(&Point) -> Option<f64>;
    let weights: Of = |point| point.weights.map(|pair| pair.percent());
    let kv: Of = |point| {
        point
            .kv
            .filter(|kv| kv.pair.measured > 0.0)
            .map(|kv| kv.pair.percent())
    };
    let is_text = |class| matches!(class, Class::Sweep | Class::Text);
    let any = |_| true;
    let is = |wanted: Class| move |class| class == wanted;
    let errors = [
        line(
            "weights, text-only, vLLM 0.7 or later",
            points,
            is_text,
            weights,
        ),
        line(
            "weights, multimodal",
            points,
            is(Class::Multimodal),
            weights,
        ),
        line(
            "KV memory, text-only, vLLM 0.7 or later",
            points,
            is_text,
            kv,
        ),
        line(
            "KV memory, the same without 0.19",
            points,
            is(Class::Text),
            kv,
        ),
        line("KV memory, multimodal", points, is(Class::Multimodal), kv),
        line(
            "KV memory, LoRA, vLLM before 0.7 and others",
            points,
            is(Class::Other),
            kv,
        ),
        line("KV memory, llama.cpp", points, is(Class::LlamaCpp), kv),
        line("KV tokens of measured KV memory", points, any, |point| {
            point.tokens_of_kv.map(|pair| pair.percent())
        }),
        line(
            "KV tokens, vLLM",
            points,
            |class| !is(Class::Sglang)(class),
            |point| point.tokens.map(|pair| pair.percent()),
        ),
        line("KV tokens, SGLang", points, is(Class::Sglang), |point| {
            point.tokens.map(|pair| pair.percent())
        }),
        line("activation", points, any, |point| {
            point.activation.map(|pair| pair.percent())
        }),
        line("CUDA graphs", points, any, |point| {
            point.graphs.map(|pair| pair.percent())
        }),
        line("llama.cpp's compute buffer", points, any, |point| {
            point.compute.map(|pair| pair.percent())
        }),
    ];
    let intervals: Vec<&Covered> = points
        .iter()
        .filter(|point| point.class != Class::LlamaCpp)
        .filter_map(|point| point.kv.as_ref())
        .filter(|kv| kv.pair.measured > 0.0)
        .collect();
    let widths = points
        .iter()
        .filter(|point| is_text(point.class))
        .filter_map(|point| point.kv.map(|kv| kv.width));
    let judged: Vec<(bool, Verdict)> = points
        .iter()
        .filter_map(|point| Some((point.started, point.verdict?)))
        .collect();
    let count =
        |wanted: fn(&(bool, Verdict)) -> bool| judged.iter().filter(|of| wanted(of)).count();
    Summary {
        errors: errors.into_iter().flatten().collect(),
        inside: intervals.iter().filter(|kv| kv.is_inside()).count(),
        intervals: intervals.len(),
        width: quantile(&mut widths.collect::<Vec<_>>(), 0.5),
        not_started: count(|(started, _)| !started),
        foreseen: count(|(started, verdict)| !started && *verdict != Verdict::Fits),
        started: count(|(started, _)| *started),
        refused: count(|(started, verdict)| *started && *verdict == Verdict::DoesNotFit),
    }
}

fn line(
    figure: &'static str,
    points: &[Point],
    counts: impl Fn(Class) -> bool,
    of: impl Fn(&Point) -> Option<f64>,
) -> Option<Line> {
    let mut errors: Vec<f64> = points
        .iter()
        .filter(|point| counts(point.class))
        .filter_map(of)
        .collect();
    let max = errors.iter().copied().reduce(f64::max)?;
    Some(Line {
        figure,
        points: errors.len(),
        median: quantile(&mut errors, 0.5),
        p90: quantile(&mut errors, 0.9),
        max,
    })
}

/// The quantile of some numbers, between the two nearest; not a number where there are none.
fn quantile(numbers: &mut [f64], part: f64) -> f64 {
    numbers.sort_by(f64::total_cmp);
    let place = part * numbers.len().saturating_sub(1) as f64;
    let at = |index: f64| numbers.get(index as usize).copied();
    match (at(place.floor()), at(place.ceil())) {
        (Some(below), Some(above)) => below + (above - below) * place.fract(),
        _ => f64::NAN,
    }
}
