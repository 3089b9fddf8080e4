//! What holds for any text that is compiled: the property that the fuzz target, its corpus and the tests of
//! `nexusc/tests/robust.rs` check.

use nexusc::diagnostic::fix::Safety;
use nexusc::diagnostic::has_errors;
use nexusc::diagnostic::render::{Format, render, sarif};
use nexusc::fix::{diff, fix};
use nexusc::source::span_of;
use nexusc::{Compilation, Source, compile};
use proc_macro2::TokenStream;
use toml::de::DeTable;

/// Compiles `text`: there are files or errors, findings point into the text, files are what they claim to be, and
/// once more gives the same.
///
/// # Panics
/// If one of these does not hold.
pub fn spec_holds(text: &[u8]) {
    // What is not UTF-8 is refused where the file is read.
    let Ok(text) = std::str::from_utf8(text) else {
        return;
    };
    let source = Source::new("specs/fuzz.toml", text);
    let compilation = compile(&source);
    assert_eq!(
        compilation.output.is_none(),
        has_errors(&compilation.diagnostics),
        "there is output if and only if there is no error"
    );
    points_into_its_text(&source, &compilation);
    emits_what_can_be_read(&compilation);
    is_the_same_again(&source, &compilation);
    is_reported_to_machines(&source, &compilation);
    is_fixed_without_harm(&source, &compilation);
}

fn points_into_its_text(source: &Source, compilation: &Compilation) {
    let (document, _) = DeTable::parse_recoverable(&source.text);
    for diagnostic in &compilation.diagnostics {
        for label in &diagnostic.labels {
            let span = span_of(&document, &label.place);
            let pointed_at = source.text.get(span.clone());
            assert!(pointed_at.is_some(), "{span:?} of {}", diagnostic.message);
        }
    }
}

fn emits_what_can_be_read(compilation: &Compilation) {
    let files = compilation
        .output
        .iter()
        .flat_map(|output| output.files.iter());
    for (path, text) in files {
        if path.ends_with(".rs") {
            text.parse::<TokenStream>().expect("emitted Rust is Rust");
        } else if path.ends_with(".toml") {
            DeTable::parse(text).expect("emitted TOML is TOML");
        }
    }
}

fn is_the_same_again(source: &Source, compilation: &Compilation) {
    let again = compile(source);
    let files = |compilation: &Compilation| {
        let output = compilation.output.as_ref();
        output.map(|output| output.files.clone())
    };
    assert_eq!(files(compilation), files(&again));
    for format in [Format::Text { colour: true }, Format::Short, Format::Json] {
        assert_eq!(
            render(source, &compilation.diagnostics, format),
            render(source, &again.diagnostics, format)
        );
    }
}

fn is_reported_to_machines(source: &Source, compilation: &Compilation) {
    let annotations = render(source, &compilation.diagnostics, Format::Github);
    assert_eq!(annotations.lines().count(), compilation.diagnostics.len());
    let mut log = sarif::Log::default();
    log.add(source, &compilation.diagnostics, &compilation.allowed);
    log.finish();
}

fn is_fixed_without_harm(source: &Source, compilation: &Compilation) {
    let mut found = compilation.diagnostics.iter();
    if found.all(|diagnostic| diagnostic.fix.is_none()) {
        return;
    }
    let fixed = fix(source, Safety::Unsafe);
    let is_toml = DeTable::parse(&fixed.source.text).is_ok();
    assert_eq!(
        is_toml,
        !fixed.mended.is_empty() || DeTable::parse(&source.text).is_ok()
    );
    diff(source, &fixed.source);
}
