//! How long the compiler takes as a spec grows: `cargo bench -p nexusc`.
//!
//! Prints the CPU time of the fastest of several runs of all phases (checks, the spec's tests, emission) for each
//! size, and the time per upstream, which should stay level. Fails where the largest takes longer than it may.

use std::fmt::Write;
use std::time::Duration;

use nexusc::{Source, compile};

const RUNS: usize = 5;

/// What a spec of the largest size may take.
const MOST: Duration = Duration::from_secs(1);

fn main() {
    println!(
        "{:>9} {:>7} {:>10} {:>12}",
        "upstreams", "models", "all phases", "per upstream"
    );
    let mut largest = Duration::ZERO;
    for upstreams in [1_250, 2_500, 5_000, 10_000] {
        let source = spec(upstreams, upstreams / 5);
        let fastest = (0..RUNS)
            .map(|_| measure(&source))
            .min()
            .unwrap_or_default();
        println!(
            "{upstreams:>9} {:>7} {:>7} ms {:>9.1} us",
            upstreams / 5,
            fastest.as_millis(),
            fastest.as_secs_f64() * 1e6 / upstreams as f64,
        );
        largest = fastest;
    }
    assert!(largest <= MOST, "10,000 upstreams take {largest:?}");
}

fn measure(source: &Source) -> Duration {
    let start = worked();
    let compilation = compile(source);
    let elapsed = worked() - start;
    assert!(
        compilation.diagnostics.is_empty(),
        "the spec of the benchmark is sound"
    );
    elapsed
}

/// How long this thread has been on a core, as Linux counts it: whatever else runs meanwhile is not measured.
fn worked() -> Duration {
    let counted = std::fs::read_to_string("/proc/thread-self/schedstat");
    let counted = counted.expect("Linux counts the time of threads");
    let nanoseconds = counted
        .split(' ')
        .next()
        .and_then(|first| first.parse().ok());
    Duration::from_nanos(nanoseconds.expect("the first number is nanoseconds"))
}

/// Models with an equal part of the upstreams each, a fallback to the next model, and for every tenth a key and a
/// test.
fn spec(upstreams: usize, models: usize) -> Source {
    let mut text = "edition = 1\n".to_owned();
    for upstream in 0..upstreams {
        let _ = writeln!(
            text,
            "[upstreams.u{upstream}]\nurl = \"http://u{upstream}:8000\"\nmodel = \"m\""
        );
    }
    for model in 0..models {
        let targets: Vec<String> = (model..upstreams)
            .step_by(models)
            .map(|upstream| format!("u{upstream} = 1"))
            .collect();
        let _ = writeln!(text, "[models.m{model}]\naliases = [\"alias-{model}\"]");
        if model + 1 < models {
            let _ = writeln!(text, "fallback = [\"m{}\"]", model + 1);
        }
        let _ = writeln!(text, "[routes.r{model}]\nmodels = [\"m{model}\"]");
        let _ = writeln!(text, "weighted.targets = {{ {} }}", targets.join(", "));
        if model % 10 == 0 {
            let _ = writeln!(
                text,
                "[keys.k{model}]\nsecret = {{ env = \"K{model}\" }}\nmodels = [\"m{model}\"]"
            );
            let _ = writeln!(
                text,
                "[[tests]]\nkey = \"k{model}\"\nmodel = \"alias-{model}\"\ndown = [\"u{model}\"]\n\
                 expect = {{ status = 200, route = \"r{model}\" }}"
            );
        }
    }
    Source::new("specs/large.toml", text)
}
