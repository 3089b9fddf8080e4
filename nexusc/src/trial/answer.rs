//! What a request is answered with, by everything that decides about it.

use std::collections::BTreeMap;

use decide::outcome::Cause;

use crate::ir::table::Id;
use crate::ir::{Model, Topology, Upstream};
use crate::trial::gateway::{Answering, Forwarded, NotAdmitted};
use crate::trial::limits::{Left, Refused};
use crate::trial::story;

/// What a request is answered with.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) end: End,
    /// What is left of its limits.
    pub(super) left: Left,
}

/// How far a request came.
#[derive(Debug)]
pub(super) enum End {
    /// Not beyond its caller and its model.
    NotAdmitted(NotAdmitted),
    /// To a limit.
    Limited(Refused),
    /// To the upstreams of this model.
    Forwarded(Id<Model>, Forwarded),
}

impl Answer {
    /// The status.
    pub(super) fn status(&self) -> u16 {
        match &self.end {
            End::NotAdmitted(reason) => reason.status(),
            End::Limited(_) => 429,
            End::Forwarded(_, forwarded) => match forwarded.end {
                Ok(answering) => answering.status,
                Err(cause) => cause.status(),
            },
        }
    }

    /// Who answers, if an upstream does.
    pub(super) fn answering(&self) -> Option<Answering> {
        match &self.end {
            End::Forwarded(_, forwarded) => forwarded.end.ok(),
            End::NotAdmitted(_) | End::Limited(_) => None,
        }
    }

    /// The upstreams that were asked.
    pub(super) fn asked(&self) -> &[Id<Upstream>] {
        match &self.end {
            End::Forwarded(_, forwarded) => &forwarded.asked,
            End::NotAdmitted(_) | End::Limited(_) => &[],
        }
    }

    /// The limit that refuses it.
    pub(super) fn refused(&self) -> Option<Refused> {
        match self.end {
            End::Limited(refused) => Some(refused),
            End::NotAdmitted(_) | End::Forwarded(..) => None,
        }
    }

    /// The model that answers in place of the one that was asked for.
    pub(super) fn fallback(&self) -> Option<Id<Model>> {
        let End::Forwarded(requested, _) = &self.end else {
            return None;
        };
        let answering = self.answering()?.model;
        (answering != *requested).then_some(answering)
    }

    /// The headers that the gateway sets by what it has decided.
    pub(super) fn headers(&self, topology: &Topology) -> BTreeMap<&'static str, String> {
        let mut headers = BTreeMap::new();
        if let Some(model) = self.fallback() {
            headers.insert("x-fallback-model", topology.models.get(model).name.clone());
        }
        let wait = match &self.end {
            End::Limited(refused) => refused.retry_after(),
            End::Forwarded(_, forwarded) => match forwarded.end {
                // Nobody said when.
                Err(Cause::Busy | Cause::Shut) => Some(1),
                _ => None,
            },
            End::NotAdmitted(_) => None,
        };
        if let Some(seconds) = wait {
            headers.insert("retry-after", seconds.to_string());
        }
        if let Some((limit, remaining)) = self.left.requests {
            headers.insert("x-ratelimit-limit-requests", limit.to_string());
            headers.insert("x-ratelimit-remaining-requests", remaining.to_string());
        }
        if let Some((limit, remaining)) = self.left.tokens {
            headers.insert("x-ratelimit-limit-tokens", limit.to_string());
            headers.insert("x-ratelimit-remaining-tokens", remaining.to_string());
        }
        headers
    }

    /// What becomes of it, in a few words: "`chat-a` answers", "429 by the limit `standard`".
    pub(super) fn summary(&self, topology: &Topology) -> String {
        let status = self.status();
        match &self.end {
            End::NotAdmitted(NotAdmitted::UnknownCaller) => {
                format!("{status}, nobody knows who asks")
            }
            End::NotAdmitted(NotAdmitted::UnknownModel) => {
                format!("{status}, there is no such model")
            }
            End::NotAdmitted(NotAdmitted::NotAllowed(model)) => format!(
                "{status}, the caller may not use `{}`",
                topology.models.get(*model).name
            ),
            End::Limited(refused) => format!(
                "{status} by the {} of the limit `{}`",
                refused.kind.name(),
                topology.limits.get(refused.limit).name
            ),
            End::Forwarded(_, forwarded) => match forwarded.end {
                Err(_) => format!("{status}, no upstream answers"),
                Ok(answering) => {
                    let upstream = &topology.upstreams.get(answering.upstream).name;
                    let stands_in = self
                        .fallback()
                        .map(|model| format!(" as model `{}`", topology.models.get(model).name));
                    let with = if status == 200 {
                        String::new()
                    } else {
                        format!(" {status}")
                    };
                    format!(
                        "`{upstream}` answers{with}{}",
                        stands_in.unwrap_or_default()
                    )
                }
            },
        }
    }

    /// The same, with its status in any case: "200, `chat-a` answers".
    pub(super) fn summary_with_status(&self, topology: &Topology) -> String {
        match self.answering() {
            Some(_) => format!("{}, {}", self.status(), self.summary(topology)),
            None => self.summary(topology),
        }
    }

    /// How it came to that.
    pub(super) fn told(&self, topology: &Topology) -> String {
        match &self.end {
            End::Forwarded(_, forwarded) => story::told(&forwarded.events, topology),
            End::NotAdmitted(_) | End::Limited(_) => self.summary(topology),
        }
    }
}
