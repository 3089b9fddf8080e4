//! YAML: yamllint, and that both versions of the language read every file alike.
//!
//! Go, Python and JavaScript read YAML by rules between 1.1 and 1.2: `no` is a boolean to one and a word to another.

use granit_parser::{Event, Parser, ScalarStyle};

use crate::emit::FileSet;
use crate::verify::reading::positioned;
use crate::verify::{Answer, Command, Faults, Finding, Own, Question, Tool, files_in};

pub(super) static YAMLLINT: Tool = Tool {
    name: "yamllint",
    commands: &[Command {
        words: &["yamllint"],
        probe: "--version",
    }],
    get: "`pip install yamllint`",
    questions,
    read,
};

pub(super) static VERSIONS: Own = Own {
    name: "YAML 1.1 and 1.2",
    files: |files| yaml_files(files).into_iter().map(str::to_owned).collect(),
    check: |_, text, _| read_differently(text),
};

/// Long lines are the business of who reads them, and brackets are written as JSON does.
const RULES: &str = "{extends: default, rules: {line-length: disable, document-start: disable, \
                     comments-indentation: disable, braces: disable, brackets: disable, commas: disable, \
                     quoted-strings: disable}}";

fn yaml_files(files: &FileSet) -> Vec<&str> {
    files_in(files, "", &[".yaml", ".yml"])
}

fn questions(files: &FileSet) -> Vec<Question> {
    let yaml = yaml_files(files);
    let Some((first, others)) = yaml.split_first() else {
        return Vec::new();
    };
    let mut question = Question::about(first, "--strict --format parsable --config-data");
    question
        .arguments
        .insert(question.arguments.len() - 1, RULES.to_owned());
    question
        .files
        .extend(others.iter().map(|&file| file.to_owned()));
    question
        .arguments
        .extend(others.iter().map(|&file| file.to_owned()));
    vec![question]
}

/// `base/a.yaml:2:1: [error] message (rule)`
fn read(question: &Question, answer: &Answer, _: &FileSet) -> Option<Vec<Finding>> {
    let lines = answer.output.lines();
    let findings = lines.filter_map(|line| {
        let mut finding = positioned(line, &question.files)?;
        if let Some((_, message)) = finding.message.split_once("] ") {
            finding.message = message.to_owned();
        }
        Some(finding)
    });
    let findings: Vec<Finding> = findings.collect();
    Some(findings).filter(|findings| answer.success || !findings.is_empty())
}

/// The scalars that the versions of YAML read differently, and where the text is no YAML at all.
fn read_differently(text: &str) -> Faults {
    let mut findings = Vec::new();
    for event in Parser::new_from_str(text) {
        match event {
            Ok((Event::Scalar(value, ScalarStyle::Plain, _, None), span)) if differs(&value) => {
                let message =
                    format!("YAML 1.1 and 1.2 read `{value}` differently: it needs quotes");
                findings.push((Some(span.start.line()), message));
            }
            Ok(_) => {}
            Err(error) => findings.push((Some(error.marker().line()), error.to_string())),
        }
    }
    findings
}

/// Whether YAML 1.1 (<https://yaml.org/type/>) and the core schema of 1.2 make different values of a plain scalar.
fn differs(text: &str) -> bool {
    const WORDS: &[&str] = &["y", "yes", "n", "no", "on", "off", "=", "<<"];
    let number = text.strip_prefix(['+', '-']).unwrap_or(text);
    let all = |digits: &str, is: fn(u8) -> bool| !digits.is_empty() && digits.bytes().all(is);
    let is_digit = |b: u8| b.is_ascii_digit() || b == b'_';
    let binary = |digits| all(digits, |b| b"01_".contains(&b));
    let octal = |digits| all(digits, |b| (b'0'..=b'7').contains(&b));
    let is_based = number.strip_prefix("0b").is_some_and(binary)
        || number.strip_prefix("0o").is_some_and(octal);
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let (mantissa, exponent) = number.split_once(['e', 'E']).unwrap_or((number, ""));
    let is_decimal =
        |text: &str| all(text, |b| b.is_ascii_digit() || b"_.".contains(&b)) && text != ".";
    let is_signed = exponent.starts_with(['+', '-']) && mantissa.contains('.');
    // Only 1.2 takes an exponent without a sign, or after a number without a point.
    let is_exponent = is_decimal(mantissa)
        && all(exponent.trim_start_matches(['+', '-']), |b| {
            b.is_ascii_digit()
        })
        && !is_signed;
    let is_integer = fraction.is_empty() && !number.contains('.') && all(whole, is_digit);
    let is_padded = is_integer && whole.len() > 1 && whole.starts_with('0');
    let is_grouped = is_decimal(number)
        && number.contains('_')
        && number.starts_with(|c: char| c.is_ascii_digit());
    WORDS.iter().any(|word| text.eq_ignore_ascii_case(word))
        || is_based
        || is_exponent
        || is_padded
        || is_grouped
        || is_sexagesimal(number)
        || is_date(text)
}

/// `1:20`, which is 80 in YAML 1.1.
fn is_sexagesimal(number: &str) -> bool {
    let mut parts = number.split(':');
    let first = parts.next().unwrap_or_default();
    let is_first = first.bytes().all(|b| b.is_ascii_digit())
        && first.starts_with(|c: char| c.is_ascii_digit());
    let mut rest = parts.peekable();
    let is_part = |part: &str| part.len() <= 2 && part.parse::<u8>().is_ok_and(|part| part < 60);
    is_first
        && rest.peek().is_some()
        && rest.all(|part| is_part(part.split('.').next().unwrap_or_default()))
}

/// `2026-11-21`, also with a time behind it.
fn is_date(text: &str) -> bool {
    let mut parts = text.splitn(3, '-');
    let mut digits = |lengths: &[usize]| {
        let part = parts.next().unwrap_or_default();
        let end = part
            .find(|c: char| !c.is_ascii_digit())
            .unwrap_or(part.len());
        lengths.contains(&end)
    };
    digits(&[4]) && digits(&[1, 2]) && digits(&[1, 2])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_versions_read_differently_needs_quotes() {
        for text in [
            "no",
            "Yes",
            "ON",
            "y",
            "=",
            "1e3",
            "1.5e3",
            "0o7",
            "0b1",
            "010",
            "1_000",
            "1:20",
            "190:20:30.15",
            "2026-11-21",
            "2001-12-14t21:59:43.10-05:00",
        ] {
            assert!(differs(text), "{text}");
        }
        for text in [
            "gateway",
            "0",
            "1",
            "-1",
            "1.5",
            "0x1F",
            "true",
            "null",
            "~",
            ".5",
            "1.0e+3",
            "10s",
            "1.2.3",
            "8080:80",
            "127.0.0.1:9090",
            "nexus/chat",
            "e1",
            "v1",
            "15m",
            "http://a:80",
            "99.5%",
        ] {
            assert!(!differs(text), "{text}");
        }
    }

    #[test]
    fn quotes_settle_it_and_faults_have_a_line() {
        assert_eq!(
            read_differently("a: \"no\"\nb: [1, yes]\n")
                .first()
                .unwrap()
                .0,
            Some(2)
        );
        assert_eq!(read_differently("a: \"no\"\nb: 'on'\n"), []);
        assert_eq!(read_differently("a: 1\nb: [\n").len(), 1);
    }
}
