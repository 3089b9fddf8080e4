//! A spec as a git revision has it.

use std::fmt;
use std::path::Path;
use std::process::{Command, Stdio};

use nexusc::Source;

use crate::cli::Failure;
use crate::fs;

/// `REVISION:PATH` as git takes it: the path is relative to the root of the repository, or to the current folder
/// if it begins with `./` or `../`.
pub(super) struct Revision {
    revision: String,
    path: String,
}

impl Revision {
    /// Reads `main:specs/chat.toml`.
    pub(super) fn parse(name: &str) -> Option<Self> {
        let (revision, path) = name.split_once(':')?;
        let complete = !revision.is_empty() && !path.is_empty();
        complete.then(|| Self {
            revision: revision.to_owned(),
            path: path.to_owned(),
        })
    }

    /// The spec as the revision has it.
    pub(super) fn read(&self) -> Result<Source, Failure> {
        let text = git(&["cat-file", "blob", &self.to_string()])?;
        // By its path alone, which the spec has its name from.
        let source = Source::new(self.path.as_str(), text);
        // Of the models that it names, as they are on disk: weights are seldom in a repository.
        let on_disk = self.on_disk()?;
        let beside = Path::new(&on_disk).parent().unwrap_or(Path::new(""));
        Ok(fs::with_files(source, beside))
    }

    /// The same file in the working tree.
    pub(super) fn on_disk(&self) -> Result<String, Failure> {
        if self.path.starts_with("./") || self.path.starts_with("../") {
            return Ok(self.path.clone());
        }
        let to_root = git(&["rev-parse", "--show-cdup"])?;
        Ok(format!("{}{}", to_root.trim_end(), self.path))
    }
}

impl fmt::Display for Revision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.revision, self.path)
    }
}

/// What git prints. What it has against its arguments, it says itself.
fn git(arguments: &[&str]) -> Result<String, Failure> {
    let command = || format!("git {}", arguments.join(" "));
    let mut git = Command::new("git");
    git.args(arguments)
        .stdin(Stdio::null())
        .stderr(Stdio::inherit());
    let output = git.output().map_err(|cause| Failure::Run {
        command: command(),
        cause,
    })?;
    if !output.status.success() {
        return Err(Failure::Build { command: command() });
    }
    String::from_utf8(output.stdout).map_err(|_| Failure::NotText { command: command() })
}
