//! What Amazon CloudWatch is told.

use crate::diff::Risk::Risky;
use crate::diff::words::code;
use crate::diff::{Changes, Kind};
use crate::ir::cloudwatch::CloudWatch;

pub(super) fn compare(before: &CloudWatch, after: &CloudWatch, changes: &mut Changes<'_>) {
    let CloudWatch { region, namespace } = after;
    for (what, before, after) in [
        ("region", &before.region, region),
        ("namespace", &before.namespace, namespace),
    ] {
        if before != after {
            let what = format!(
                "{what} of CloudWatch: {} -> {}, without what was kept so far",
                code(before),
                code(after)
            );
            changes.say(Risky, Kind::Deployment, what);
        }
    }
}
