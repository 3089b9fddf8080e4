//! What the documents show is what the compiler accepts.

use nexusc::{Source, compile};

#[test]
fn the_language_in_architecture_md_compiles() {
    let document = include_str!("../../ARCHITECTURE.md");
    let accepted = document.split("Accepted today").nth(1);
    let example = accepted.and_then(|rest| rest.split("```toml\n").nth(1));
    let example = example.and_then(|rest| rest.split("```").next());
    let source = Source::new("language.toml", example.expect("the example is there"));
    let diagnostics = compile(&source).diagnostics;
    assert!(diagnostics.is_empty(), "{diagnostics:#?}");
}
