//! Values with units and ranges, each with the diagnostic for what cannot be read.

use std::ops::RangeInclusive;
use std::time::Duration;

use crate::diagnostic::Diagnostic;
use crate::diagnostic::code::Code;
use crate::diagnostic::fix::{Change, Fix};
use crate::ir::{Percent, Rate};
use crate::key_path::KeyPath;
use crate::redact::shown;
use crate::resolve::scope::Scope;
use crate::source::Place;
use crate::unit;
use crate::unit::spelling::{self, Spelling};

impl Scope<'_> {
    /// A duration, or `default` where it is left out or cannot be read.
    pub(super) fn duration(
        &mut self,
        text: Option<&String>,
        default: Duration,
        path: &KeyPath,
    ) -> Duration {
        self.read(
            text,
            unit::duration::parse,
            spelling::of_duration,
            Code::NX0201,
            "a duration",
            path,
        )
        .unwrap_or(default)
    }

    /// A duration, or `None` where it cannot be read.
    pub(super) fn time(&mut self, text: &String, path: &KeyPath) -> Option<Duration> {
        let (parse, spell) = (unit::duration::parse, spelling::of_duration);
        self.read(Some(text), parse, spell, Code::NX0201, "a duration", path)
    }

    /// A period of hours or days, or `None` where it is left out or cannot be read.
    pub(super) fn period(&mut self, text: Option<&String>, path: &KeyPath) -> Option<Duration> {
        let parse = unit::period::parse;
        self.read(text, parse, |_| None, Code::NX0201, "a period", path)
    }

    /// A size in bytes within `range`, or `default`.
    pub(super) fn size(
        &mut self,
        text: Option<&String>,
        default: u64,
        range: RangeInclusive<u64>,
        path: &KeyPath,
    ) -> u64 {
        let within = |text: &str| match unit::size::parse(text)? {
            bytes if range.contains(&bytes) => Ok(bytes),
            _ => Err(format!(
                "write a size from `\"{}\"` to `\"{}\"`",
                unit::size::shown(*range.start()),
                unit::size::shown(*range.end())
            )),
        };
        self.read(
            text,
            within,
            |text| spelling::of_size(text).filter(|(text, _)| within(text).is_ok()),
            Code::NX0202,
            "a size",
            path,
        )
        .unwrap_or(default)
    }

    /// How much more than a mean, or `default`; a percentage that may exceed 100.
    pub(super) fn load_factor(
        &mut self,
        text: Option<&String>,
        default: Percent,
        path: &KeyPath,
    ) -> Percent {
        let parse = unit::load_factor::parse;
        let spell = spelling::of_load_factor;
        self.read(text, parse, spell, Code::NX0203, "a percentage", path)
            .unwrap_or(default)
    }

    /// A percentage, or `None` where it cannot be read.
    pub(super) fn percent(&mut self, text: &String, path: &KeyPath) -> Option<Percent> {
        self.read(
            Some(text),
            unit::percent::parse,
            spelling::of_percent,
            Code::NX0203,
            "a percentage",
            path,
        )
    }

    /// A rate, or `None` where it is left out or cannot be read.
    pub(super) fn rate(&mut self, text: Option<&String>, path: &KeyPath) -> Option<Rate> {
        let (parse, spell) = (unit::rate::parse, spelling::of_rate);
        self.read(text, parse, spell, Code::NX0510, "a rate", path)
    }

    /// Reports a number outside its range, and passes it on.
    pub(super) fn within<T>(&mut self, value: T, range: RangeInclusive<T>, path: &KeyPath) -> T
    where
        T: PartialOrd + std::fmt::Display + Copy,
    {
        if let Some(diagnostic) = out_of(&value, &range, path) {
            self.report(diagnostic);
        }
        value
    }

    /// The same, for a number that other places are compared with: nothing is said of one outside its range but that.
    pub(super) fn only_within(
        &mut self,
        value: Option<u64>,
        range: RangeInclusive<u64>,
        path: &KeyPath,
    ) -> Option<u64> {
        let value = self.within(value?, range.clone(), path);
        range.contains(&value).then_some(value)
    }

    /// The same, for a number whose meaning is easily mistaken: `help` says what it means.
    pub(super) fn within_or_else<T>(
        &mut self,
        value: T,
        range: RangeInclusive<T>,
        path: &KeyPath,
        help: &str,
    ) -> T
    where
        T: PartialOrd + std::fmt::Display + Copy,
    {
        if let Some(diagnostic) = out_of(&value, &range, path) {
            self.report(diagnostic.help(help));
        }
        value
    }

    fn read<T>(
        &mut self,
        text: Option<&String>,
        parse: impl Fn(&str) -> Result<T, String>,
        spell: impl Fn(&str) -> Option<Spelling>,
        code: Code,
        what: &str,
        path: &KeyPath,
    ) -> Option<T> {
        let text = text?;
        match parse(text) {
            Ok(value) => Some(value),
            Err(help) => {
                let field = path.last_key().unwrap_or_default();
                let message = format!("{} is not {what} for `{field}`", shown(text));
                let place = Place::Value(path.clone());
                let mut diagnostic = Diagnostic::new(code, message, place, "").help(help);
                diagnostic.fix = spell(text).map(|(text, safety)| Fix {
                    safety,
                    change: Change::Replace(path.clone(), format!("\"{text}\"")),
                });
                self.report(diagnostic);
                None
            }
        }
    }
}

/// What is wrong with a number outside its range.
fn out_of<T>(value: &T, range: &RangeInclusive<T>, path: &KeyPath) -> Option<Diagnostic>
where
    T: PartialOrd + std::fmt::Display,
{
    if range.contains(value) {
        return None;
    }
    let message = format!("`{path}` is {value}");
    let label = format!("expected {} to {}", range.start(), range.end());
    let place = Place::Value(path.clone());
    Some(Diagnostic::new(Code::NX0206, message, place, label))
}
