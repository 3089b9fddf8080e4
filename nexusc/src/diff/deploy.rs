//! What is emitted beside the dataplane.

use crate::diff::Risk::{Risky, Safe};
use crate::diff::words::{code, time};
use crate::diff::{Changes, Kind, cloudwatch, compose, grafana, kubernetes};
use crate::ir::deploy::{Deploy, Prometheus};

pub(super) fn compare(before: &Deploy, after: &Deploy, changes: &mut Changes<'_>) {
    let Deploy {
        path: _,
        artifacts,
        image,
        cloudwatch,
        compose,
        grafana,
        prometheus,
        kubernetes,
    } = after;
    for artifact in before.artifacts.difference(artifacts) {
        let what = format!("nothing is emitted for {} any more", code(artifact.name()));
        changes.say(Risky, Kind::Deployment, what);
    }
    for artifact in artifacts.difference(&before.artifacts) {
        let what = format!("files for {} are emitted", code(artifact.name()));
        changes.say(Safe, Kind::Deployment, what);
    }
    cloudwatch::compare(&before.cloudwatch, cloudwatch, changes);
    grafana::compare(&before.grafana, grafana, changes);
    let Prometheus {
        scrape_interval,
        runbooks,
    } = prometheus;
    if before.prometheus.scrape_interval != *scrape_interval {
        let (from, to) = (before.prometheus.scrape_interval, *scrape_interval);
        let what = format!("scraped every {} -> {}", time(from), time(to));
        changes.say(Safe, Kind::Deployment, what);
    }
    if before.prometheus.runbooks != *runbooks {
        let to = runbooks.as_deref().unwrap_or("the repository");
        changes.say(
            Safe,
            Kind::Deployment,
            format!("alerts link to runbooks at {}", code(to)),
        );
    }
    // The default image has the name of the spec, and copies of a spec are compared too.
    let is_default = |deploy: &Deploy| deploy.image.starts_with("nexus/");
    if before.image != *image && !(is_default(before) && is_default(after)) {
        let what = format!("image: {} -> {}", code(&before.image), code(image));
        changes.say(Risky, Kind::Deployment, what);
    }
    kubernetes::compare(&before.kubernetes, kubernetes, changes);
    compose::compare(&before.compose, compose, changes);
}
