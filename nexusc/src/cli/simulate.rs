//! `nexusc simulate`

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use clap::ValueEnum;
use nexusc::compile;
use nexusc::ir::Topology;
use nexusc::trial::recording::{self, Fault, Recording};
use nexusc::trial::replay::{Part, Replayed, replay};
use serde_json::{Map, Value, json};

use crate::cli::report::{OutputFormat, Reports, count};
use crate::cli::{Failure, Outcome, say};
use crate::fs;

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// The spec
    #[arg(value_name = "SPEC")]
    spec: PathBuf,
    /// Recorded requests, one JSON object a line: the log of a gateway, or lines with `model` and whatever else is
    /// known of `user_id`, `timestamp`, `duration_ms`, `ctx_len`, `input_tokens`, `output_tokens`, `session`,
    /// `prompt` and `max_tokens`
    #[arg(value_name = "REQUESTS")]
    requests: PathBuf,
    /// The spec as it was before: its results are printed beside
    #[arg(long, value_name = "SPEC")]
    against: Option<PathBuf>,
    /// An upstream that takes no connection; may be given several times
    #[arg(long, value_name = "UPSTREAM")]
    down: Vec<String>,
    /// How the result is printed
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    output_format: Format,
}

#[derive(Clone, Copy, Debug, Default, ValueEnum)]
enum Format {
    /// For people: a table
    #[default]
    Text,
    /// One JSON object
    Json,
}

pub(super) fn run(arguments: &Arguments) -> Result<Outcome, Failure> {
    let recording = recording::read(&fs::read_text(&arguments.requests)?);
    let mut topologies = Vec::new();
    let before = arguments.against.iter().map(|path| ("before", path));
    for (name, path) in before.chain([("after", &arguments.spec)]) {
        let Some(topology) = topology(path)? else {
            return Ok(Outcome::Findings);
        };
        topologies.push((name, topology));
    }
    // What is new has not been there before, and what is gone is not there any more.
    let is_unknown = |name: &&String| {
        let mut topologies = topologies.iter();
        topologies.all(|(_, topology)| topology.upstreams.find(name).is_none())
    };
    if let Some(unknown) = arguments.down.iter().find(is_unknown) {
        say(format_args!("error: `--down {unknown}`: no such upstream"))?;
        return Ok(Outcome::Findings);
    }
    let replayed = |(name, topology): (&'static str, Topology)| {
        let down = arguments.down.iter();
        let down: Vec<_> = down
            .filter_map(|name| topology.upstreams.find(name))
            .collect();
        (name, replay(&topology, &recording.requests, &down))
    };
    let results: Vec<_> = topologies.into_iter().map(replayed).collect();
    let file = arguments.requests.display().to_string();
    for fault in &recording.faults {
        let Fault { line, message } = fault;
        say(format_args!("{file}:{line}: error: {message}"))?;
    }
    match arguments.output_format {
        Format::Text => print_text(&file, &recording, &results)?,
        Format::Json => print_json(&recording, &results)?,
    }
    Ok(if recording.faults.is_empty() {
        Outcome::Clean
    } else {
        Outcome::Findings
    })
}

/// What the spec means; `None` where it does not compile, which is reported.
fn topology(path: &Path) -> Result<Option<Topology>, Failure> {
    let spec = fs::read_spec(path)?;
    let compilation = compile(&spec.source);
    if compilation.output.is_none() {
        Reports::new(OutputFormat::Text).add(&spec.source, &compilation)?;
        say(format_args!(
            "{}: {}",
            path.display(),
            count(&compilation.diagnostics)
        ))?;
    }
    Ok(compilation.output.map(|output| output.topology))
}

/// The most rows that are printed of one part: callers and models that are not known may be any number.
const MOST_ROWS: usize = 20;

fn print_text(file: &str, recording: &Recording, results: &[(&str, Replayed)]) -> io::Result<()> {
    let mut output = io::stdout().lock();
    let all = recording.requests.len();
    writeln!(output, "{file}: {all} replayed")?;
    let left_out = [
        (recording.nameless, "no model named"),
        (recording.others, "no request"),
        (recording.faults.len(), "not readable"),
    ];
    for (number, what) in left_out.into_iter().filter(|(number, _)| *number > 0) {
        writeln!(output, "left out: {number}, {what}")?;
    }
    if results.len() > 1 {
        write!(output, "\n{:40}", "")?;
        for (name, _) in results {
            write!(output, "  {name:>18}")?;
        }
        writeln!(output)?;
    }
    for part in Part::ALL {
        let rows = rows(part, results);
        if !rows.is_empty() {
            writeln!(output, "\n{}", part.name())?;
        }
        for (name, numbers) in rows.iter().take(MOST_ROWS) {
            write!(output, "  {name:38}")?;
            for number in numbers {
                let percent = *number as f64 * 100.0 / all.max(1) as f64;
                write!(output, "  {number:>9} {percent:>6.2} %")?;
            }
            writeln!(output)?;
        }
        if rows.len() > MOST_ROWS {
            writeln!(output, "  and {} more", rows.len() - MOST_ROWS)?;
        }
    }
    Ok(())
}

/// What is counted in any of the `results`, with its number in each: the largest first.
fn rows<'r>(part: Part, results: &'r [(&str, Replayed)]) -> Vec<(&'r str, Vec<u64>)> {
    let columns = || results.iter().map(|(_, result)| result.part(part));
    let names: BTreeSet<&str> = columns()
        .flat_map(BTreeMap::keys)
        .map(String::as_str)
        .collect();
    let number = |counts: &BTreeMap<String, u64>, name| counts.get(name).copied().unwrap_or(0);
    let row = |name| (name, columns().map(|counts| number(counts, name)).collect());
    let mut rows: Vec<(&str, Vec<u64>)> = names.into_iter().map(row).collect();
    rows.sort_by_key(|(_, numbers)| Reverse(numbers.iter().sum::<u64>()));
    rows
}

fn print_json(recording: &Recording, results: &[(&str, Replayed)]) -> io::Result<()> {
    let faults = recording.faults.iter();
    let faults = faults.map(|fault| json!({ "line": fault.line, "message": fault.message }));
    let left_out = json!({
        "nameless": recording.nameless,
        "others": recording.others,
        "faults": faults.collect::<Vec<_>>(),
    });
    let mut object = Map::new();
    object.insert("requests".to_owned(), json!(recording.requests.len()));
    object.insert("left_out".to_owned(), left_out);
    for (name, result) in results {
        let parts = Part::ALL.map(|part| (part.name().to_owned(), json!(result.part(part))));
        object.insert((*name).to_owned(), parts.into_iter().collect());
    }
    writeln!(io::stdout(), "{}", Value::Object(object))
}
