//! Whatever is in a spec, the compiler answers: files or findings, never a panic, never silence.

use std::fs;
use std::path::Path;

use nexusc_fuzz::spec_holds;
use proptest::prelude::*;

const BASE: &str = include_str!("diff/base.toml");

fn survives(text: &str) {
    spec_holds(text.as_bytes());
}

/// The base with a piece of one of its lines replaced.
fn damaged() -> impl Strategy<Value = String> {
    let pieces = prop_oneof![
        "\\PC{0,12}",
        Just("[".to_owned()),
        Just("\"".to_owned()),
        Just("= 1".to_owned()),
        Just("é".to_owned()),
        Just("[[upstreams]]".to_owned()),
        Just("{ env = 1979-05-27 }".to_owned()),
        Just("99999999999999999999".to_owned()),
        Just("inf".to_owned()),
        Just("\r\n".to_owned()),
    ];
    (0..BASE.len(), 0..24_usize, pieces).prop_map(|(start, length, piece)| {
        let end = (start + length).min(BASE.len());
        format!("{}{piece}{}", &BASE[..start], &BASE[end..])
    })
}

proptest! {
    #[test]
    fn any_text(text in "\\PC{0,200}") {
        survives(&text);
    }

    #[test]
    fn any_damage_to_a_sound_spec(text in damaged()) {
        survives(&text);
    }

    #[test]
    fn any_value_in_any_field(field in 0..60_usize, value in "[a-z0-9\"'{}=., \\[\\]:/*-]{0,20}") {
        let mut lines: Vec<String> = BASE.lines().map(str::to_owned).collect();
        let index = field % lines.len();
        if let Some((name, _)) = lines[index].clone().split_once(" = ") {
            lines[index] = format!("{name} = {value}");
        }
        survives(&lines.join("\n"));
    }
}

#[test]
fn odd_files() {
    for text in [
        "",
        "\u{feff}edition = 1\n",
        "edition = 1\r\n",
        "\0",
        "a.b.c.d = 1",
        "edition = \"1\"",
    ] {
        survives(text);
    }
}

/// What a fuzzer found once, `cargo test` finds again. What was printed last is the one that breaks the property.
#[test]
fn every_input_of_the_corpus() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus/spec");
    let mut inputs = 0;
    for entry in fs::read_dir(corpus).unwrap() {
        let path = entry.unwrap().path();
        println!("{}", path.display());
        spec_holds(&fs::read(path).unwrap());
        inputs += 1;
    }
    assert!(inputs > 0, "the corpus is empty");
}
