//! Whether a service starts: what is said for certain, and what is within the error bar.

use serde::Serialize;

use crate::plan::estimate::Estimate;
use crate::plan::overhead;
use crate::plan::service::{Card, Engine, Service};

/// Whether something fits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// It does, by more than the error bar.
    Fits,
    /// It may, or may not: the error bar is wider than what is left.
    MayNotFit,
    /// It does not, even with the error bar in its favour.
    DoesNotFit,
}

/// Whether a service starts on cards like this one: there is room for what it serves, and what it takes in all is
/// there, beside what those take that start later.
pub fn of_service(service: &Service, card: &Card, estimate: &Estimate) -> Verdict {
    let free = card.total - card.occupied - card.later;
    let taken = estimate.ranks.iter().map(|rank| {
        let left = free - rank.total();
        judge(left - rank.doubt, left + rank.doubt)
    });
    room(service, estimate).max(taken.max().unwrap_or(Verdict::Fits))
}

/// Whether what is free on a card like this one is enough for it to start: V1 of vLLM refuses where that is less than its
/// part of the card (vllm/v1/worker/gpu_worker.py, `init_device`).
pub fn starts(service: &Service, card: &Card) -> Verdict {
    if !service.is_v1() {
        return Verdict::Fits;
    }
    let context = overhead::before_budget(service, card);
    let left = card.total - card.occupied - context.bytes - card.total * service.memory_fraction;
    judge(left - context.doubt, left + context.doubt)
}

/// Whether there is room for what it serves. Of layers that keep a state of unknown size, nothing is certain but that
/// there is too little.
pub fn room(service: &Service, estimate: &Estimate) -> Verdict {
    let certain = if service.architecture.has_unknown_state() {
        Verdict::MayNotFit
    } else {
        Verdict::Fits
    };
    certain.max(match service.engine {
        // It refuses to start without room for the longest sequence.
        Engine::Vllm(_) => {
            let kv = &estimate.kv;
            judge(kv.low - estimate.needed, kv.high - estimate.needed)
        }
        // It starts with less, if there is anything at all.
        Engine::Sglang => judge(estimate.kv.low, estimate.kv.high),
        Engine::LlamaCpp { .. } => Verdict::Fits,
    })
}

/// What is certain when something lies between two bounds and has to be at least nothing.
pub fn judge(low: f64, high: f64) -> Verdict {
    if low >= 0.0 {
        Verdict::Fits
    } else if high >= 0.0 {
        Verdict::MayNotFit
    } else {
        Verdict::DoesNotFit
    }
}
