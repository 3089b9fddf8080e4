//! How a request went, in words: what was drawn, who was asked, what each said.

use decide::draw::scaled;
use decide::share::Share;

use crate::ir::table::Id;
use crate::ir::{Model, Percent, Rule, Topology, Upstream};

/// A step of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Event {
    /// The route of this model is next, by this draw, which the request decides or not.
    Route {
        model: Id<Model>,
        draw: u64,
        is_decided: bool,
    },
    /// This upstream was asked.
    Asked(Id<Upstream>, Said),
    /// This upstream comes last, because it is unhealthy.
    Last(Id<Upstream>),
    /// All that failed were asked again, so many times in all, and failed again.
    Retried(u64),
    /// `max_attempts` is reached.
    NoAttemptLeft,
}

/// What an upstream said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Said {
    /// It took no connection.
    NoConnection,
    /// It answered with this status.
    Status(u16),
}

/// A request's `events` as one line.
pub(super) fn told(events: &[Event], topology: &Topology) -> String {
    let name = |id: &Id<Upstream>| topology.upstreams.get(*id).name.as_str();
    let mut steps: Vec<String> = Vec::new();
    for event in events {
        let step = match event {
            Event::Route {
                model,
                draw,
                is_decided,
            } => route(*model, *draw, *is_decided, topology),
            Event::Asked(upstream, Said::NoConnection) => format!("`{}` is down", name(upstream)),
            Event::Asked(upstream, Said::Status(200)) => format!("`{}` answers", name(upstream)),
            Event::Asked(upstream, Said::Status(status)) => {
                format!("`{}` answers {status}", name(upstream))
            }
            Event::Last(upstream) => format!("`{}` is unhealthy and comes last", name(upstream)),
            Event::Retried(1) => "a retry fails too".to_owned(),
            Event::Retried(times) => format!("{times} retries fail too"),
            Event::NoAttemptLeft => format!(
                "`max_attempts` allows no more than {}",
                topology.gateway.max_attempts
            ),
        };
        steps.push(step);
    }
    steps.join(" -> ")
}

/// "route `chat`, canary 5 %, draw 3 %"
fn route(model: Id<Model>, draw: u64, is_decided: bool, topology: &Topology) -> String {
    let rule = topology
        .models
        .get(model)
        .route
        .map(|route| &topology.routes.get(route).rule);
    let drawn = Percent(scaled(draw, Share::WHOLE));
    let whose = if is_decided { "its own draw" } else { "draw" };
    let choice = choice(model, topology);
    match rule {
        Some(Some(Rule::Canary { .. } | Rule::Weighted(_))) => format!("{choice}, {whose} {drawn}"),
        _ => choice,
    }
}

/// How the requests for `model` choose: "route `chat`, canary 5 %".
pub(super) fn choice(model: Id<Model>, topology: &Topology) -> String {
    let Some(route) = topology.models.get(model).route else {
        return String::new();
    };
    let route = topology.routes.get(route);
    let name = &route.name;
    match &route.rule {
        Some(Rule::Canary { share, .. }) => format!("route `{name}`, canary {share}"),
        Some(Rule::Weighted(_)) => format!("route `{name}`, weighted"),
        Some(Rule::Priority(_)) => format!("route `{name}`, by priority"),
        Some(Rule::LeastInFlight(_)) => format!("route `{name}`, least in flight"),
        Some(Rule::Prefix { .. }) => format!("route `{name}`, by the prompt's head"),
        Some(Rule::Direct(_)) | None => format!("route `{name}`"),
    }
}
