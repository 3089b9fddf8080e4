//! "Did you mean": the nearest of a list of names.

use crate::diagnostic::fix::Safety;

/// The help for a name that is not one of `names`, if one of them is near: "did you mean `chat-a`?"
pub(crate) fn nearest<'n>(name: &str, names: impl Iterator<Item = &'n str>) -> Option<String> {
    nearest_name(name, names).map(|other| format!("did you mean `{other}`?"))
}

/// The nearest of `names`, if one of them is near.
pub(crate) fn nearest_name<'n>(
    name: &str,
    names: impl Iterator<Item = &'n str>,
) -> Option<&'n str> {
    const NEAR: f64 = 0.6;
    let lower = name.to_ascii_lowercase();
    let score =
        |other: &str| strsim::normalized_damerau_levenshtein(&lower, &other.to_ascii_lowercase());
    names
        .map(|other| (score(other), other))
        .filter(|(score, _)| *score >= NEAR)
        // The first of equals, so that the answer does not depend on an iteration order that may change.
        .reduce(|best, next| if next.0 > best.0 { next } else { best })
        .map(|(_, other)| other)
}

/// How sure it is that `near` was meant by `name`: sure where nothing but case and hyphens differ.
pub(crate) fn safety(name: &str, near: &str) -> Safety {
    let plain = |text: &str| text.to_ascii_lowercase().replace('_', "-");
    if plain(name) == plain(near) {
        Safety::Safe
    } else {
        Safety::Unsafe
    }
}

/// The names for a message: "`a`, `b` and `c`", the first few of many.
pub(crate) fn list<'n>(names: impl Iterator<Item = &'n str>) -> String {
    const MOST: usize = 8;
    let mut names: Vec<String> = names.map(|name| format!("`{name}`")).collect();
    let more = names.len().saturating_sub(MOST);
    names.truncate(MOST);
    if more > 0 {
        return format!("{} and {more} more", names.join(", "));
    }
    match names.split_last() {
        None => "nothing".to_owned(),
        Some((only, [])) => only.clone(),
        Some((last, rest)) => format!("{} and {last}", rest.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn suggests_what_is_near_and_nothing_else() {
        let names = ["chat-a", "chat-b", "embed"];
        let nearest = |name| nearest(name, names.into_iter());
        assert_eq!(nearest("chat-c").as_deref(), Some("did you mean `chat-a`?"));
        assert_eq!(nearest("embd").as_deref(), Some("did you mean `embed`?"));
        assert_eq!(nearest("zzz"), None);
    }

    #[test]
    fn lists_read_as_prose() {
        assert_eq!(list([].into_iter()), "nothing");
        assert_eq!(list(["a"].into_iter()), "`a`");
        assert_eq!(list(["a", "b", "c"].into_iter()), "`a`, `b` and `c`");
        assert!(
            list("abcdefghijk".split("").filter(|s| !s.is_empty())).ends_with("`h` and 3 more")
        );
    }
}
