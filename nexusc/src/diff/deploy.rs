//! What is emitted beside the dataplane.

use crate::diff::Risk::{Risky, Safe};
use crate::diff::words::code;
use crate::diff::{Changes, Kind};
use crate::ir::deploy::Deploy;

pub(super) fn compare(before: &Deploy, after: &Deploy, changes: &mut Changes<'_>) {
    let Deploy {
        path: _,
        artifacts,
        image,
    } = after;
    for artifact in before.artifacts.difference(artifacts) {
        let what = format!("nothing is emitted for {} any more", code(artifact.name()));
        changes.say(Risky, Kind::Deployment, what);
    }
    for artifact in artifacts.difference(&before.artifacts) {
        let what = format!("files for {} are emitted", code(artifact.name()));
        changes.say(Safe, Kind::Deployment, what);
    }
    // The default image has the name of the spec, and copies of a spec are compared too.
    let is_default = |deploy: &Deploy| deploy.image.starts_with("nexus/");
    if before.image != *image && !(is_default(before) && is_default(after)) {
        let what = format!("image: {} -> {}", code(&before.image), code(image));
        changes.say(Risky, Kind::Deployment, what);
    }
}
