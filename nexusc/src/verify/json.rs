//! Every JSON file is JSON.

use serde_json::Value;

use crate::verify::{Own, files_in};

pub(super) static SYNTAX: Own = Own {
    name: "JSON",
    files: |files| {
        files_in(files, "", &[".json"])
            .into_iter()
            .map(str::to_owned)
            .collect()
    },
    check: |_, text, _| match serde_json::from_str::<Value>(text) {
        Ok(_) => Vec::new(),
        Err(error) => vec![(Some(error.line()), error.to_string())],
    },
};
