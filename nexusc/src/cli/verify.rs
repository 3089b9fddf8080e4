//! `nexusc verify`

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use nexusc::diagnostic::code::Code;
use nexusc::diagnostic::{Diagnostic, has_errors};
use nexusc::emit::FileSet;
use nexusc::verify::{self, OWN, Question, TOOLS, Tool};
use nexusc::{Compilation, Source, compile, conventions};

use crate::cli::report::{OutputFormat, Reports, summary};
use crate::cli::{Failed, Failure, Outcome, say};
use crate::fs::{self, SpecFile};
use crate::programs::{self, Commands};

#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// The specs; what lies in `deploy/<spec>/` is checked
    #[arg(required = true, value_name = "SPEC")]
    specs: Vec<PathBuf>,
    /// Fail where a tool is missing, so that something could not be checked
    #[arg(long)]
    require: bool,
    /// How findings are printed
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    output_format: OutputFormat,
}

/// A spec whose artifacts are checked.
struct Subject {
    spec: SpecFile,
    compilation: Compilation,
    files: FileSet,
}

pub(super) fn run(arguments: &Arguments) -> Result<Outcome, Failure> {
    let mut failed = Failed::default();
    let mut subjects = Vec::new();
    for path in &arguments.specs {
        if let Some(spec) = failed.keep(fs::read_spec(path)) {
            subjects.push(Subject::read(spec)?);
        }
    }
    let commands = programs::find(&needed(&subjects));
    let mut outcome = Outcome::Clean;
    let mut missing = BTreeSet::new();
    let mut reports = Reports::new(arguments.output_format);
    for mut subject in subjects {
        let account = subject.check(&commands)?;
        let Subject {
            spec,
            compilation,
            files,
        } = &subject;
        reports.add(&spec.source, compilation)?;
        if arguments.output_format == OutputFormat::Text {
            account.print(files)?;
            say(format_args!(
                "{}: {} files, {}",
                spec.source.path,
                files.len(),
                summary(compilation)
            ))?;
        }
        missing.extend(account.missing.keys());
        if has_errors(&compilation.diagnostics) {
            outcome = Outcome::Findings;
        }
    }
    reports.finish()?;
    if arguments.require && outcome == Outcome::Clean && failed.0.is_empty() && !missing.is_empty()
    {
        let tools = missing.into_iter().collect();
        return Err(Failure::Tools { tools });
    }
    failed.or(outcome)
}

/// The tools that there is something to ask.
fn needed(subjects: &[Subject]) -> Vec<&'static Tool> {
    let asked = |tool: &&Tool| {
        let mut files = subjects.iter().map(|subject| &subject.files);
        files.any(|files| !(tool.questions)(files).is_empty())
    };
    TOOLS.iter().copied().filter(asked).collect()
}

impl Subject {
    /// Compiles a spec, and says which of its artifacts are not what it gives.
    fn read(spec: SpecFile) -> Result<Self, Failure> {
        let name = spec.source.name();
        let mut compilation = compile(&spec.source);
        let files = fs::artifacts(&spec.root, name)?;
        if let Some(output) = &compilation.output {
            let folder = format!("{}/", conventions::deploy_folder(name));
            let changes = fs::changes(&spec.root, name, &output.files)?;
            let stale = changes
                .iter()
                .filter(|change| change.path.starts_with(&folder));
            let stale = stale.map(|change| {
                let message = match (&change.before, &change.after) {
                    (None, _) => format!("`{}` is not there", change.path),
                    (_, None) => format!("`{}` does not come from this spec", change.path),
                    _ => format!("`{}` is not what the spec gives", change.path),
                };
                let help = format!("run `nexusc build {}`", spec.source.path);
                Diagnostic::without_place(Code::NX0851, message).help(help)
            });
            compilation.diagnostics.extend(stale);
        }
        Ok(Self {
            spec,
            compilation,
            files,
        })
    }

    /// Asks whatever is there about the files, and adds what is found to the diagnostics.
    fn check(&mut self, commands: &Commands) -> Result<Account, Failure> {
        let folder = conventions::deploy_folder(self.spec.source.name());
        let root = self.spec.root.join(&folder);
        let mut account = Account::default();
        let mut asked = Vec::new();
        for tool in TOOLS {
            for question in (tool.questions)(&self.files) {
                match commands.get(tool.name) {
                    Some(command) if question.needs().all(|tool| commands.contains_key(tool)) => {
                        asked.push((*tool, *command, question))
                    }
                    _ => account.miss(tool, &question),
                }
            }
        }
        let answers = programs::in_parallel(&asked, |(_, command, question)| {
            programs::ask(command, question, &root, commands)
        });
        let mut findings = BTreeSet::new();
        for ((tool, command, question), answer) in asked.iter().zip(answers) {
            let answer = answer.map_err(|cause| Failure::Run {
                command: command.words.join(" "),
                cause,
            })?;
            account.ask(tool.name, &question.files);
            let found = tool.findings(question, &answer, &self.files);
            findings.extend(found.into_iter().map(|finding| (tool.name, finding)));
        }
        for own in OWN {
            account.ask(own.name, &(own.files)(&self.files));
            let found = own.findings(&self.files);
            findings.extend(found.into_iter().map(|finding| (own.name, finding)));
        }
        let source: &Source = &self.spec.source;
        let diagnostics = findings
            .iter()
            .map(|(tool, finding)| verify::diagnostic(source, &folder, tool, &self.files, finding));
        self.compilation.diagnostics.extend(diagnostics);
        Ok(account)
    }
}

/// Who looked at what.
#[derive(Default)]
struct Account {
    asked: BTreeMap<&'static str, BTreeSet<String>>,
    /// The tools that are not there, how to get each, and what it was to look at.
    missing: BTreeMap<&'static str, (&'static str, BTreeSet<String>)>,
}

impl Account {
    fn ask(&mut self, name: &'static str, files: &[String]) {
        if !files.is_empty() {
            self.asked
                .entry(name)
                .or_default()
                .extend(files.iter().cloned());
        }
    }

    fn miss(&mut self, tool: &'static Tool, question: &Question) {
        let (_, files) = self
            .missing
            .entry(tool.name)
            .or_insert((tool.get, BTreeSet::new()));
        files.extend(question.files.iter().cloned());
    }

    fn print(&self, files: &FileSet) -> Result<(), Failure> {
        let number = |files: &BTreeSet<String>| match files.len() {
            1 => "1 file".to_owned(),
            number => format!("{number} files"),
        };
        for (name, files) in &self.asked {
            say(format_args!("  {name}: {}", number(files)))?;
        }
        for (name, (get, files)) in &self.missing {
            say(format_args!(
                "  {name}: not there, {} not checked by it; {get}",
                number(files)
            ))?;
        }
        let unchecked = verify::unchecked(files);
        if !unchecked.is_empty() {
            say(format_args!("  no tool reads {}", unchecked.join(", ")))?;
        }
        Ok(())
    }
}
