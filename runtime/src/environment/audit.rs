//! What the audit log needs: a salt, and somewhere to write to.

use std::io::ErrorKind;

use crate::environment::reader::Reader;
use crate::environment::variables::{AUDIT_FILE, SALTS_CALLERS};
use crate::observe::audit::{
    self,
    output::{Output, Rotated},
};
use crate::secret;
use crate::topology::{Audit, Key};

/// What that says where records go with the log: in a container, whose files end with it.
const STANDARD_OUTPUT: &str = "-";

/// What a salt must have at least, in bytes, so that nobody tries all.
const SHORTEST_SALT: usize = 16;

impl Reader<'_> {
    pub(super) fn audit(
        &mut self,
        settings: &'static Audit,
        keys: &'static [&'static Key],
    ) -> Option<audit::Settings> {
        let salt = self.secret(settings.salt, SALTS_CALLERS).and_then(|salt| {
            if salt.len() >= SHORTEST_SALT {
                return Some(salt);
            }
            let what = format!("has fewer than {SHORTEST_SALT} characters ({SALTS_CALLERS})");
            self.problem(secret::place(settings.salt), what)
        });
        // Opened also by a check, which is how a folder that cannot be written is found.
        let replaced = self.optional(AUDIT_FILE);
        let output = match replaced.as_deref().or(settings.file) {
            None | Some(STANDARD_OUTPUT) => Output::Standard(std::io::stdout()),
            Some(path) => match Rotated::open(path.as_ref()) {
                Ok(file) => Output::File(file),
                Err(error) => {
                    let reason = match error.kind() {
                        ErrorKind::NotFound => "its folder does not exist".to_owned(),
                        other => other.to_string(),
                    };
                    let what = format!("cannot be written: {reason} (the audit log)");
                    return self.problem(path, what);
                }
            },
        };
        Some(audit::Settings {
            salt: salt?,
            keys,
            output,
        })
    }
}
