//! Keeping what belongs to people out of what is written about their requests.
//!
//! Prompts and answers are never written, so this is about the rest: addresses, the subject of a
//! token, a path, a message that quotes a client. Text is searched once for each kind that the spec
//! names; it is better to hide a harmless word than to show somebody's number.

mod email;
mod key;
mod phone;

use std::borrow::Cow;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::ops::Range;

use crate::topology::Privacy;

/// `text` without what `privacy` names, which nobody asked for where it is `None`.
pub(crate) fn text<'t>(privacy: Option<&Privacy>, text: &'t str) -> Cow<'t, str> {
    match privacy {
        // Most texts hold nothing of any kind, and one look settles that.
        Some(privacy) if !is_harmless(text) => searched(privacy, text),
        _ => Cow::Borrowed(text),
    }
}

/// `text` without what `privacy` names, after a search for each kind.
#[cold]
fn searched<'t>(privacy: &Privacy, text: &'t str) -> Cow<'t, str> {
    let mut text = Cow::Borrowed(text);
    // Keys first: a part of one could look like something else.
    if privacy.key && text.len() >= key::SHORTEST_TEXT {
        replace(&mut text, "[key]", key::find);
    }
    if privacy.email {
        replace(&mut text, "[email]", email::find);
    }
    if privacy.phone {
        replace(&mut text, "[phone]", phone::find);
    }
    text
}

/// `address` without its last part, where `privacy` says so: /24 of IPv4, /48 of IPv6.
pub(crate) fn ip(privacy: Option<&Privacy>, address: IpAddr) -> IpAddr {
    if !privacy.is_some_and(|privacy| privacy.client_ip) {
        return address;
    }
    match address {
        IpAddr::V4(address) => {
            let [a, b, c, _] = address.octets();
            Ipv4Addr::new(a, b, c, 0).into()
        }
        IpAddr::V6(address) => {
            let [a, b, c, ..] = address.segments();
            Ipv6Addr::new(a, b, c, 0, 0, 0, 0, 0).into()
        }
    }
}

/// Whether `text` can hold nothing that is hidden: it lacks every sign that keys and addresses have, and has too
/// few digits for a number.
fn is_harmless(text: &str) -> bool {
    let weight = |byte| WEIGHTS.get(usize::from(byte)).copied().unwrap_or_default();
    let weights = text.bytes().map(|byte| usize::from(weight(byte)));
    weights.sum::<usize>() < phone::FEWEST_DIGITS
}

/// A digit weighs one. As much as all digits of a number weigh the bytes of which one stands in everything else that is
/// hidden: in a key, or behind `Bearer`; in an address. Settled here, as every byte of every text is asked for.
#[expect(clippy::indexing_slicing, reason = "the compiler does it")]
static WEIGHTS: [u8; 256] = {
    let mut weights = [0; 256];
    let mut byte = 0;
    while byte < weights.len() {
        weights[byte] = match byte as u8 {
            b'0'..=b'9' => 1,
            b'A'..=b'Z' | b'-' | b'_' | b' ' | b'@' | b'%' => phone::FEWEST_DIGITS as u8,
            _ => 0,
        };
        byte += 1;
    }
    weights
};

/// Puts `mark` in the place of everything that `find` finds from a place on.
fn replace(
    text: &mut Cow<'_, str>,
    mark: &str,
    find: impl Fn(&str, usize) -> Option<Range<usize>>,
) {
    let mut masked = String::new();
    let mut kept = 0;
    while let Some(found) = find(text, kept) {
        masked.push_str(text.get(kept..found.start).unwrap_or_default());
        masked.push_str(mark);
        kept = found.end;
    }
    if kept > 0 {
        masked.push_str(text.get(kept..).unwrap_or_default());
        *text = Cow::Owned(masked);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ALL: Privacy = Privacy {
        client_ip: true,
        email: true,
        phone: true,
        key: true,
    };

    fn masked(plain: &str) -> String {
        text(Some(&ALL), plain).into_owned()
    }

    #[test]
    fn hides_each_kind_and_nothing_around_it() {
        for (plain, hidden) in [
            ("alice@example.com", "[email]"),
            ("of <bob.b+x@mail.example.org>.", "of <[email]>."),
            ("/v1/models/alice%40example.com", "/v1/models/[email]"),
            ("ring +49 170 1234567, please", "ring [phone], please"),
            ("(555) 123-4567", "[phone]"),
            ("tel:0049-170-1234567", "tel:[phone]"),
            ("key sk-abcdefgh12345678!", "key [key]!"),
            ("Bearer abc.def", "Bearer [key]"),
            ("eyJhbGciOi.eyJzdWIiOi.c2ln", "[key]"),
        ] {
            assert_eq!(masked(plain), hidden);
        }
    }

    #[test]
    fn leaves_what_is_nobodys() {
        for plain in [
            "",
            "request",
            "answered 503",
            "/v1/chat/completions",
            "no upstream of `chat` could answer: `a`: connection refused",
            "prompt of 123456 bytes",
            "550e8400-e29b-41d4-a716-446655440000",
            "4bf92f3577b34da6",
            "10.0.12.113",
            "Qwen/Qwen2.5-14B-Instruct",
            "a @ b",
        ] {
            assert!(
                matches!(text(Some(&ALL), plain), Cow::Borrowed(_)),
                "{plain}"
            );
        }
    }

    #[test]
    fn an_address_loses_its_last_part() {
        let cut = |address: &str| ip(Some(&ALL), address.parse().unwrap()).to_string();
        assert_eq!(cut("203.0.113.77"), "203.0.113.0");
        assert_eq!(cut("2001:db8:12:34::5"), "2001:db8:12::");
        let whole = "203.0.113.77".parse().unwrap();
        assert_eq!(ip(Some(&Privacy::default()), whole), whole);
        assert_eq!(ip(None, whole), whole);
    }

    proptest! {
        #[test]
        fn nothing_is_overlooked_at_one_look(plain in "[a-f0-9@./+:-]{0,16}") {
            let found = [key::find(&plain, 0), email::find(&plain, 0), phone::find(&plain, 0)];
            prop_assert!(!is_harmless(&plain) || found == [None, None, None], "{plain}");
        }

        #[test]
        fn an_email_address_never_survives(
            before in "[ /<\"]?[a-z ]{0,8}[ /<]",
            local in "[a-zA-Z0-9._+-]{1,12}",
            domain in "[a-z]{1,8}\\.[a-z]{2,4}",
            after in "([ ,>/][a-z ]{0,8})?",
        ) {
            let hidden = masked(&format!("{before}{local}@{domain}{after}"));
            prop_assert!(!hidden.contains('@'), "{hidden}");
            prop_assert!(!hidden.contains(&domain), "{hidden}");
        }

        #[test]
        fn a_number_in_international_form_never_survives(
            digits in prop::collection::vec(0..10_u8, 7..=15),
            separators in prop::collection::vec(prop::sample::select(vec!["", " ", "-", "."]), 15),
        ) {
            let mut number = "+".to_owned();
            for (digit, separator) in digits.iter().zip(separators) {
                number.push_str(&digit.to_string());
                number.push_str(separator);
            }
            let hidden = masked(&format!("call {number} now"));
            prop_assert!(!hidden.contains(|c: char| c.is_ascii_digit()), "{number}: {hidden}");
        }

        #[test]
        fn any_text_can_be_masked_and_masked_again(plain in "\\PC{0,80}|[0-9+@ .%-]{0,40}") {
            let once = masked(&plain);
            prop_assert_eq!(masked(&once), once);
        }
    }
}
