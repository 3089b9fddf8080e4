//! `nexusc fix`: what is mended, what only with `--unsafe`, and that the rest of a spec stays as it was written.

use std::collections::BTreeSet;

use nexusc::diagnostic::code::Code;
use nexusc::diagnostic::fix::Safety;
use nexusc::diagnostic::render::{Format, render};
use nexusc::fix::{diff, fix};
use nexusc::{Source, compile};

/// What becomes of a spec: the diff, and what is left to say.
fn story(source: &Source, most: Safety) -> String {
    let fixed = fix(source, most);
    let left = render(&fixed.source, &fixed.left.diagnostics, Format::Short);
    format!("{}\n{left}", diff(source, &fixed.source))
}

#[test]
fn comments_and_layout_stay() {
    let source = Source::new("comments.toml", include_str!("fix/comments.toml"));
    insta::assert_snapshot!("comments", story(&source, Safety::Safe));
}

#[test]
fn guesses_are_made_with_unsafe_alone() {
    let source = Source::new("guesses.toml", include_str!("fix/guesses.toml"));
    assert!(fix(&source, Safety::Safe).mended.is_empty());
    insta::assert_snapshot!("guesses", story(&source, Safety::Unsafe));
}

#[test]
fn a_second_fix_finds_nothing_to_do() {
    for text in [
        include_str!("fix/comments.toml"),
        include_str!("fix/guesses.toml"),
        include_str!("ui/small-slips.toml"),
    ] {
        let once = fix(&Source::new("spec.toml", text), Safety::Unsafe);
        let twice = fix(&once.source, Safety::Unsafe);
        assert_eq!(twice.source.text, once.source.text);
    }
}

#[test]
fn a_safe_fix_of_a_sound_spec_changes_no_output() {
    // Warnings can be mended in a spec that has output before.
    let text = "edition = 1\ngateway.development = true\nlog.sample = \"10%\"\nupstreams.a.url = \"http://a:8000\"\n\
                [models.chat]\nlog_sample = \"10%\"\n[routes.chat]\nmodels = [\"chat\"]\ndirect = { upstream = \"a\" }\n";
    let source = Source::new("spec.toml", text);
    let fixed = fix(&source, Safety::Safe);
    let codes: BTreeSet<Code> = fixed.mended.iter().map(|found| found.code).collect();
    assert_eq!(codes, BTreeSet::from([Code::NX0550]));
    let routes = |source: &Source| {
        let output = compile(source).output.unwrap();
        output
            .files
            .get("generated/spec/src/routes.rs")
            .map(str::to_owned)
    };
    assert_eq!(routes(&fixed.source), routes(&source));
    assert!(fixed.left.diagnostics.is_empty());
}

#[test]
fn a_diff_shows_no_secret() {
    let text =
        "edition = 1\n[upstreams.a]\nurl = \"http://a:8000/v1\"\napi_key = \"hunter2hunter2\"\n";
    let source = Source::new("spec.toml", text);
    let diff = diff(&source, &fix(&source, Safety::Safe).source);
    assert!(diff.contains("+url = \"http://a:8000\""), "{diff}");
    assert!(!diff.contains("hunter2"), "{diff}");
}
