//! `[deploy.cloudwatch]`

use crate::diagnostic::Diagnostic;
use crate::diagnostic::code::Code;
use crate::ir::cloudwatch::CloudWatch;
use crate::key_path::KeyPath;
use crate::redact::shown;
use crate::resolve::scope::Scope;
use crate::source::Place;
use crate::spec;

pub(super) fn resolve(written: &spec::cloudwatch::CloudWatch, scope: &mut Scope<'_>) -> CloudWatch {
    let path = KeyPath::root().key("deploy").key("cloudwatch");
    let spec::cloudwatch::CloudWatch { region, namespace } = written;
    let mut report = |text: &str, field: &str, what: &str, help: &str| {
        let message = format!("{} is not {what} of CloudWatch", shown(text));
        let place = Place::Value(path.key(field));
        scope.report(Diagnostic::new(Code::NX0831, message, place, "").help(help));
    };
    if let Some(region) = region.as_deref().filter(|region| !is_region(region)) {
        let help = "write its code, such as `\"eu-central-1\"`";
        report(region, "region", "a region", help);
    }
    if let Some(namespace) = namespace.as_deref().filter(|it| !is_namespace(it)) {
        let help = "write up to 255 letters, digits and `. - _ / #`, and none of Amazon's own, which begin with `AWS/`";
        report(namespace, "namespace", "a namespace", help);
    }
    let or = |text: &Option<String>, usual: &str| text.clone().unwrap_or(usual.to_owned());
    CloudWatch {
        region: or(region, "us-east-1"),
        namespace: or(namespace, "Nexus"),
    }
}

/// Words of lowercase letters and a number, with hyphens between them: `us-gov-west-1`.
fn is_region(text: &str) -> bool {
    let parts: Vec<&str> = text.split('-').collect();
    let (number, words) = parts.split_last().unwrap_or((&"", &[]));
    let is_word = |word: &&str| !word.is_empty() && word.bytes().all(|b| b.is_ascii_lowercase());
    words.len() >= 2
        && words.iter().all(is_word)
        && !number.is_empty()
        && number.bytes().all(|b| b.is_ascii_digit())
}

/// As the API takes it (`MetricDatum`), without colons, which begin Amazon's own names.
fn is_namespace(text: &str) -> bool {
    let is_plain = |b: u8| b.is_ascii_alphanumeric() || b".-_/#".contains(&b);
    (1..=255).contains(&text.len()) && !text.starts_with("AWS/") && text.bytes().all(is_plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn regions_and_namespaces_are_what_amazon_takes() {
        for region in ["us-east-1", "eu-central-2", "us-gov-west-1"] {
            assert!(is_region(region), "{region}");
        }
        for region in [
            "",
            "eu",
            "eu-central",
            "eu-central-a",
            "EU-central-1",
            "-1",
            "eu--1",
        ] {
            assert!(!is_region(region), "{region}");
        }
        assert!(is_namespace("Nexus/Chat"));
        for namespace in ["", "AWS/EC2", "a b", "a\"b", "größe", ":x"] {
            assert!(!is_namespace(namespace), "{namespace}");
        }
    }
}
