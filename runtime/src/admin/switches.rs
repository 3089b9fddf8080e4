//! The features that an administrator can turn off while the gateway runs. Which are off is known to
//! this process alone, and forgotten when it ends.

use std::sync::atomic::{AtomicBool, Ordering};

use crate::environment;
use crate::shadow::slots;
use crate::topology::Topology;

/// What can be turned off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Feature {
    /// Every request that a model would answer.
    Llm,
    /// Copies of requests.
    Shadow,
}

impl Feature {
    /// Every feature, in the order of [`Feature::index`].
    pub(crate) const ALL: [Self; 2] = [Self::Llm, Self::Shadow];

    /// Its name in paths, log lines and metric labels.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Llm => "llm",
            Self::Shadow => "shadow",
        }
    }

    const fn index(self) -> usize {
        match self {
            Self::Llm => 0,
            Self::Shadow => 1,
        }
    }
}

/// A switch for each feature, seen by all workers. Written only when somebody turns it, so that
/// reading one costs a load from a line that every core has.
#[derive(Debug)]
pub(crate) struct Switches {
    off: [AtomicBool; Feature::ALL.len()],
    features: Vec<Feature>,
}

impl Switches {
    /// The switches of `topology`; `None` where nobody may turn one.
    pub(crate) fn of(topology: &Topology) -> Option<Self> {
        let keys = environment::keys(&topology.auth);
        let has = |feature: &Feature| match feature {
            Feature::Llm => true,
            Feature::Shadow => !slots::all(topology).is_empty(),
        };
        let has_admin = keys.iter().any(|key| key.settings.admin);
        has_admin.then(|| Self {
            off: Default::default(),
            features: Feature::ALL.into_iter().filter(has).collect(),
        })
    }

    /// The features that this topology has.
    pub(crate) fn features(&self) -> &[Feature] {
        &self.features
    }

    /// Whether `feature` is off.
    pub(crate) fn is_off(&self, feature: Feature) -> bool {
        self.switch(feature).load(Ordering::Relaxed)
    }

    /// Turns `feature` off or on, and says whether it was off.
    pub(super) fn turn(&self, feature: Feature, off: bool) -> bool {
        self.switch(feature).swap(off, Ordering::Relaxed)
    }

    fn switch(&self, feature: Feature) -> &AtomicBool {
        let switch = self.off.get(feature.index());
        switch.expect("there is a switch for each feature")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{CHAT, OPERATED};

    #[test]
    fn every_feature_stands_at_its_index() {
        for (index, feature) in Feature::ALL.into_iter().enumerate() {
            assert_eq!(feature.index(), index);
        }
    }

    #[test]
    fn there_is_none_where_nobody_may_turn_it() {
        assert!(Switches::of(&CHAT).is_none());
    }

    #[test]
    fn a_switch_turns_one_feature() {
        let switches = Switches::of(&OPERATED).unwrap();
        assert!(!switches.turn(Feature::Shadow, true));
        assert!(switches.is_off(Feature::Shadow));
        assert!(!switches.is_off(Feature::Llm));
        assert!(switches.turn(Feature::Shadow, false));
        assert!(!switches.is_off(Feature::Shadow));
    }
}
