//! Every spec compiles and passes its own tests, and what it means and becomes is what was reviewed.

use nexusc::diagnostic::render::{Format, render};
use nexusc::{Source, compile};

#[test]
fn specs_become_what_was_reviewed() {
    insta::glob!("../specs", "*.toml", |path| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let source = Source::new(name, std::fs::read_to_string(path).expect("a spec is text"));
        let compilation = compile(&source);
        let findings = render(&source, &compilation.diagnostics, Format::Short);
        assert_eq!(findings, "");
        let output = compilation.output.expect("a spec without findings compiles");
        insta::assert_debug_snapshot!("topology", output.topology);
        insta::assert_snapshot!("files", output.files);
    });
}
