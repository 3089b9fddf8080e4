//! Secrets, read once at start from a variable or a file. Errors name the place, never the value.

use std::ffi::OsString;
use std::io::ErrorKind;

use thiserror::Error;

use crate::topology::Secret;

/// Why a secret could not be read.
#[derive(Debug, Error, PartialEq, Eq)]
pub(crate) enum Unreadable {
    /// The variable is absent, or empty.
    #[error("not set")]
    NotSet,
    /// The file cannot be opened or read.
    #[error("cannot be read: {0}")]
    File(String),
    /// The file holds nothing but a line end.
    #[error("is empty")]
    Empty,
    /// The value is not UTF-8.
    #[error("is not UTF-8")]
    NotUtf8,
    /// The value is not text that fits into an HTTP header.
    #[error("holds characters that no HTTP header can carry")]
    NotText,
}

/// Where a secret comes from, for messages: a variable's name or a file's path.
pub(crate) fn place(secret: Secret) -> &'static str {
    match secret {
        Secret::Env(variable) => variable,
        Secret::File(path) => path,
    }
}

/// Reads a secret that fits into an HTTP header.
pub(crate) fn read(
    secret: Secret,
    variable: &dyn Fn(&str) -> Option<OsString>,
) -> Result<String, Unreadable> {
    let text = text(secret, variable)?;
    if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(Unreadable::NotText);
    }
    Ok(text)
}

/// Reads any text, without the line end that editors leave in a file.
pub(crate) fn text(
    secret: Secret,
    variable: &dyn Fn(&str) -> Option<OsString>,
) -> Result<String, Unreadable> {
    let text = match secret {
        Secret::Env(name) => match variable(name) {
            None => return Err(Unreadable::NotSet),
            Some(value) => value.into_string().map_err(|_| Unreadable::NotUtf8)?,
        },
        Secret::File(path) => match std::fs::read(path) {
            Err(error) => return Err(Unreadable::File(reason(&error))),
            Ok(content) => String::from_utf8(content).map_err(|_| Unreadable::NotUtf8)?,
        },
    };
    let text = text.trim_end_matches(['\r', '\n']);
    if text.is_empty() {
        return Err(match secret {
            Secret::Env(_) => Unreadable::NotSet,
            Secret::File(_) => Unreadable::Empty,
        });
    }
    Ok(text.to_owned())
}

/// Why a file cannot be opened, in words for whoever named it.
fn reason(error: &std::io::Error) -> String {
    match error.kind() {
        ErrorKind::NotFound => "there is no such file".to_owned(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from_variable(value: &str) -> Result<String, Unreadable> {
        read(Secret::Env("KEY"), &|_| Some(value.into()))
    }

    #[test]
    fn takes_the_value_without_its_line_end() {
        assert_eq!(from_variable("abc\n"), Ok("abc".to_owned()));
    }

    #[test]
    fn an_empty_variable_is_a_missing_one() {
        assert_eq!(from_variable(""), Err(Unreadable::NotSet));
    }

    #[test]
    fn refuses_what_a_header_cannot_carry() {
        assert_eq!(from_variable("two words"), Err(Unreadable::NotText));
    }

    #[test]
    fn says_that_a_file_is_absent() {
        let absent = Secret::File("/nonexistent/secret");
        assert_eq!(
            read(absent, &|_| None),
            Err(Unreadable::File("there is no such file".to_owned()))
        );
    }
}
