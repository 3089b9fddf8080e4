//! `cargo xtask bench --profiled`: the dataplane, compiled with a profile of the benchmark's own traffic, as README does
//! it with a user's.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::command::{Error, cargo, is_there, output, program, run, target};

/// Compiles the dataplane of this package, lets `train` put traffic on it, and compiles it with the profile of that.
/// Returns the binary.
pub(crate) fn build(
    package: &str,
    train: impl FnOnce(&Path) -> Result<(), Error>,
) -> Result<PathBuf, Error> {
    let version = output(&mut program("rustc", "-vV"))?;
    let host = version
        .lines()
        .find_map(|line| line.strip_prefix("host: "))
        .unwrap_or_default();
    let merge = merger(host)?;
    let folder = target().join("profiled");
    let (raw, merged) = (folder.join("raw"), folder.join("merged.profdata"));
    // What an earlier run has written there would be merged too.
    if raw.exists() {
        fs::remove_dir_all(&raw).map_err(|cause| Error::Write {
            path: raw.display().to_string(),
            cause,
        })?;
    }
    let compile = |step: &str, flag: String| -> Result<PathBuf, Error> {
        let folder = folder.join(step);
        // With a target, no build script gets the flags.
        let mut build = cargo(&format!(
            "build --release --package {package} --target {host} --target-dir"
        ));
        run(build.arg(&folder).env("RUSTFLAGS", flag))?;
        Ok(folder.join(host).join("release").join(package))
    };
    let trained = compile("trained", format!("-Cprofile-generate={}", raw.display()))?;
    train(&trained)?;
    let mut merge = program(merge, "merge --output");
    run(merge.arg(&merged).arg(&raw))?;
    compile("used", format!("-Cprofile-use={}", merged.display()))
}

/// LLVM's tool that makes one profile of what processes have written: that of the compiler, or the machine's own.
fn merger(host: &str) -> Result<PathBuf, Error> {
    let sysroot = output(Command::new("rustc").args(["--print", "sysroot"]))?;
    let of_compiler = Path::new(sysroot.trim())
        .join("lib/rustlib")
        .join(host)
        .join("bin/llvm-profdata");
    let name = "llvm-profdata";
    if of_compiler.exists() {
        Ok(of_compiler)
    } else if is_there(name) {
        Ok(name.into())
    } else {
        Err(Error::Absent {
            what: format!("`{name}`"),
            help: "`rustup component add llvm-tools` fetches it".to_owned(),
        })
    }
}
