//! Fills the templates of `templates/`, which are embedded in the compiler and decide nothing.

use minijinja::syntax::SyntaxConfig;
use minijinja::value::Serde;
use minijinja::{Environment, UndefinedBehavior};
use serde::Serialize;

/// A template with its values, ending in one line end.
///
/// # Panics
/// If the template asks for a value that is not given, or is malformed: faults of the compiler.
pub(super) fn fill(template: &str, values: &impl Serialize) -> String {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    let text = environment
        .render_str(template, Serde(values))
        .expect("a template asks only for what it is given");
    format!("{}\n", text.trim_end())
}

/// The same, where a line that holds nothing but a block leaves no line.
pub(super) fn fill_blocks(template: &str, values: &impl Serialize) -> String {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_syntax(blocks_leave_no_line());
    let text = environment
        .render_str(template, Serde(values))
        .expect("a template asks only for what it is given");
    format!("{}\n", text.trim_end())
}

/// The usual signs, where a line that holds nothing but a block leaves no line.
pub(super) fn blocks_leave_no_line() -> SyntaxConfig {
    let mut signs = SyntaxConfig::builder();
    let signs = signs.trim_blocks(true).lstrip_blocks(true).build();
    signs.expect("the signs are the usual ones")
}
