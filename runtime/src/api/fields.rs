//! Which of the parameters that have defaults somewhere a request sets: a set of bits.

use std::ops::{BitOr, BitOrAssign};

/// Every parameter for which some model has a default. One bit of [`Fields`] stands for each.
#[derive(Debug, Default)]
pub(crate) struct Vocabulary {
    names: Vec<&'static str>,
}

/// A set of parameters of a [`Vocabulary`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Fields(u128);

impl Vocabulary {
    /// How many parameters it can hold.
    pub(crate) const CAPACITY: usize = 128;

    /// The vocabulary of these names, which may repeat.
    pub(crate) fn new(names: impl Iterator<Item = &'static str>) -> Self {
        let mut names: Vec<_> = names.collect();
        names.sort_unstable();
        names.dedup();
        Self { names }
    }

    /// How many parameters it holds.
    pub(crate) fn len(&self) -> usize {
        self.names.len()
    }

    /// What a request that sets `name` sets. `max_completion_tokens` is the newer name of
    /// `max_tokens`.
    pub(crate) fn fields(&self, name: &str) -> Fields {
        let own = self.bit(name);
        match name {
            "max_completion_tokens" => own | self.bit("max_tokens"),
            "max_tokens" => own | self.bit("max_completion_tokens"),
            _ => own,
        }
    }

    /// The bit of `name` alone.
    pub(crate) fn bit(&self, name: &str) -> Fields {
        match self.names.iter().position(|known| *known == name) {
            Some(index) => Fields(1 << index),
            None => Fields::default(),
        }
    }
}

impl Fields {
    /// Whether the two have a parameter in common.
    pub(crate) fn holds_any_of(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }
}

impl BitOr for Fields {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl BitOrAssign for Fields {
    fn bitor_assign(&mut self, other: Self) {
        *self = *self | other;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bit_stands_for_each_name() {
        let vocabulary = Vocabulary::new(["top_p", "temperature", "top_p"].into_iter());
        assert_eq!(vocabulary.len(), 2);
        assert_eq!(vocabulary.fields("seed"), Fields::default());
        assert!(
            vocabulary
                .fields("top_p")
                .holds_any_of(vocabulary.bit("top_p"))
        );
        assert!(
            !vocabulary
                .fields("top_p")
                .holds_any_of(vocabulary.bit("temperature"))
        );
    }

    #[test]
    fn both_names_of_the_token_limit_stand_for_each_other() {
        let vocabulary = Vocabulary::new(std::iter::once("max_tokens"));
        let limit = vocabulary.bit("max_tokens");
        assert!(
            vocabulary
                .fields("max_completion_tokens")
                .holds_any_of(limit)
        );
    }
}
