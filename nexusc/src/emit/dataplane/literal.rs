//! Numbers, durations and names as a person writes them in Rust.

use std::time::Duration;

use proc_macro2::{Ident, Literal, Span, TokenStream};
use quote::{ToTokens, quote};

use crate::conventions;
use crate::ir::Secret;

/// The constant of an entity, as an identifier.
pub(super) fn constant(name: &str) -> Ident {
    Ident::new(&conventions::constant(name), Span::call_site())
}

/// A whole number without suffix, its digits in groups of three: `10_000`.
pub(super) fn integer(number: u64) -> Literal {
    let digits = number.to_string();
    let mut grouped = String::with_capacity(digits.len() * 4 / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) && digits.len() > 4 {
            grouped.push('_');
        }
        grouped.push(digit);
    }
    grouped
        .parse()
        .expect("digits and underscores are a literal")
}

/// `Duration::from_secs(30)`, or `from_millis` where the seconds are not whole.
pub(super) fn duration(duration: Duration) -> TokenStream {
    if duration.subsec_millis() == 0 {
        let seconds = integer(duration.as_secs());
        quote!(Duration::from_secs(#seconds))
    } else {
        let milliseconds =
            integer(duration.as_secs() * 1_000 + u64::from(duration.subsec_millis()));
        quote!(Duration::from_millis(#milliseconds))
    }
}

/// `8 * MIB`, in the largest unit that divides it.
pub(super) fn size(bytes: u64) -> TokenStream {
    let (amount, unit) = match bytes {
        bytes if bytes.trailing_zeros() >= 20 => (bytes >> 20, quote!(MIB)),
        bytes if bytes.trailing_zeros() >= 10 => (bytes >> 10, quote!(KIB)),
        bytes => return integer(bytes).to_token_stream(),
    };
    if amount == 1 {
        return unit;
    }
    let amount = integer(amount);
    quote!(#amount * #unit)
}

/// A percentage: `5.0`, `0.25`.
pub(super) fn percent(share: crate::ir::Percent) -> Literal {
    Literal::f64_unsuffixed(f64::from(share.0) / 100.0)
}

/// `Some(value)` or `None`.
pub(super) fn option(value: Option<TokenStream>) -> TokenStream {
    value.map_or_else(|| quote!(None), |value| quote!(Some(#value)))
}

/// Where a secret is read from.
pub(super) fn secret(secret: &Secret) -> TokenStream {
    match secret {
        Secret::Env(variable) => quote!(Secret::Env(#variable)),
        Secret::File(path) => quote!(Secret::File(#path)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_well() {
        assert_eq!(integer(8).to_string(), "8");
        assert_eq!(integer(8000).to_string(), "8000");
        assert_eq!(integer(20_000).to_string(), "20_000");
        assert_eq!(integer(1_234_567).to_string(), "1_234_567");
        assert_eq!(
            duration(Duration::from_millis(1_500)).to_string(),
            "Duration :: from_millis (1500)"
        );
        assert_eq!(size(8 << 20).to_string(), "8 * MIB");
        assert_eq!(size(1 << 10).to_string(), "KIB");
        assert_eq!(size(1000).to_string(), "1000");
        assert_eq!(percent(crate::ir::Percent(25)).to_string(), "0.25");
    }
}
