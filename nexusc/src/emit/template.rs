//! Fills the templates of `templates/`, which are embedded in the compiler and decide nothing.

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
