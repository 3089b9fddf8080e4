//! How important a log line is.

use std::str::FromStr;

/// The importance of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Level {
    /// Something failed that should not have.
    Error,
    /// Something is off, and was dealt with.
    Warn,
    /// What happens every day.
    Info,
    /// What happens every second.
    Debug,
}

impl Level {
    /// The level's name in lines and settings.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warn => "warn",
            Self::Info => "info",
            Self::Debug => "debug",
        }
    }
}

impl FromStr for Level {
    type Err = ();

    fn from_str(name: &str) -> Result<Self, ()> {
        let levels = [Self::Error, Self::Warn, Self::Info, Self::Debug];
        levels
            .into_iter()
            .find(|level| level.name() == name)
            .ok_or(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_read_by_its_name() {
        assert_eq!("warn".parse(), Ok(Level::Warn));
        assert_eq!("WARN".parse::<Level>(), Err(()));
        assert!(Level::Error < Level::Debug);
    }
}
