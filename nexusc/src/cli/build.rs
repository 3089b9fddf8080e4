//! `nexusc build`

use std::collections::BTreeSet;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use nexusc::compile;

use crate::cli::report::{OutputFormat, Reports, summary};
use crate::cli::{Failed, Failure, Outcome, say};
use crate::fs::{self, Change};

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// The specs; their output goes to `generated/` and `deploy/` beside the folder `specs`, or into the current
    /// folder where they lie in no such folder
    #[arg(required = true, value_name = "SPEC")]
    specs: Vec<PathBuf>,
    /// Write nothing; print a diff and exit with 1 if what is on disk is not what the specs give
    #[arg(long)]
    check: bool,
    /// Write nothing; print what would change as a diff
    #[arg(long, conflicts_with = "check")]
    dry_run: bool,
    /// How findings are printed
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    output_format: OutputFormat,
}

pub(super) fn run(arguments: &Arguments) -> Result<Outcome, Failure> {
    if let Some([first, second]) = fs::of_one_output(&arguments.specs) {
        return Err(Failure::OneOutput { first, second });
    }
    let mut outcome = Outcome::Clean;
    let mut reports = Reports::new(arguments.output_format);
    let mut failed = Failed::default();
    let mut roots = BTreeSet::new();
    for path in &arguments.specs {
        let Some(spec) = failed.keep(fs::read_spec(path)) else {
            continue;
        };
        let compilation = compile(&spec.source);
        reports.add(&spec.source, &compilation)?;
        let Some(output) = compilation.output else {
            say(format_args!(
                "{}: {}",
                path.display(),
                summary(&compilation)
            ))?;
            outcome = Outcome::Findings;
            continue;
        };
        let changes = fs::changes(&spec.root, spec.source.name(), &output.files);
        let Some(changes) = failed.keep(changes) else {
            continue;
        };
        match apply(arguments, &spec.root, &path.display().to_string(), &changes) {
            Ok(Outcome::Findings) => outcome = Outcome::Findings,
            Ok(_) => {}
            Err(Failure::File(error)) => {
                failed.keep::<()>(Err(error));
            }
            Err(failure) => return Err(failure),
        }
        if spec.is_at_home {
            roots.insert(spec.root);
        }
    }
    reports.finish()?;
    // A folder of output without a spec.
    for root in roots {
        let orphans = fs::orphans(&root)?;
        if !orphans.is_empty()
            && apply(arguments, &root, "output whose spec is gone", &orphans)? == Outcome::Findings
        {
            outcome = Outcome::Findings;
        }
    }
    failed.or(outcome)
}

/// Writes, checks or shows the changes that `what` brings.
fn apply(
    arguments: &Arguments,
    root: &Path,
    what: &str,
    changes: &[Change],
) -> Result<Outcome, Failure> {
    let files = |number: usize| {
        if number == 1 {
            "1 file".to_owned()
        } else {
            format!("{number} files")
        }
    };
    if changes.is_empty() {
        say(format_args!("{what}: up to date"))?;
    } else if arguments.check {
        write!(io::stdout(), "{}", fs::unified_diff(changes))?;
        say(format_args!(
            "{what}: {} not up to date; run `nexusc build`",
            files(changes.len())
        ))?;
        return Ok(Outcome::Findings);
    } else if arguments.dry_run {
        write!(io::stdout(), "{}", fs::unified_diff(changes))?;
        say(format_args!(
            "{what}: {} would change",
            files(changes.len())
        ))?;
    } else {
        fs::write(root, changes)?;
        for change in changes {
            let sign = match (&change.before, &change.after) {
                (None, _) => '+',
                (_, None) => '-',
                _ => '~',
            };
            say(format_args!(
                "  {sign} {}",
                root.join(&change.path).display()
            ))?;
        }
        say(format_args!("{what}: {} written", files(changes.len())))?;
    }
    Ok(Outcome::Clean)
}
