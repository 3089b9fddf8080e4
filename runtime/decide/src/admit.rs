//! Which model a request is for, and whether its caller may ask for it.

/// Why a request is for no model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Denied<M> {
    /// No model has the name, and none stands in.
    Unknown,
    /// The caller may not use the model.
    NotAllowed(M),
}

/// The model that a request is for: the one that it `named`, or else the `default` of the gateway where the
/// caller may use that.
///
/// # Errors
/// Where there is no such model, or the caller may not use it.
pub fn admit<M: Copy>(
    named: Option<M>,
    default: Option<M>,
    may_use: impl Fn(M) -> bool,
) -> Result<M, Denied<M>> {
    let meant = named.or_else(|| default.filter(|model| may_use(*model)));
    match meant {
        None => Err(Denied::Unknown),
        Some(model) if may_use(model) => Ok(model),
        Some(model) => Err(Denied::NotAllowed(model)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_stands_in_only_for_who_may_use_it() {
        let only = |allowed| move |model: char| model == allowed;
        assert_eq!(admit(Some('a'), Some('b'), only('a')), Ok('a'));
        assert_eq!(
            admit(Some('a'), Some('b'), only('b')),
            Err(Denied::NotAllowed('a'))
        );
        assert_eq!(admit(None, Some('b'), only('b')), Ok('b'));
        assert_eq!(admit(None, Some('b'), only('a')), Err(Denied::Unknown));
        assert_eq!(admit(None, None, |_: char| true), Err(Denied::Unknown));
    }
}
