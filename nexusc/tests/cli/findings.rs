//! How findings are told, by exit codes and in formats; `explain`.

use std::fs;

use crate::{SPEC, code, folder, nexusc, text};

#[test]
fn errors_exit_with_1_and_write_nothing() {
    let folder = folder("errors");
    fs::write(
        folder.join("specs/mini.toml"),
        SPEC.replace("\"a\" }", "\"b\" }"),
    )
    .unwrap();
    for arguments in [&["check", "specs/mini.toml"], &["build", "specs/mini.toml"]] {
        let output = nexusc(&folder, arguments);
        assert_eq!(code(&output), 1);
        assert!(text(&output.stderr).contains("error[NX0101]: unknown upstream `b`"));
    }
    assert!(!folder.join("generated").exists());
}

#[test]
fn wrong_arguments_exit_with_2_and_missing_files_with_3() {
    let folder = folder("arguments");
    assert_eq!(code(&nexusc(&folder, &["check"])), 2);
    let missing = nexusc(&folder, &["check", "specs/none.toml"]);
    assert_eq!(code(&missing), 3);
    assert!(text(&missing.stderr).starts_with("error: cannot read `specs/none.toml`"));
}

#[test]
fn machine_formats_go_to_standard_output() {
    let folder = folder("machine_formats");
    fs::write(folder.join("specs/mini.toml"), "edition = 2\n").unwrap();
    let short = nexusc(
        &folder,
        &["check", "--output-format", "short", "specs/mini.toml"],
    );
    assert_eq!(
        text(&short.stdout),
        "specs/mini.toml:1:11: error[NX0005]: unknown edition 2\n"
    );
    let json = nexusc(
        &folder,
        &["check", "--output-format", "json", "specs/mini.toml"],
    );
    assert!(text(&json.stdout).starts_with("{\"code\":\"NX0005\",\"severity\":\"error\""));
}

#[test]
fn several_specs_are_one_sarif_log() {
    let folder = folder("sarif");
    fs::write(folder.join("specs/other.toml"), "edition = 2\n").unwrap();
    fs::write(folder.join("specs/mini.toml"), "edition = 3\n").unwrap();
    let arguments = [
        "check",
        "--output-format",
        "sarif",
        "specs/mini.toml",
        "specs/other.toml",
    ];
    let output = nexusc(&folder, &arguments);
    assert_eq!(code(&output), 1);
    let log: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let uri = "/locations/0/physicalLocation/artifactLocation/uri";
    let results = log["runs"][0]["results"].as_array().unwrap();
    let files: Vec<_> = results
        .iter()
        .filter_map(|result| result.pointer(uri))
        .collect();
    assert_eq!(files, ["specs/mini.toml", "specs/other.toml"]);
}

#[test]
fn what_can_be_read_is_reported_beside_what_cannot() {
    let folder = folder("unread");
    fs::write(folder.join("specs/other.toml"), "edition = 2\n").unwrap();
    for command in ["check", "build", "test", "fix"] {
        let specs = [
            "specs/none.toml",
            "specs/gone.toml",
            "specs/other.toml",
            "specs/mini.toml",
        ];
        let output = nexusc(
            &folder,
            &[&[command, "--output-format", "sarif"][..], &specs].concat(),
        );
        assert_eq!(code(&output), 3, "{command}");
        let log: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(
            log["runs"][0]["results"][0]["ruleId"], "NX0005",
            "{command}"
        );
        let said = text(&output.stderr);
        for spec in ["none", "gone"] {
            assert!(
                said.contains(&format!("error: cannot read `specs/{spec}.toml`")),
                "{said}"
            );
        }
    }
    assert!(folder.join("generated/mini").exists());
}

#[test]
fn what_is_no_text_is_a_finding_with_its_place() {
    let folder = folder("no_text");
    fs::write(folder.join("specs/mini.toml"), b"edition = 1\n# caf\xe9\n").unwrap();
    let output = nexusc(
        &folder,
        &["check", "--output-format", "short", "specs/mini.toml"],
    );
    assert_eq!(code(&output), 1);
    assert_eq!(
        text(&output.stdout),
        "specs/mini.toml:2:6: error[NX0001]: byte 17 is not UTF-8 text\n"
    );
    let fixed = nexusc(&folder, &["fix", "--unsafe", "specs/mini.toml"]);
    assert_eq!(code(&fixed), 1);
    assert_eq!(
        fs::read(folder.join("specs/mini.toml")).unwrap(),
        b"edition = 1\n# caf\xe9\n"
    );
}

#[test]
fn explain_prints_pages_and_lists_codes() {
    let folder = folder("explain");
    let page = nexusc(&folder, &["explain", "nx0101"]);
    assert!(text(&page.stdout).starts_with("# NX0101: "));
    assert!(text(&nexusc(&folder, &["explain"]).stdout).starts_with("NX0001  error"));
    assert_eq!(code(&nexusc(&folder, &["explain", "NX9999"])), 1);
}
