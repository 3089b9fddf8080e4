//! E-mail addresses, also with the `@` as `%40`, as paths write it.

use std::ops::Range;

/// The first e-mail address in `text` from `start` on.
pub(super) fn find(text: &str, start: usize) -> Option<Range<usize>> {
    let mut from = start;
    loop {
        let rest = text.get(from..)?;
        let (at, sign) = sign(rest)?;
        let (local, domain) = (rest.get(..at)?, rest.get(at + sign..)?);
        let local = local.len() - local.trim_end_matches(in_local).len();
        let domain = domain.len() - domain.trim_start_matches(in_domain).len();
        let end = from + at + sign + domain;
        let trailing = text.get(..end)?.trim_end_matches(['.', '-']).len();
        if local > 0 && trailing > from + at + sign {
            return Some(from + at - local..trailing);
        }
        from += at + sign;
    }
}

/// Where the next `@` stands, and how many bytes it has.
fn sign(text: &str) -> Option<(usize, usize)> {
    let plain = text.find('@').map(|at| (at, 1));
    let encoded = text.find("%40").map(|at| (at, 3));
    plain.into_iter().chain(encoded).min()
}

/// What may stand before the sign; but a slash would be a path's, and messages quote with backquotes.
fn in_local(c: char) -> bool {
    c.is_alphanumeric() || "!#$%&'*+-=?^_{|}~.".contains(c)
}

fn in_domain(c: char) -> bool {
    c.is_alphanumeric() || c == '.' || c == '-'
}
