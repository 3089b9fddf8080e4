//! `nexusc simulate`

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use clap::ValueEnum;
use nexusc::compile;
use nexusc::ir::Topology;
use nexusc::trial::recording::{self, Recording};
use nexusc::trial::replay::{Replayed, replay};
use serde_json::{Map, Value, json};

use crate::cli::{Failure, Outcome, OutputFormat, count, report, say};
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
    let before = arguments
        .against
        .as_ref()
        .map(|path| topology(path))
        .transpose()?;
    let Some(after) = topology(&arguments.spec)? else {
        return Ok(Outcome::Findings);
    };
    let before = match before {
        Some(None) => return Ok(Outcome::Findings),
        Some(Some(topology)) => Some(topology),
        None => None,
    };
    let mut results = Vec::new();
    let named = [("before", before.as_ref()), ("after", Some(&after))];
    for (name, topology) in named {
        let Some(topology) = topology else { continue };
        let unknown = |name: &&String| topology.upstreams.find(name).is_none();
        if let Some(unknown) = arguments.down.iter().find(unknown)
            // What is new has not been there before.
            && (name == "after" && before.as_ref().is_none_or(|before| before.upstreams.find(unknown).is_none()))
        {
            say(format_args!("error: `--down {unknown}`: no such upstream"))?;
            return Ok(Outcome::Findings);
        }
        let down: Vec<_> = arguments
            .down
            .iter()
            .filter_map(|name| topology.upstreams.find(name))
            .collect();
        results.push((name, replay(topology, &recording.requests, &down)));
    }
    let file = arguments.requests.display().to_string();
    for fault in &recording.faults {
        say(format_args!(
            "{file}:{}: error: {}",
            fault.line, fault.message
        ))?;
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
        report(&spec.source, &compilation.diagnostics, OutputFormat::Text)?;
        say(format_args!(
            "{}: {}",
            path.display(),
            count(&compilation.diagnostics)
        ))?;
    }
    Ok(compilation.output.map(|output| output.topology))
}

/// The parts of a result, with their titles.
fn parts(result: &Replayed) -> [(&'static str, &BTreeMap<String, u64>); 4] {
    let Replayed {
        upstreams,
        fallbacks,
        refused,
        unanswered,
    } = result;
    [
        ("upstreams", upstreams),
        ("fallbacks", fallbacks),
        ("refused", refused),
        ("unanswered", unanswered),
    ]
}

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
    let rows: Vec<(&str, BTreeSet<&String>)> = (0..4)
        .filter_map(|index| {
            let columns = || {
                results
                    .iter()
                    .filter_map(|(_, result)| parts(result).into_iter().nth(index))
            };
            let (title, _) = columns().next()?;
            Some((
                title,
                columns().flat_map(|(_, counts)| counts.keys()).collect(),
            ))
        })
        .collect();
    let names = rows.iter().flat_map(|(_, names)| names);
    let width = names
        .map(|name| name.chars().count() + 2)
        .max()
        .unwrap_or(0)
        .max(10);
    if results.len() > 1 {
        write!(output, "\n{:width$}", "")?;
        for (name, _) in results {
            write!(output, "  {name:>18}")?;
        }
        writeln!(output)?;
    }
    for (index, (title, names)) in rows.iter().enumerate() {
        if names.is_empty() {
            continue;
        }
        writeln!(output, "\n{title}")?;
        for name in names {
            write!(output, "  {name:rest$}", rest = width - 2)?;
            for (_, result) in results {
                let counts = parts(result).into_iter().nth(index);
                let number = counts
                    .and_then(|(_, counts)| counts.get(*name))
                    .copied()
                    .unwrap_or(0);
                let percent = number as f64 * 100.0 / all.max(1) as f64;
                write!(output, "  {number:>9} {percent:>6.2} %")?;
            }
            writeln!(output)?;
        }
    }
    Ok(())
}

fn print_json(recording: &Recording, results: &[(&str, Replayed)]) -> io::Result<()> {
    let mut object = Map::new();
    object.insert("requests".to_owned(), json!(recording.requests.len()));
    object.insert(
        "left_out".to_owned(),
        json!({
            "nameless": recording.nameless,
            "others": recording.others,
            "faults": recording.faults.iter().map(|fault| json!({ "line": fault.line, "message": fault.message })).collect::<Vec<_>>(),
        }),
    );
    for (name, result) in results {
        let parts = parts(result).map(|(title, counts)| (title.to_owned(), json!(counts)));
        object.insert(
            (*name).to_owned(),
            Value::Object(parts.into_iter().collect()),
        );
    }
    writeln!(io::stdout(), "{}", Value::Object(object))
}
