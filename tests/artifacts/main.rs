//! `nexusc verify` with the real tools, on what is emitted: each takes it as it is, and finds the fault that is put into it;
//! the finding points at the line of the spec that the block comes from. `cargo xtask test artifacts` fetches the tools
//! and puts them on the `PATH`.
#![allow(clippy::unwrap_used, reason = "tests")]

mod samples;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use end_to_end::{program, target_directory};

use crate::samples::{AWKWARD, Fault, PROXIED, SAMPLES, Sample, Spec};

/// Tools mostly wait for each other's start.
const AT_ONCE: usize = 4;

/// An empty folder of its own for one test, with this spec.
fn folder(test: &str, spec: Spec) -> PathBuf {
    let folder = target_directory().join("tmp/artifacts").join(test);
    let _ = fs::remove_dir_all(&folder);
    write(&folder.join(path_of(spec)), spec.text);
    folder
}

/// One with all that is emitted of the spec.
fn emitted(test: &str, spec: Spec) -> PathBuf {
    let folder = folder(test, spec);
    let output = nexusc(&folder, spec, &["build"]);
    assert!(output.status.success(), "{output:?}");
    folder
}

fn path_of(spec: Spec) -> String {
    format!("specs/{}.toml", spec.name)
}

/// Where a spec's artifacts are.
fn artifacts(folder: &Path, spec: Spec) -> PathBuf {
    folder.join("deploy").join(spec.name)
}

fn write(path: &Path, text: &str) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

/// Copies a file, or a folder with all below it.
fn copy(from: &Path, to: &Path) {
    if from.is_dir() {
        for entry in fs::read_dir(from).unwrap() {
            let entry = entry.unwrap();
            copy(&entry.path(), &to.join(entry.file_name()));
        }
    } else {
        write(to, &fs::read_to_string(from).unwrap());
    }
}

fn nexusc(folder: &Path, spec: Spec, arguments: &[&str]) -> Output {
    static NEXUSC: OnceLock<PathBuf> = OnceLock::new();
    let mut nexusc = Command::new(NEXUSC.get_or_init(|| program("nexusc")));
    nexusc
        .args(arguments)
        .arg(path_of(spec))
        .current_dir(folder);
    nexusc.output().unwrap()
}

/// What is found in emitted files, a line each: `specs/a--b.toml:6:2: error[NX0850]: message`.
fn findings(folder: &Path, spec: Spec) -> Vec<String> {
    let output = nexusc(
        folder,
        spec,
        &["verify", "--require", "--output-format", "short"],
    );
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
fn what_is_emitted_is_taken_by_all_tools() {
    for spec in [AWKWARD, PROXIED] {
        let folder = emitted(&format!("sound-{}", spec.name), spec);
        assert_eq!(findings(&folder, spec), Vec::<String>::new());
    }
}

#[test]
fn a_fault_is_found_by_its_tool_and_led_back_to_the_spec() {
    let whole =
        [AWKWARD, PROXIED].map(|spec| (spec, emitted(&format!("whole-{}", spec.name), spec)));
    let faults: Vec<(&Sample, &Fault)> = SAMPLES
        .iter()
        .flat_map(|sample| sample.faults.iter().map(move |fault| (sample, fault)))
        .collect();
    let next = AtomicUsize::new(0);
    let look = || {
        let mut missed = Vec::new();
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            let Some((sample, fault)) = faults.get(number) else {
                return missed;
            };
            let (_, whole) = whole.iter().find(|(spec, _)| *spec == sample.spec).unwrap();
            missed.extend(miss(&format!("broken-{number}"), whole, sample, fault));
        }
    };
    let missed: Vec<String> = thread::scope(|scope| {
        let looking: Vec<_> = (0..AT_ONCE).map(|_| scope.spawn(look)).collect();
        let missed = looking.into_iter().map(|look| look.join().unwrap());
        missed.flatten().collect()
    });
    assert!(missed.is_empty(), "{}", missed.join("\n"));
}

/// What is found in place of a fault, if that is not found as it should be.
fn miss(test: &str, whole: &Path, sample: &Sample, fault: &Fault) -> Option<String> {
    let Sample {
        tool,
        spec,
        path,
        beside,
        ..
    } = *sample;
    let folder = folder(test, spec);
    let (from, to) = (artifacts(whole, spec), artifacts(&folder, spec));
    for path in beside.iter().chain([&path]) {
        copy(&from.join(path), &to.join(path));
    }
    let text = fs::read_to_string(from.join(path)).unwrap();
    assert!(text.contains(fault.from), "{path} has no\n{}", fault.from);
    write(&to.join(path), &text.replacen(fault.from, fault.to, 1));
    let place = format!("{}:{}:", path_of(spec), line_of(spec, fault.origin));
    let file = format!("deploy/{}/{path}", spec.name);
    let message = format!("error[NX0850]: {tool} does not take `{file}");
    let is_it = |finding: &String| {
        finding.starts_with(&place) && finding.contains(&message) && finding.contains(fault.said)
    };
    let findings = findings(&folder, spec);
    (!findings.iter().any(is_it)).then(|| {
        let wanted = format!("{place} {message} ... {}", fault.said);
        format!(
            "{path}: {:?} -> {:?}: {findings:#?} instead of {wanted}",
            fault.from, fault.to
        )
    })
}

/// The first line, from 1, of a spec that begins so.
fn line_of(spec: Spec, start: &str) -> usize {
    let found = spec.text.lines().position(|line| line.starts_with(start));
    assert!(found.is_some(), "{} has no {start}", spec.name);
    found.unwrap() + 1
}

#[test]
fn what_is_not_as_the_spec_gives_it_is_told() {
    let folder = folder("stale", PROXIED);
    write(
        &artifacts(&folder, PROXIED).join("prometheus/rules/old.yml"),
        "groups: []\n",
    );
    let output = nexusc(&folder, PROXIED, &["verify", "--output-format", "short"]);
    assert_eq!(output.status.code(), Some(1));
    let text = String::from_utf8(output.stdout).unwrap();
    for line in [
        "error[NX0851]: `deploy/proxied/.env.sample` is not there",
        "error[NX0851]: `deploy/proxied/prometheus/rules/old.yml` does not come from this spec",
    ] {
        assert!(text.contains(line), "{line} in\n{text}");
    }
}

#[test]
fn a_missing_tool_is_told_with_how_to_get_it_and_fails_where_it_is_required() {
    let folder = emitted("missing", PROXIED);
    let nexusc = program("nexusc");
    let run = |arguments: &[&str]| {
        let mut nexusc = Command::new(&nexusc);
        nexusc
            .args(arguments)
            .arg(path_of(PROXIED))
            .current_dir(&folder)
            .env("PATH", "");
        nexusc.output().unwrap()
    };
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
            "error: not there, so that not everything could be checked: VRL, docker compose, "
        ),
        "{told}"
    );
}
