//! Texts as compose files take them.

use std::collections::BTreeSet;

use crate::conventions;

/// A text that holds no variables, whatever is in it.
pub(super) fn literal(text: &str) -> String {
    text.replace('$', "$$")
}

/// The value of a variable of the environment, without which compose starts nothing.
pub(super) fn required(variable: &str) -> String {
    format!("${{{variable}:?set it in .env}}")
}

/// The value of a variable of the environment, or else this one.
pub(super) fn or_else(variable: &str, otherwise: &str) -> String {
    format!("${{{variable}:-{}}}", literal(otherwise))
}

/// The image of a gateway: variables may replace its name and choose its tag.
pub(super) fn image(name: &str, tag: &str) -> String {
    format!("${{NEXUS_IMAGE:-{name}}}:${{NEXUS_TAG{tag}}}")
}

/// The image of what answers in the place of engines, by the same variables.
pub(super) fn mock_image(gateway: &str) -> String {
    let name = conventions::image::mock(&format!("${{NEXUS_IMAGE:-{gateway}}}"));
    format!("{name}:${{NEXUS_TAG:-latest}}")
}

/// A name of its own for each path, in letters that every file system and compose take: `/run/secrets/tls/key` is
/// `tls-key`.
pub(super) fn names_of_paths<'p>(paths: impl Iterator<Item = &'p str>) -> Vec<String> {
    let mut taken = BTreeSet::new();
    let name = |path: &str| {
        let short = path.strip_prefix("/run/secrets/").unwrap_or(path);
        let plain = |c: char| match c {
            c if c.is_ascii_alphanumeric() || c == '.' || c == '_' => c,
            _ => '-',
        };
        let base: String = short.trim_matches('/').chars().map(plain).collect();
        let others = (2..).map(|number| format!("{base}-{number}"));
        let mut names = std::iter::once(base.clone()).chain(others);
        let name = names
            .find(|name| !taken.contains(name))
            .expect("numbers do not end");
        taken.insert(name.clone());
        name
    };
    paths.map(name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dollar_sign_of_a_spec_begins_no_variable() {
        assert_eq!(literal("pg_isready -U $USER"), "pg_isready -U $$USER");
        assert_eq!(or_else("URL", "http://a/$b"), "${URL:-http://a/$$b}");
    }

    #[test]
    fn two_paths_have_two_names() {
        let paths = ["/run/secrets/a/b", "/run/secrets/a-b", "/etc/ä b"];
        let names = names_of_paths(paths.into_iter());
        assert_eq!(names, ["a-b", "a-b-2", "etc---b"]);
    }
}
