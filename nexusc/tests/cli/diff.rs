//! `diff`.

use std::fs;
use std::process::Command;

use crate::trial::{TESTED, tested};
use crate::{SPEC, code, folder, nexusc, text};

#[test]
fn a_breaking_change_exits_with_4_and_a_safe_one_with_0() {
    let folder = folder("diff");
    fs::write(
        folder.join("new.toml"),
        SPEC.replace("[models.chat]", "[models.chat]\naliases = [\"gpt-4o\"]"),
    )
    .unwrap();
    let safe = nexusc(&folder, &["diff", "specs/mini.toml", "new.toml"]);
    assert_eq!(code(&safe), 0, "{}", text(&safe.stderr));
    assert_eq!(
        text(&safe.stdout),
        "specs/mini.toml -> new.toml\nsafe\n  model `gpt-4o`: new, an alias of model `chat`\n1 change: 1 safe\n"
    );
    let breaking = nexusc(
        &folder,
        &["diff", "new.toml", "specs/mini.toml", "--format", "json"],
    );
    assert_eq!(code(&breaking), 4);
    assert!(text(&breaking.stdout).contains("\"breaking\":1"));
    let one = nexusc(&folder, &["diff", "new.toml"]);
    assert_eq!(code(&one), 3);
    assert!(text(&one.stderr).starts_with("error: one spec has nothing to be compared with"));
}

#[test]
fn a_spec_is_compared_with_itself_as_a_git_revision_has_it() {
    let folder = folder("diff_git");
    let git = |arguments: &[&str]| {
        let mut command = Command::new("git");
        command
            .args(["-c", "user.name=n", "-c", "user.email=e@example.com"])
            .args(arguments);
        assert!(
            command
                .current_dir(&folder)
                .output()
                .unwrap()
                .status
                .success(),
            "{arguments:?}"
        );
    };
    git(&["init", "--quiet"]);
    git(&["add", "."]);
    git(&["commit", "--quiet", "--message", "first"]);
    fs::write(
        folder.join("specs/mini.toml"),
        SPEC.replace("mock://local", "mock://fail"),
    )
    .unwrap();
    let changed = "HEAD:specs/mini.toml -> specs/mini.toml\nbreaking\n  upstream `a` (serves `chat`): address: \
                   `mock://local` -> `mock://fail`, which always fails\n1 change: 1 breaking\n";
    assert_eq!(
        text(&nexusc(&folder, &["diff", "HEAD:specs/mini.toml"]).stdout),
        changed
    );
    let below = folder.join("specs");
    let same = nexusc(&below, &["diff", "HEAD:specs/mini.toml"]);
    assert_eq!(text(&same.stdout), changed.replace("> specs", "> ../specs"));
    let none = nexusc(
        &folder,
        &["diff", "HEAD:specs/none.toml", "specs/mini.toml"],
    );
    assert_eq!(code(&none), 3);
    assert!(
        text(&none.stderr).contains("specs/none.toml"),
        "{}",
        text(&none.stderr)
    );
}

#[test]
fn a_spec_whose_own_tests_fail_can_be_compared() {
    let folder = tested("diff_tests");
    fs::write(
        folder.join("new.toml"),
        TESTED.replace("= \"5%\" }", "= \"10%\" }"),
    )
    .unwrap();
    assert_eq!(code(&nexusc(&folder, &["check", "new.toml"])), 1);
    let output = nexusc(&folder, &["diff", "specs/mini.toml", "new.toml"]);
    assert_eq!(code(&output), 0, "{}", text(&output.stderr));
    assert!(text(&output.stdout).contains("5 % -> 10 %"));
}

#[test]
fn a_spec_that_does_not_compile_cannot_be_compared() {
    let folder = folder("diff_errors");
    fs::write(folder.join("new.toml"), "edition = 2\n").unwrap();
    let output = nexusc(&folder, &["diff", "specs/mini.toml", "new.toml"]);
    assert_eq!(code(&output), 1);
    assert!(text(&output.stderr).contains("new.toml: 1 error"));
}
