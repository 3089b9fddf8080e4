//! `/v1/admin/`: what an administrator can see and change while the gateway runs. Upstreams are
//! drained, which means that they get nothing new while what they have in flight goes on; features are
//! turned off. All workers see it at once. It is gone after a restart.

pub(crate) mod gauges;
pub(crate) mod refused;
pub(crate) mod switches;

use std::borrow::Cow;

use bytes::Bytes;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::admin::refused::Refused;
use crate::admin::switches::{Feature, Switches};
use crate::api::body::Arriving;
use crate::caller::Caller;
use crate::dataplane::Dataplane;
use crate::endpoint::{Admin, Endpoint, administered};
use crate::error::Error;
use crate::gpus::{GpuState, Gpus};
use crate::observe::level::Level;
use crate::observe::line::Line;
use crate::observe::log::Sink;
use crate::observe::trace::Trace;
use crate::upstream::live::Live;
use crate::worker::Worker;

/// The longest body of a switch in bytes.
const MAX_BODY: usize = 1024;

const LOGGER: &str = "nexus.admin";

/// Who asks for what.
pub(crate) struct Asked<'a> {
    pub(crate) caller: &'a Caller<'a>,
    pub(crate) trace: &'a Trace,
    pub(crate) path: &'a str,
}

/// `/v1/admin/features/NAME`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Turn {
    enabled: bool,
}

/// `/v1/admin/upstreams/NAME`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Drain {
    draining: bool,
}

#[derive(Serialize)]
struct FeatureState {
    feature: &'static str,
    enabled: bool,
}

#[derive(Serialize)]
struct UpstreamState {
    upstream: &'static str,
    draining: bool,
    /// Requests that it has not answered to the end, copies included.
    in_flight: u32,
}

#[derive(Serialize)]
struct GpuStates {
    object: &'static str,
    gpus: Vec<GpuState>,
}

#[derive(Serialize)]
struct State {
    object: &'static str,
    features: Vec<FeatureState>,
    upstreams: Vec<UpstreamState>,
}

/// `endpoint`, as far as this topology has it: where nobody is an administrator there is nothing to
/// administer.
pub(crate) fn offered(endpoint: Endpoint, dataplane: &Dataplane) -> Endpoint {
    match endpoint {
        Endpoint::Admin(_) if dataplane.switches.is_none() => Endpoint::Unknown,
        Endpoint::Admin(Admin::Gpus) if dataplane.gpus().is_none() => Endpoint::Unknown,
        endpoint => endpoint,
    }
}

/// Notes at start that no switch has been turned: what was before is forgotten.
pub(crate) fn announce(dataplane: &Dataplane, sink: &Sink) {
    if dataplane.switches.is_some() {
        let message = "every feature is on and no upstream is draining, until an administrator says otherwise";
        sink.line(&Line::new(Level::Info, LOGGER, message));
    }
}

/// What an administrator is answered.
pub(crate) struct Done {
    /// What is said of it where requests are logged and recorded.
    pub(crate) message: Cow<'static, str>,
    pub(crate) body: Bytes,
}

/// Answers an administrator: with the state of what `endpoint` names, after the switch that `body` is.
pub(crate) async fn answer(
    worker: &Worker,
    asked: Asked<'_>,
    endpoint: Admin,
    body: &mut Arriving,
) -> Result<Done, Error> {
    let dataplane = worker.dataplane;
    let switches = dataplane.switches.as_ref().ok_or(Error::UnknownPath)?;
    if !asked.caller.is_admin {
        return Err(Refused::NoAdmin.into());
    }
    let name = administered(asked.path);
    let read_timeout = dataplane.topology.gateway.read_timeout;
    match endpoint {
        Admin::Switches => Ok(Done {
            message: Cow::Borrowed("request"),
            body: state(dataplane, switches),
        }),
        Admin::Gpus => Ok(Done {
            message: Cow::Borrowed("request"),
            body: json(&GpuStates {
                object: "gpus",
                gpus: dataplane.gpus().map(Gpus::states).unwrap_or_default(),
            }),
        }),
        Admin::Feature => {
            let feature = feature(switches, name)?;
            let body = body.read(MAX_BODY, read_timeout).await?;
            let turn: Turn = switch(&body, "enabled")?;
            let was_off = switches.turn(feature, !turn.enabled);
            let what = format!("feature `{}`", feature.name());
            let (from, to) = (on_or_off(!was_off), on_or_off(turn.enabled));
            let message = format!("{what} turned from {from} to {to}");
            tell(worker, &asked, None, &message);
            Ok(Done {
                message: Cow::Owned(message),
                body: json(&feature_state(switches, feature)),
            })
        }
        Admin::Upstream => {
            let live = upstream(dataplane, name)?;
            let body = body.read(MAX_BODY, read_timeout).await?;
            let drain: Drain = switch(&body, "draining")?;
            let was = live.drain(drain.draining);
            let (from, to) = (in_use_or_not(was), in_use_or_not(drain.draining));
            let upstream = live.upstream().settings.name;
            let message = format!("upstream turned from {from} to {to}");
            tell(worker, &asked, Some(upstream), &message);
            let message = format!("upstream `{upstream}` turned from {from} to {to}");
            Ok(Done {
                message: Cow::Owned(message),
                body: json(&upstream_state(live)),
            })
        }
    }
}

fn feature(switches: &Switches, name: &str) -> Result<Feature, Refused> {
    let mut features = switches.features().iter().copied();
    let found = features.find(|feature| feature.name() == name);
    found.ok_or_else(|| Refused::Unknown {
        kind: "feature",
        known: switches.features().iter().map(|one| one.name()).collect(),
    })
}

fn upstream(dataplane: &'static Dataplane, name: &str) -> Result<&'static Live, Refused> {
    let named = |live: &&Live| live.upstream().settings.name == name;
    let found = dataplane.upstreams.iter().find(named);
    found.ok_or_else(|| {
        let names = dataplane.upstreams.iter();
        Refused::Unknown {
            kind: "upstream",
            known: names.map(|live| live.upstream().settings.name).collect(),
        }
    })
}

fn switch<T: DeserializeOwned>(body: &[u8], field: &'static str) -> Result<T, Refused> {
    serde_json::from_slice(body).map_err(|_| Refused::NoSwitch { field })
}

/// Logs what was turned, by whom. It is worth a warning: it changes what everybody gets.
fn tell(worker: &Worker, asked: &Asked<'_>, upstream: Option<&'static str>, message: &str) {
    let mut line = Line::new(Level::Warn, LOGGER, message);
    line.trace = Some(asked.trace);
    line.user_id = asked.caller.name.as_deref();
    line.upstream = upstream;
    worker.log.line(&line);
}

fn on_or_off(enabled: bool) -> &'static str {
    if enabled { "on" } else { "off" }
}

fn in_use_or_not(draining: bool) -> &'static str {
    if draining { "draining" } else { "in use" }
}

fn state(dataplane: &Dataplane, switches: &Switches) -> Bytes {
    let features = switches.features().iter();
    json(&State {
        object: "switches",
        features: features
            .map(|feature| feature_state(switches, *feature))
            .collect(),
        upstreams: dataplane.upstreams.iter().map(upstream_state).collect(),
    })
}

fn feature_state(switches: &Switches, feature: Feature) -> FeatureState {
    FeatureState {
        feature: feature.name(),
        enabled: !switches.is_off(feature),
    }
}

fn upstream_state(live: &Live) -> UpstreamState {
    UpstreamState {
        upstream: live.upstream().settings.name,
        draining: live.is_drained(),
        in_flight: live.in_flight(),
    }
}

fn json(value: &impl Serialize) -> Bytes {
    serde_json::to_vec(value)
        .expect("text and numbers can be written as JSON")
        .into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::operated;

    #[test]
    fn a_switch_is_one_field_and_nothing_else() {
        assert!(switch::<Turn>(br#"{"enabled": false}"#, "enabled").is_ok());
        for wrong in [
            "",
            "true",
            "{}",
            r#"{"enabled":0}"#,
            r#"{"enabled":"false"}"#,
            r#"{"enabled":true,"enabled":false}"#,
            r#"{"enabled":true,"until":"noon"}"#,
            r#"{"enabled":true} {}"#,
            r#"{"draining":true}"#,
        ] {
            let refused = switch::<Turn>(wrong.as_bytes(), "enabled").map(|_| ());
            assert_eq!(
                refused.unwrap_err().to_string(),
                r#"the body must be {"enabled": true} or {"enabled": false}"#,
                "{wrong}"
            );
        }
    }

    #[test]
    fn who_misspells_a_name_is_told_which_there_are() {
        let dataplane = operated();
        let refused = upstream(dataplane, "clod").map(|_| ()).unwrap_err();
        assert_eq!(
            refused.to_string(),
            "there is no such upstream; there are cloud, vllm-large, vllm-small"
        );
        let switches = dataplane.switches.as_ref().unwrap();
        let refused = feature(switches, "").unwrap_err();
        assert_eq!(
            refused.to_string(),
            "there is no such feature; there are llm, shadow"
        );
    }

    #[test]
    fn the_state_is_told_as_json() {
        let dataplane = operated();
        dataplane.upstreams[1].drain(true);
        let state = state(dataplane, dataplane.switches.as_ref().unwrap());
        let state: serde_json::Value = serde_json::from_slice(&state).unwrap();
        assert_eq!(
            state["features"][1],
            serde_json::json!({"feature": "shadow", "enabled": true})
        );
        assert_eq!(
            state["upstreams"][1],
            serde_json::json!({"upstream": "vllm-large", "draining": true, "in_flight": 0})
        );
    }
}
