//! `nexusc verify` with the real tools: each finds the fault in a broken file, and the finding points at the line of
//! the spec that the block comes from. `cargo xtask test artifacts` fetches the tools and puts them on the `PATH`.
#![allow(clippy::unwrap_used, reason = "tests")]

mod samples;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

use end_to_end::{program, target_directory};

use crate::samples::{SAMPLES, Sample};

/// The spec of the samples; `[gateway]` stands in its third line, `[upstreams.a]` in its sixth.
const SPEC: &str = r#"edition = 1

[gateway]
development = true

[upstreams.a]
url = "mock://local"

[models.chat]

[routes.chat]
models = ["chat"]
direct = { upstream = "a" }

[deploy]
artifacts = []
"#;

const UPSTREAM_LINE: usize = 6;

/// A folder of its own for one test, with the spec and these files among its artifacts.
fn folder(test: &str, artifacts: &[(&str, &str)]) -> PathBuf {
    let folder = target_directory().join("tmp/artifacts").join(test);
    let _ = fs::remove_dir_all(&folder);
    write(&folder.join("specs/sample.toml"), SPEC);
    for (path, text) in artifacts {
        write(&folder.join("deploy/sample").join(path), text);
    }
    folder
}

fn write(path: &Path, text: &str) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

fn verify(folder: &Path, arguments: &[&str]) -> Output {
    static NEXUSC: OnceLock<PathBuf> = OnceLock::new();
    let mut nexusc = Command::new(NEXUSC.get_or_init(|| program("nexusc")));
    nexusc
        .arg("verify")
        .args(arguments)
        .arg("specs/sample.toml")
        .current_dir(folder);
    nexusc.output().unwrap()
}

/// What is found in emitted files, a line each: `specs/sample.toml:6:2: error[NX0850]: message`.
fn findings(folder: &Path) -> Vec<String> {
    let output = verify(folder, &["--require", "--output-format", "short"]);
    let errors = String::from_utf8(output.stderr).unwrap();
    assert!(
        !errors.contains("not there"),
        "a tool is missing: run `cargo xtask test artifacts`, which fetches it: {errors}"
    );
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines()
        .filter(|line| line.contains("[NX0850]"))
        .map(str::to_owned)
        .collect()
}

#[test]
fn sound_files_are_taken() {
    // What a sample needs beside it may be a sample itself, and is in full then.
    let beside = SAMPLES
        .iter()
        .flat_map(|sample| sample.beside.iter().copied());
    let samples = SAMPLES.iter().map(|sample| (sample.path, sample.text));
    let folder = folder("sound", &beside.chain(samples).collect::<Vec<_>>());
    assert_eq!(findings(&folder), Vec::<String>::new());
}

#[test]
fn a_broken_file_is_found_by_its_tool_and_led_back_to_the_spec() {
    for (number, sample) in SAMPLES.iter().enumerate() {
        for (from, to, said) in sample.faults {
            let Sample {
                tool,
                path,
                text,
                beside,
                ..
            } = sample;
            assert_eq!(text.matches(from).count(), 1, "{path}: {from}");
            let broken = text.replace(from, to);
            let folder = folder(
                &format!("broken-{number}"),
                &[*beside, &[(path, &broken)]].concat(),
            );
            let findings = findings(&folder);
            let place = format!("specs/sample.toml:{UPSTREAM_LINE}:");
            let message = format!("error[NX0850]: {tool} does not take `deploy/sample/{path}");
            let is_it = |finding: &String| {
                finding.starts_with(&place) && finding.contains(&message) && finding.contains(said)
            };
            assert!(
                findings.iter().any(is_it),
                "{path}: {from} -> {to}: {findings:#?}"
            );
        }
    }
}

#[test]
fn what_is_not_as_the_spec_gives_it_is_told() {
    let folder = folder("stale", &[("prometheus/rules/old.yml", "groups: []\n")]);
    let output = verify(&folder, &["--output-format", "short"]);
    assert_eq!(output.status.code(), Some(1));
    let text = String::from_utf8(output.stdout).unwrap();
    for line in [
        "error[NX0851]: `deploy/sample/.env.sample` is not there",
        "error[NX0851]: `deploy/sample/prometheus/rules/old.yml` does not come from this spec",
    ] {
        assert!(text.contains(line), "{line} in\n{text}");
    }
}

#[test]
fn a_missing_tool_is_told_with_how_to_get_it_and_fails_where_it_is_required() {
    let folder = folder("missing", &[]);
    let nexusc = program("nexusc");
    let run = |arguments: &[&str]| {
        let mut nexusc = Command::new(&nexusc);
        nexusc
            .args(arguments)
            .arg("specs/sample.toml")
            .current_dir(&folder)
            .env("PATH", "");
        nexusc.output().unwrap()
    };
    write(
        &folder.join("specs/sample.toml"),
        &SPEC.replace("[]", "[\"prometheus\"]"),
    );
    assert_eq!(run(&["build"]).status.code(), Some(0));
    let told = run(&["verify"]);
    assert_eq!(told.status.code(), Some(0));
    let told = String::from_utf8(told.stderr).unwrap();
    let line = "  promtool: not there, ";
    assert!(told.contains(line), "{told}");
    let required = run(&["verify", "--require"]);
    assert_eq!(required.status.code(), Some(3));
    let told = String::from_utf8(required.stderr).unwrap();
    assert!(
        told.contains(
            "error: not there, so that not everything could be checked: amtool, promtool"
        ),
        "{told}"
    );
}
