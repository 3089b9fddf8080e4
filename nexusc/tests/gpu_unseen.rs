//! Whether the plan's intervals hold for points that nobody has seen: each model family, card and version is left out in
//! turn, the measured constants are fitted again without it, and its points are predicted.
//!
//! Formulas come from the engines' sources and are not fitted. What is: the bytes that drawing a token takes a logit, and
//! what comes up outside PyTorch. `-- --nocapture` prints the figures that README has.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

use std::collections::BTreeMap;

use nexusc::catalogue;
use nexusc::plan::overhead;
use nexusc::plan::points::{Class, Covered, Point, read};
use nexusc::plan::quantisation::{Dtype, KvDtype, Quantisation};
use nexusc::plan::service::{Card, Engine, Generation, Media, Sampler, Service, Vllm};

const POINTS: &str = include_str!("gpu/train.csv");
const GIB: f64 = 1_073_741_824.0;

/// A start of vLLM whose memory for keys and values was logged.
struct Start {
    point: Point,
    kv: Covered,
    cells: BTreeMap<String, String>,
    release: Vllm,
    /// Logits that are drawn from at once.
    logits: f64,
    /// What the plan has outside PyTorch, in GiB.
    non_torch: f64,
    /// How much wider that would be on a card that was never measured, in GiB.
    untried_card: f64,
}

impl Start {
    fn number(&self, column: &str) -> Option<f64> {
        self.cells[column].parse().ok()
    }

    /// How far the peak is off for each logit, where it was logged and drawing makes it.
    fn error_a_logit(&self) -> Option<f64> {
        let pair = self.point.activation?;
        let bytes = match self.release.sampler() {
            Sampler::Sort => 38.4,
            Sampler::Kernel => 14.5,
        };
        let is_drawing = self.logits * bytes > 0.5 * pair.predicted * GIB;
        is_drawing.then(|| (pair.measured - pair.predicted) * GIB / self.logits)
    }

    /// What it was measured with that constants of memory outside PyTorch are told apart by.
    fn cell(&self) -> (Generation, bool, bool) {
        let is_single = self.number("tp") == Some(1.0);
        let is_large = self.number("gpu_total_gib") >= Some(70.0);
        (self.release.generation(), is_single, is_large)
    }

    fn model_family(&self) -> String {
        let key = &self.cells["model_key"];
        key.split('-').next().unwrap_or(key).to_owned()
    }
}

fn starts() -> Vec<Start> {
    let mut reader = csv::Reader::from_reader(POINTS.as_bytes());
    let headers = reader.headers().unwrap().clone();
    let rows = reader.records().map(|row| {
        let row = row.unwrap();
        let named = headers.iter().zip(row.iter());
        named
            .map(|(name, cell)| (name.to_owned(), cell.to_owned()))
            .collect::<BTreeMap<_, _>>()
    });
    rows.zip(read(POINTS).unwrap())
        .filter_map(|(cells, point)| start(cells, point))
        .collect()
}

fn start(cells: BTreeMap<String, String>, point: Point) -> Option<Start> {
    let kv = point.kv.filter(|kv| kv.pair.measured > 0.0)?;
    let number = |column: &str| cells[column].parse::<f64>().ok();
    let minor = cells["engine_version"]
        .split(|c: char| !c.is_ascii_digit())
        .filter(|digits| !digits.is_empty())
        .nth(1)?;
    let release = (cells["engine"] == "vllm").then(|| Vllm {
        minor: minor.parse().unwrap(),
        v1: cells["engine_line"] == "v1",
        sampler: match (cells["sampler"].as_str(), cells["sampler_src"].as_str()) {
            ("flashinfer" | "triton", "logged") => Some(Sampler::Kernel),
            ("native_sort", "logged") => Some(Sampler::Sort),
            _ => None,
        },
    })?;
    let architecture = catalogue::architecture(&cells["model_key"])?;
    let rows = number("max_num_seqs")?.min(number("max_num_batched_tokens")?);
    let logits = rows * architecture.vocabulary as f64;
    let whole = |column: &str, default: u64| number(column).map_or(default, |number| number as u64);
    let service = Service {
        engine: Engine::Vllm(release),
        file_bytes: None,
        dtype: Dtype::Bfloat16,
        quantisation: Quantisation::NONE,
        kv_dtype: KvDtype::AUTO,
        tensor_parallel: whole("tp", 1),
        pipeline_parallel: whole("pp", 1),
        max_len: 1,
        max_seqs: 1,
        batched_tokens: 1,
        memory_fraction: 0.9,
        eager: false,
        lora_rank: 0,
        cpu_offload: 0,
        media: Media::default(),
        architecture,
    };
    let card = Card {
        total: number("gpu_total_gib")? * GIB,
        is_exact: true,
        occupied: 0.0,
        later: 0.0,
        free: None,
        is_hopper: cells["gpu"].contains("H100"),
    };
    let of = |is_hopper| {
        let card = Card { is_hopper, ..card };
        overhead::non_torch(&service, release, &card)
    };
    let non_torch = of(card.is_hopper).bytes / GIB;
    let untried_card = (of(false).doubt - of(card.is_hopper).doubt) / GIB;
    Some(Start {
        point,
        kv,
        cells,
        release,
        logits,
        non_torch,
        untried_card,
    })
}

/// How much wider the interval is because nothing like the start was measured, in GiB: as the plan has it for cards and
/// for versions beyond its data (`plan/overhead.rs`, `plan/estimate.rs`).
fn doubt(start: &Start, others: &[&Start]) -> f64 {
    let is_known = |same: &dyn Fn(&Start) -> bool| others.iter().any(|other| same(other));
    let card = match is_known(&|other| other.cell() == start.cell()) {
        true => 0.0,
        false => start.untried_card,
    };
    let version = match is_known(&|other| other.cell().0 == start.cell().0) {
        true => 0.0,
        false => {
            let peak = start.point.activation.map_or(0.0, |pair| pair.predicted);
            0.3 + 0.15 * peak
        }
    };
    card + version
}

/// The start as it is predicted with constants that the others were fitted with, in GiB more than by those of the plan.
fn shift(start: &Start, others: &[&Start]) -> f64 {
    let sampler = start.release.sampler();
    let a_logit = others
        .iter()
        .filter(|other| other.release.sampler() == sampler)
        .filter_map(|other| other.error_a_logit());
    let drawing = match start.error_a_logit() {
        Some(_) => median(a_logit.collect()).unwrap_or(0.0) * start.logits / GIB,
        None => 0.0,
    };
    let outside = |is_near: &dyn Fn(&Start) -> bool| {
        let near = others.iter().filter(|other| is_near(other));
        let errors =
            near.filter_map(|other| Some(other.number("non_torch_gib")? - other.non_torch));
        median(errors.collect())
    };
    let (_, is_single, is_large) = start.cell();
    // Where nothing like it is left: what the nearest release took on such cards.
    let nearest = || {
        let like = |other: &&&Start| (other.cell().1, other.cell().2) == (is_single, is_large);
        let far = |other: &Start| other.release.minor.abs_diff(start.release.minor);
        let logged = others
            .iter()
            .filter(like)
            .filter(|other| other.number("non_torch_gib").is_some());
        let least = logged.clone().map(|other| far(other)).min()?;
        let near = logged.filter(|other| far(other) == least);
        let figures = near.filter_map(|other| other.number("non_torch_gib"));
        median(figures.collect()).map(|figure| figure - start.non_torch)
    };
    let outside = outside(&|other| other.cell() == start.cell())
        .or_else(nearest)
        .unwrap_or(0.0);
    -(drawing + outside)
}

fn median(mut numbers: Vec<f64>) -> Option<f64> {
    numbers.sort_by(f64::total_cmp);
    let middle = numbers.len() / 2;
    match numbers.len() {
        0 => None,
        odd if odd % 2 == 1 => Some(numbers[middle]),
        _ => Some((numbers[middle - 1] + numbers[middle]) / 2.0),
    }
}

/// What came of leaving out each group in turn.
struct Outcome {
    groups: usize,
    inside: usize,
    /// Errors in percent, sorted.
    errors: Vec<f64>,
    /// Those of text-only models on vLLM 0.7 or later.
    errors_of_text: Vec<f64>,
}

fn leaving_out(starts: &[Start], group: impl Fn(&Start) -> String) -> Outcome {
    let mut groups: BTreeMap<String, Vec<&Start>> = BTreeMap::new();
    for start in starts {
        groups.entry(group(start)).or_default().push(start);
    }
    let (mut inside, mut errors, mut errors_of_text) = (0, Vec::new(), Vec::new());
    for (name, left_out) in &groups {
        let others: Vec<&Start> = starts
            .iter()
            .filter(|start| group(start) != *name)
            .collect();
        for start in left_out {
            let (shift, doubt) = (shift(start, &others), doubt(start, &others));
            let mut kv = start.kv;
            kv.low += shift - doubt;
            kv.high += shift + doubt;
            kv.pair.predicted += shift;
            inside += usize::from(kv.is_inside());
            if !kv.is_inside() {
                println!("  outside: {} {kv:?}", start.point.id);
            }
            errors.push(kv.pair.percent());
            if matches!(start.point.class, Class::Sweep | Class::Text) {
                errors_of_text.push(kv.pair.percent());
            }
        }
    }
    errors.sort_by(f64::total_cmp);
    errors_of_text.sort_by(f64::total_cmp);
    Outcome {
        groups: groups.len(),
        inside,
        errors,
        errors_of_text,
    }
}

#[test]
fn intervals_hold_for_what_they_were_not_fitted_to() {
    let starts = starts();
    assert!(starts.len() >= 50, "{}", starts.len());
    type Group = fn(&Start) -> String;
    let ways: [(&str, Group); 4] = [
        ("point", |start| start.point.id.clone()),
        ("model family", Start::model_family),
        ("card", |start| start.cells["gpu"].clone()),
        ("version", |start| start.release.minor.to_string()),
    ];
    let mut enough = Vec::new();
    for (name, group) in ways {
        let outcome = leaving_out(&starts, group);
        let at = |errors: &[f64], part: f64| errors[(part * (errors.len() - 1) as f64) as usize];
        println!(
            "each {name} left out ({}): {} of {} inside, KV memory off by {:.2} % in the median, {:.1} % in 9 of 10; \
             text-only models on vLLM 0.7 or later {:.2} % and {:.1} %",
            outcome.groups,
            outcome.inside,
            starts.len(),
            at(&outcome.errors, 0.5),
            at(&outcome.errors, 0.9),
            at(&outcome.errors_of_text, 0.5),
            at(&outcome.errors_of_text, 0.9),
        );
        enough.push(outcome.inside * 10 >= starts.len() * 9);
    }
    assert_eq!(enough, [true; 4]);
}
