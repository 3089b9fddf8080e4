//! The configuration compiler for LLM serving: one TOML spec becomes a gateway and its deployment.
//!
//! ```text
//! Source --parse--> spec::Spec --resolve--> ir::Topology --plan, check--> (sound) --try--> (tested) --emit--> FileSet
//! ```
//!
//! Every phase reports all that it finds and hands on what it understood, so that one run shows every error
//! of a spec. [`compile`] is pure: no IO, no clock, no environment, no order of hashing. The command line,
//! the tests and a user's own snapshot tests call this one function; writing, checking and diffing are uses
//! of the [`FileSet`] that it returns.

pub mod catalogue;
pub mod check;
pub mod conventions;
pub mod diagnostic;
pub mod diff;
pub mod emit;
pub mod fix;
pub mod import;
pub mod ir;
pub mod key_path;
pub mod lints;
pub mod lower;
mod model_files;
pub mod parse;
pub mod plan;
mod redact;
pub mod resolve;
pub mod schema;
pub mod source;
pub mod spec;
pub mod starter;
mod suggest;
pub mod trial;
mod unit;
pub mod verify;

pub use source::Source;

use diagnostic::{Diagnostic, has_errors};
use emit::FileSet;
use ir::Topology;
use lints::Allowed;

/// What the compiler makes of a spec.
#[derive(Debug)]
pub struct Compilation {
    /// What the spec becomes; `None` where a diagnostic is an error.
    pub output: Option<Output>,
    /// What became of the spec's own tests; `None` where it has errors, so that nothing can be tried.
    pub tests: Option<trial::Report>,
    /// What of its servers fits onto its GPUs, also where it does not; `None` where the file is no spec.
    pub plan: Option<plan::report::Report>,
    /// Everything there is to say about the spec, but for what it allows.
    pub diagnostics: Vec<Diagnostic>,
    /// What it allows, with its reasons.
    pub allowed: Vec<Allowed>,
}

/// What a sound spec becomes.
#[derive(Debug)]
pub struct Output {
    /// What the spec means.
    pub topology: Topology,
    /// The emitted files.
    pub files: FileSet,
}

/// The files that a spec names, relative to its folder: what has to be read before [`compile`], and handed to it
/// with [`Source::with_files`].
pub fn files_of(source: &Source) -> Vec<String> {
    let spec = parse::parse(source).spec;
    let architectures = spec.map(|spec| spec.architectures).unwrap_or_default();
    architectures
        .into_values()
        .flat_map(|model| model.config.into_iter().chain(model.files))
        .collect()
}

/// Compiles a spec.
pub fn compile(source: &Source) -> Compilation {
    let Checked {
        topology,
        plan,
        mut diagnostics,
        allowed,
    } = match checked(source) {
        Ok(checked) => checked,
        Err(diagnostics) => return Compilation::of_no_spec(diagnostics),
    };
    let tests = (!has_errors(&diagnostics)).then(|| trial::run(&topology));
    if let Some(tests) = &tests {
        diagnostics.extend(tests.diagnostics());
    }
    let output = (!has_errors(&diagnostics)).then(|| {
        let files = emit::emit(&topology, &plan);
        Output { topology, files }
    });
    Compilation {
        output,
        tests,
        plan: Some(plan),
        diagnostics,
        allowed,
    }
}

/// What a sound spec means, whether or not its own tests hold; for any other, what there is to say about it.
pub fn topology(source: &Source) -> Result<Topology, Box<Compilation>> {
    match checked(source) {
        Ok(checked) if !has_errors(&checked.diagnostics) => Ok(checked.topology),
        Ok(checked) => Err(Box::new(Compilation {
            output: None,
            tests: None,
            plan: Some(checked.plan),
            diagnostics: checked.diagnostics,
            allowed: checked.allowed,
        })),
        Err(diagnostics) => Err(Box::new(Compilation::of_no_spec(diagnostics))),
    }
}

impl Compilation {
    fn of_no_spec(diagnostics: Vec<Diagnostic>) -> Self {
        Self {
            output: None,
            tests: None,
            plan: None,
            diagnostics,
            allowed: Vec::new(),
        }
    }
}

/// A spec that has been checked, and may have been found wanting.
struct Checked {
    topology: Topology,
    plan: plan::report::Report,
    diagnostics: Vec<Diagnostic>,
    allowed: Vec<Allowed>,
}

/// The phases up to the checks; where the file is no spec, why.
fn checked(source: &Source) -> Result<Checked, Vec<Diagnostic>> {
    let parse::Parsed {
        spec,
        left_out,
        mut diagnostics,
    } = parse::parse(source);
    let Some(spec) = spec else {
        return Err(diagnostics);
    };
    let resolved = resolve::resolve(source, &spec, left_out);
    let resolve::Resolved {
        topology, left_out, ..
    } = resolved;
    diagnostics.extend(resolved.diagnostics);
    let facts = plan::plan(&topology);
    diagnostics.extend(check::check(&topology, &facts, &left_out));
    let plan = plan::report::report(&topology, &facts);
    let (diagnostics, allowed) = lints::apply(&topology.lints, diagnostics);
    Ok(Checked {
        topology,
        plan,
        diagnostics,
        allowed,
    })
}
