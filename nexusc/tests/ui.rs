//! What the compiler says: one snapshot for each code and for each specimen of a spec with many faults.

use std::collections::BTreeSet;

use nexusc::diagnostic::code::Code;
use nexusc::diagnostic::render::{Format, render, sarif};
use nexusc::{Source, compile};

const PLAIN: Format = Format::Text { colour: false };

/// The TOML examples of a page, in order.
fn examples(page: &str) -> Vec<&str> {
    page.split("```toml\n")
        .skip(1)
        .filter_map(|rest| rest.split("```").next())
        .collect()
}

#[test]
fn each_page_shows_its_code_and_the_way_out() {
    for &code in Code::ALL {
        let page = code.page();
        assert!(
            page.starts_with(&format!("# {code}: {}\n", code.title())),
            "{code}: the page opens with the code and its title"
        );
        if code.is_of_files() {
            continue;
        }
        let [wrong, right] = examples(page)[..] else {
            panic!("{code}: two examples")
        };
        let wrong = Source::new("example.toml", wrong);
        let diagnostics = compile(&wrong).diagnostics;
        let codes: BTreeSet<Code> = diagnostics
            .iter()
            .map(|diagnostic| diagnostic.code)
            .collect();
        assert_eq!(
            codes,
            BTreeSet::from([code]),
            "the wrong example shows its code alone"
        );
        insta::with_settings!({ description => wrong.text.clone(), omit_expression => true }, {
            insta::assert_snapshot!(code.name(), render(&wrong, &diagnostics, PLAIN));
        });
        let right = compile(&Source::new("example.toml", right));
        assert!(
            right.diagnostics.is_empty(),
            "{code}: {:#?}",
            right.diagnostics
        );
    }
}

#[test]
fn every_page_belongs_to_a_code() {
    for entry in std::fs::read_dir("docs/errors").unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let code = name.strip_suffix(".md").and_then(Code::find);
        assert!(code.is_some(), "{name} is the page of no code");
    }
}

#[test]
fn specs_with_many_faults() {
    insta::glob!("ui/*.toml", |path| {
        let text = std::fs::read_to_string(path).unwrap();
        let source = Source::new(path.file_name().unwrap().to_string_lossy(), text);
        let diagnostics = compile(&source).diagnostics;
        insta::with_settings!({ omit_expression => true }, {
            insta::assert_snapshot!(render(&source, &diagnostics, PLAIN));
        });
    });
}

#[test]
fn a_literal_secret_is_never_printed() {
    let text = "edition = 1\n[keys.a]\nsecret = \"hunter2hunter2\"\nmodels = []\n\
                [gateway.cors]\norigins = \"https://u:hunter2hunter2@host\"\n\
                [keys.b]\nsecret = { env = \"hunter2hunter2\" }\nmodels = [\"sk-hunter2hunter2\"]\n\
                [upstreams.a]\nurl = \"https://u:hunter2hunter2@host\"\npassword = \"hunter2hunter2\"\n";
    let source = Source::new("example.toml", text);
    let diagnostics = compile(&source).diagnostics;
    let mut log = sarif::Log::default();
    log.add(&source, &diagnostics, &[]);
    let formats = [PLAIN, Format::Short, Format::Json, Format::Github];
    let reports = formats.map(|format| render(&source, &diagnostics, format));
    for rendered in reports.iter().chain([&log.finish()]) {
        assert!(!rendered.contains("hunter2"), "{rendered}");
    }
}

#[test]
fn json_names_every_span() {
    let source = Source::new(
        "example.toml",
        "edition = 1\n[gateway]\nlistne = 1\ndevelopment = true\n",
    );
    let diagnostics = compile(&source).diagnostics;
    insta::assert_snapshot!("json", render(&source, &diagnostics, Format::Json));
}
