//! The units of the language: text with a unit becomes a number, or a phrase that says how to write it.
//!
//! Each parser returns `Err` with the help for a diagnostic.

pub(crate) mod duration;
pub(crate) mod load_factor;
pub(crate) mod percent;
pub(crate) mod period;
pub(crate) mod rate;
pub(crate) mod size;
pub(crate) mod spelling;

/// Splits `"1.5GiB"` into `"1.5"` and `"GiB"`.
fn split_number(text: &str) -> (&str, &str) {
    let end = text
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    (number, unit.trim_start())
}

/// A whole number without sign, as every unit but the percentage takes it.
fn whole(number: &str) -> Option<u64> {
    let digits = !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit());
    digits.then(|| number.parse().ok()).flatten()
}
