//! Resources that the Prometheus operator adds to a cluster, which kubernetes-validate does not know: what kustomize builds
//! is compared with the schemas of their definitions, in which a field that does not exist is a fault.

use crate::emit::FileSet;
use crate::verify::kubernetes::{folders, of_build, read_validation};
use crate::verify::{Command, Question, Tool};

/// Compares what it reads with schemas.
const COMPARE: &str = include_str!("custom_resources.py");

/// The schemas of the kinds that are emitted: those of the operator (<https://github.com/prometheus-operator>, Apache-2.0)
/// as <https://github.com/datreeio/CRDs-catalog> has made them strict, without their descriptions.
const SCHEMAS: &str = include_str!("custom_resources.json");

/// What the resources have in common.
const GROUP: &str = "apiVersion: monitoring.coreos.com/v1";

pub(super) static JSONSCHEMA: Tool = Tool {
    name: "jsonschema",
    commands: &[Command {
        words: &["python3", "-c"],
        probe: "import jsonschema, yaml",
    }],
    get: "`pip install jsonschema pyyaml`",
    questions,
    read: read_validation,
};

fn questions(files: &FileSet) -> Vec<Question> {
    let is_one = |path: &String| files.get(path).is_some_and(|text| text.contains(GROUP));
    folders(files)
        .filter(|(_, files)| files.iter().any(is_one))
        .map(|(folder, files)| {
            let arguments = [COMPARE, SCHEMAS].map(str::to_owned).into();
            of_build(folder, files, arguments)
        })
        .collect()
}
