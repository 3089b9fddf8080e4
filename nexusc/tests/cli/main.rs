//! The command line: exit codes, `--check`, `--dry-run`, and what it does with files.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod beginnings;
mod build;
mod diff;
mod findings;
mod fix;
mod plan;
mod trial;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

const SPEC: &str = "edition = 1\n[gateway]\ndevelopment = true\n[upstreams.a]\nurl = \"mock://local\"\n\
                    [models.chat]\n[routes.chat]\nmodels = [\"chat\"]\ndirect = { upstream = \"a\" }\n";

/// A folder of its own for one test, empty at its start.
fn folder(test: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(test);
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(folder.join("specs")).unwrap();
    fs::write(folder.join("specs/mini.toml"), SPEC).unwrap();
    folder
}

fn nexusc(folder: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_nexusc"));
    command
        .args(arguments)
        .current_dir(folder)
        .output()
        .unwrap()
}

fn code(output: &Output) -> i32 {
    output.status.code().unwrap()
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}
