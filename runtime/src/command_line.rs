//! The few flags of a dataplane. Everything else is in its tables or in its environment.

use std::ffi::OsString;

use thiserror::Error;

use crate::environment;
use crate::topology::Topology;

/// What the process was asked to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Command {
    /// Serve until a signal.
    Serve,
    /// Read the environment, report what is missing, and end.
    Check,
    /// Ask the gateway that runs in the same environment whether it is ready, and end.
    Health,
    /// Print [`help`].
    Help,
    /// Print [`version`].
    Version,
}

/// An argument that means nothing here.
#[derive(Debug, Error)]
#[error("unknown argument `{}`", .0.to_string_lossy())]
pub(crate) struct Unknown(OsString);

/// Reads the arguments after the program's name; the last flag wins.
pub(crate) fn parse(arguments: impl Iterator<Item = OsString>) -> Result<Command, Unknown> {
    let mut command = Command::Serve;
    for argument in arguments {
        command = match argument.to_str() {
            Some("--check") => Command::Check,
            Some("--health") => Command::Health,
            Some("--help" | "-h") => Command::Help,
            Some("--version" | "-V") => Command::Version,
            _ => return Err(Unknown(argument)),
        };
    }
    Ok(command)
}

/// The help text: flags, and every environment variable that this topology reads.
pub(crate) fn help(topology: &Topology) -> String {
    let mut text = format!(
        "The Nexus gateway compiled from the spec `{}`.\n\n\
         Usage: {} [--check | --health | --help | --version]\n\n\
         Options:\n  \
         --check    Read the environment, report all that is missing, and end with 0 or 1\n  \
         --health   Ask the gateway that runs with this environment whether it is ready: 0 or 1\n  \
         --help     Print this text\n  \
         --version  Print the version\n\n\
         Environment:\n",
        topology.name, topology.name
    );
    let variables = environment::variables::of(topology);
    let width = variables
        .iter()
        .map(|(name, _)| name.len())
        .max()
        .unwrap_or(0);
    for (name, purpose) in variables {
        text.push_str(&format!("  {name:width$}  {purpose}\n"));
    }
    text.truncate(text.trim_end().len());
    text
}

/// The spec's name and the version of this library.
pub(crate) fn version(topology: &Topology) -> String {
    format!("{} (nexus {})", topology.name, env!("CARGO_PKG_VERSION"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(arguments: &[&str]) -> Option<Command> {
        parse(arguments.iter().map(OsString::from)).ok()
    }

    #[test]
    fn serves_without_arguments() {
        assert_eq!(parsed(&[]), Some(Command::Serve));
    }

    #[test]
    fn knows_its_flags() {
        assert_eq!(parsed(&["--check"]), Some(Command::Check));
        assert_eq!(parsed(&["--health"]), Some(Command::Health));
        assert_eq!(parsed(&["-h"]), Some(Command::Help));
        assert_eq!(parsed(&["--version"]), Some(Command::Version));
    }

    #[test]
    fn refuses_what_it_does_not_know() {
        assert_eq!(parsed(&["--chekc"]), None);
    }
}
