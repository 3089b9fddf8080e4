//! Running other programs from the root of the workspace.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, io};

/// Why a task failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error("cannot run `{program}`: {cause}")]
    Start { program: String, cause: io::Error },
    #[error("`{program}` failed")]
    Failed { program: String },
    #[error("cannot read `{path}`: {cause}")]
    Read { path: String, cause: io::Error },
    #[error("cannot write `{path}`: {cause}")]
    Write { path: String, cause: io::Error },
    #[error("`{path}` is not what `{program}` says: run `cargo xtask build-spec`")]
    Stale { path: String, program: String },
    #[error("`{dataplane}` links `{package}`, which nothing in its spec needs")]
    Linked { dataplane: String, package: String },
    #[error("a folder of tools cannot stand in `PATH`: {cause}")]
    SearchPath { cause: env::JoinPathsError },
    #[error("this machine's apt has no source of packages: see `apt-get indextargets`")]
    NoMirror,
    #[error("{what} is not there: {help}")]
    Absent { what: String, help: String },
    #[error(
        "`{path}` has no tag of `{image}` to set: add to its `images`\n  - name: \"{image}\"\n    newTag: latest"
    )]
    Untagged { path: String, image: String },
    #[error("{failed} of {all} steps failed: {names}")]
    Steps {
        failed: usize,
        all: usize,
        names: String,
    },
}

/// The root of the workspace.
pub(crate) fn root() -> PathBuf {
    let xtask = Path::new(env!("CARGO_MANIFEST_DIR"));
    xtask.parent().unwrap_or(xtask).to_owned()
}

/// Where cargo builds, when it is started in the root of the workspace.
pub(crate) fn target() -> PathBuf {
    root().join(env::var_os("CARGO_TARGET_DIR").unwrap_or_else(|| "target".into()))
}

/// `cargo` with these words.
///
/// It is not told of the package that this runs for: build scripts that look there (`ring`) would run again, and all that
/// links their crates be built again, whenever another package asks.
pub(crate) fn cargo(words: &str) -> Command {
    let cargo = env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo"));
    let mut command = program(cargo, words);
    for (name, _) in env::vars_os() {
        let text = name.to_string_lossy();
        if text.starts_with("CARGO_PKG_") || text.starts_with("CARGO_MANIFEST_") {
            command.env_remove(&name);
        }
    }
    command
}

/// A program with these words, in the root of the workspace.
pub(crate) fn program(name: impl Into<OsString>, words: &str) -> Command {
    let mut command = Command::new(name.into());
    command.args(words.split_whitespace()).current_dir(root());
    command
}

/// Whether this program can be run.
pub(crate) fn is_there(name: &str) -> bool {
    let version = program(name, "--version").output();
    version.is_ok_and(|output| output.status.success())
}

/// Runs a command to its end; what it prints is shown.
pub(crate) fn run(command: &mut Command) -> Result<(), Error> {
    let program = shown(command);
    match command.status() {
        Err(cause) => Err(Error::Start { program, cause }),
        Ok(status) if status.success() => Ok(()),
        Ok(_) => Err(Error::Failed { program }),
    }
}

/// Runs a command to its end and returns what it prints.
pub(crate) fn output(command: &mut Command) -> Result<String, Error> {
    let program = shown(command);
    match command.output() {
        Err(cause) => Err(Error::Start { program, cause }),
        Ok(output) if output.status.success() => {
            Ok(String::from_utf8_lossy(&output.stdout).into_owned())
        }
        Ok(output) => {
            eprint!("{}", String::from_utf8_lossy(&output.stderr));
            Err(Error::Failed { program })
        }
    }
}

/// A command as it can be typed.
pub(crate) fn shown(command: &Command) -> String {
    let name = Path::new(command.get_program())
        .file_name()
        .unwrap_or_default();
    let words = std::iter::once(name).chain(command.get_args());
    words
        .map(|word| word.to_string_lossy())
        .collect::<Vec<_>>()
        .join(" ")
}
