//! `init` and `import`: a first spec.

use std::fs;

use crate::{code, folder, nexusc, text};

#[test]
fn init_writes_a_spec_that_compiles_and_replaces_nothing() {
    let folder = folder("init");
    let init = [
        "init",
        "specs/first.toml",
        "--upstream",
        "http://localhost:8000/v1",
        "--model",
        "Qwen/Qwen2.5-7B",
    ];
    let first = nexusc(&folder, &init);
    assert_eq!(code(&first), 0, "{}", text(&first.stderr));
    assert!(
        folder.join("specs/nexus.schema.json").exists(),
        "its first line names the schema"
    );
    assert_eq!(code(&nexusc(&folder, &["check", "specs/first.toml"])), 0);
    let again = nexusc(&folder, &["init", "specs/first.toml"]);
    assert_eq!(code(&again), 3);
    assert!(text(&again.stderr).contains("`--force` replaces it"));
    assert!(
        fs::read_to_string(folder.join("specs/first.toml"))
            .unwrap()
            .contains("http://localhost:8000\"")
    );
    assert_eq!(
        code(&nexusc(&folder, &["init", "specs/first.toml", "--force"])),
        0
    );
    assert!(
        fs::read_to_string(folder.join("specs/first.toml"))
            .unwrap()
            .contains("mock://local")
    );
    assert_eq!(
        code(&nexusc(
            &folder,
            &["init", "specs/bad.toml", "--upstream", "nowhere"]
        )),
        1
    );
    assert!(!folder.join("specs/bad.toml").exists());
}

#[test]
fn init_writes_nothing_that_check_refuses() {
    let folder = folder("init_refused");
    for spec in ["specs/test.toml", "specs/My Gateway.toml", "Chat.toml"] {
        let refused = nexusc(&folder, &["init", spec]);
        assert_eq!(code(&refused), 1, "{spec}");
        let said = text(&refused.stderr);
        assert!(said.contains("error[NX0102]"), "{said}");
        assert!(said.contains(&format!("--> {spec}")), "{said}");
        assert!(!folder.join(spec).exists());
    }
    let beside = [
        "init",
        "specs/first.toml",
        "--upstream",
        "http://localhost:8080",
    ];
    let written = nexusc(&folder, &beside);
    assert_eq!(code(&written), 0, "{}", text(&written.stderr));
    assert_eq!(code(&nexusc(&folder, &["check", "specs/first.toml"])), 0);
}

#[test]
fn init_says_what_can_be_run_next() {
    let folder = folder("init_hint");
    fs::create_dir_all(folder.join("it's mine")).unwrap();
    let alone = nexusc(&folder, &["init", "it's mine/chat.toml"]);
    let said = text(&alone.stderr);
    assert!(
        said.contains(r"nexusc check 'it'\''s mine/chat.toml'"),
        "{said}"
    );
    assert!(
        said.contains(r"nexusc build 'it'\''s mine/chat.toml'") && !said.contains("nexusc up"),
        "{said}"
    );
    fs::write(folder.join("Cargo.toml"), "[workspace]\n").unwrap();
    let beside = nexusc(&folder, &["init", "specs/first.toml"]);
    assert!(text(&beside.stderr).ends_with("run it: nexusc up specs/first.toml\n"));
}

#[test]
fn import_prints_a_spec_or_writes_one_that_compiles() {
    let folder = folder("import");
    fs::write(
        folder.join("config.yaml"),
        include_str!("../import/two-regions.yaml"),
    )
    .unwrap();
    let printed = nexusc(&folder, &["import", "config.yaml"]);
    assert_eq!(code(&printed), 0, "{}", text(&printed.stderr));
    assert!(text(&printed.stdout).starts_with("#:schema ./nexus.schema.json\n"));
    assert!(text(&printed.stderr).contains("not carried over"));
    assert_eq!(
        code(&nexusc(
            &folder,
            &["import", "config.yaml", "-o", "specs/chat.toml"]
        )),
        0
    );
    assert_eq!(code(&nexusc(&folder, &["check", "specs/chat.toml"])), 0);
    assert_eq!(
        code(&nexusc(
            &folder,
            &["import", "config.yaml", "-o", "specs/chat.toml"]
        )),
        3
    );
    let wrong = nexusc(&folder, &["import", "config.yaml", "--from", "env"]);
    assert_eq!(code(&wrong), 1);
    assert!(text(&wrong.stderr).starts_with("error: cannot import `config.yaml`: line "));
}
