//! `fix`.

use std::fs;

use crate::{SPEC, code, folder, nexusc, text};

#[test]
fn fix_mends_the_file_and_says_what_is_left() {
    let folder = folder("fix_mends");
    let spec = folder.join("specs/mini.toml");
    let wrong = SPEC.replace("development", "developement") + "# the end\n";
    fs::write(&spec, &wrong).unwrap();
    let dry = nexusc(&folder, &["fix", "--dry-run", "specs/mini.toml"]);
    assert_eq!(code(&dry), 0);
    assert!(text(&dry.stdout).contains("+development = true"));
    assert_eq!(fs::read_to_string(&spec).unwrap(), wrong);
    let fixed = nexusc(&folder, &["fix", "specs/mini.toml"]);
    assert_eq!(
        text(&fixed.stderr),
        "specs/mini.toml: 1 fixed, left: no findings\n"
    );
    let mended = fs::read_to_string(&spec).unwrap();
    assert_eq!(mended, SPEC.to_owned() + "# the end\n");
    let files = fs::read_dir(folder.join("specs")).unwrap().count();
    assert_eq!(files, 1, "nothing is left beside the spec");
}

#[test]
fn a_guess_is_left_to_unsafe() {
    let folder = folder("fix_unsafe");
    let spec = folder.join("specs/mini.toml");
    let wrong = SPEC.replace("[\"chat\"]", "[\"chta\"]");
    fs::write(&spec, &wrong).unwrap();
    let safe = nexusc(&folder, &["fix", "specs/mini.toml"]);
    assert_eq!(code(&safe), 1);
    assert!(text(&safe.stderr).contains("unknown model `chta`"));
    assert_eq!(fs::read_to_string(&spec).unwrap(), wrong);
    let check = nexusc(&folder, &["check", "specs/mini.toml"]);
    assert!(text(&check.stderr).ends_with("; `nexusc fix --unsafe` mends 1\n"));
    let guessed = nexusc(&folder, &["fix", "--unsafe", "specs/mini.toml"]);
    assert_eq!(code(&guessed), 0, "{}", text(&guessed.stderr));
    assert_eq!(fs::read_to_string(&spec).unwrap(), SPEC);
}
