//! Somebody who asks, and what it may ask for.

use std::borrow::Cow;

use bytes::Bytes;

use crate::api::models::Listing;
use crate::limit::quota::Quota;
use crate::topology::{Access, Key, Model, PriorityClass};

/// Somebody who asks.
pub(crate) struct Caller<'a> {
    /// The key's name, or the token's subject, all of it; `None` in development mode.
    pub(crate) name: Option<Cow<'static, str>>,
    /// The API key that it presented, if it was one.
    pub(crate) key: Option<&'static Key>,
    /// A number that the name alone decides, for routes that stick to it.
    pub(crate) identity: Option<u64>,
    /// What its limit is counted in.
    pub(crate) quota: Quota<'a>,
    /// Its turn, where requests have to wait.
    pub(crate) priority: PriorityClass,
    /// What it may ask for.
    pub(crate) rights: Cow<'a, Rights>,
    /// Whether it may change the gateway while it runs.
    pub(crate) is_admin: bool,
}

/// What a caller may ask for.
#[derive(Clone)]
pub(crate) struct Rights {
    told: Told,
    granted: Granted,
}

/// What a caller is told about models.
#[derive(Clone)]
enum Told {
    /// Settled at start.
    Settled(Listing),
    /// Of the models that a token names; made if it is asked for.
    #[cfg(feature = "jwt")]
    Of(Vec<&'static Model>),
}

/// The models that a caller may ask for; a bit for each, where they are not all.
#[derive(Clone)]
enum Granted {
    All,
    Only(Vec<u64>),
}

impl<'a> Caller<'a> {
    /// The bearer of a token.
    #[cfg(feature = "jwt")]
    pub(crate) fn of_subject(
        name: Cow<'static, str>,
        identity: u64,
        quota: Quota<'a>,
        priority: PriorityClass,
        rights: Cow<'a, Rights>,
    ) -> Self {
        Self {
            name: Some(name),
            key: None,
            identity: Some(identity),
            quota,
            priority,
            rights,
            is_admin: false,
        }
    }

    /// Whether it may ask for `model`.
    pub(crate) fn may_use(&self, model: &Model) -> bool {
        match &self.rights.granted {
            Granted::All => true,
            Granted::Only(words) => {
                let slot = model.slot.index();
                words
                    .get(slot / 64)
                    .is_some_and(|word| word & (1 << (slot % 64)) != 0)
            }
        }
    }

    /// The list of the models that it may use.
    pub(crate) fn models(&self) -> Bytes {
        self.rights.listing().body
    }

    /// The models that it may use, for a message.
    pub(crate) fn model_names(&self) -> Bytes {
        self.rights.listing().names
    }
}

impl Rights {
    /// Every model, whose listing is `all`.
    pub(crate) fn all(all: Listing) -> Self {
        Self {
            told: Told::Settled(all),
            granted: Granted::All,
        }
    }

    /// The models that a token names.
    #[cfg(feature = "jwt")]
    pub(crate) fn claimed(models: Vec<&'static Model>) -> Self {
        Self {
            granted: Granted::Only(bits(&models)),
            told: Told::Of(models),
        }
    }

    /// What the tables say, of models whose listing is `all`.
    pub(crate) fn of(access: &Access, all: &Listing) -> Self {
        match access {
            Access::All => Self::all(all.clone()),
            Access::Only(models) => Self {
                told: Told::Settled(Listing::new(models.iter().copied())),
                granted: Granted::Only(bits(models)),
            },
        }
    }

    fn listing(&self) -> Listing {
        match &self.told {
            Told::Settled(listing) => listing.clone(),
            #[cfg(feature = "jwt")]
            Told::Of(models) => Listing::new(models.iter().copied()),
        }
    }
}

fn bits(models: &[&Model]) -> Vec<u64> {
    let highest = models.iter().map(|model| model.slot.index()).max();
    let mut words = vec![0; highest.map_or(0, |slot| slot / 64 + 1)];
    for model in models {
        let slot = model.slot.index();
        if let Some(word) = words.get_mut(slot / 64) {
            *word |= 1 << (slot % 64);
        }
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{MODEL_LARGE, MODEL_SMALL, dataplane};

    #[test]
    fn a_bit_stands_for_each_model() {
        dataplane();
        assert_eq!(bits(&[]), Vec::<u64>::new());
        assert_eq!(bits(&[&MODEL_LARGE, &MODEL_SMALL]), [0b11]);
    }
}
