//! Services on their cards: in which order they start, what each finds, and whether all of them fit.

use crate::ir::table::Id;
use crate::ir::{Engine, EngineMemory, Gpu, Topology, Upstream};
use crate::plan::estimate::{Estimate, estimate};
use crate::plan::service::Card;
use crate::plan::verdict::{Verdict, judge, room, starts};

/// The services that run together, on their cards.
#[derive(Clone, Debug)]
pub struct Placement {
    /// The profile; `None` where the spec has none.
    pub profile: Option<String>,
    /// The services in the order in which they start.
    pub services: Vec<Placed>,
    /// The cards that they use, by name.
    pub cards: Vec<Used>,
}

/// A service on its cards.
#[derive(Clone, Debug)]
pub struct Placed {
    /// The upstream.
    pub upstream: Id<Upstream>,
    /// What it takes; `None` where the spec states it.
    pub estimate: Option<Estimate>,
    /// The card as it finds it: of its cards the one with the least room.
    pub card: Card,
    /// Whether there is room for what it serves.
    pub verdict: Verdict,
    /// Whether what is free when it starts is enough for it.
    pub start: Verdict,
}

/// A card with what uses it.
#[derive(Clone, Debug)]
pub struct Used {
    /// The card.
    pub gpu: Id<Gpu>,
    /// Its memory in bytes.
    pub total: f64,
    /// What others use of it.
    pub reserved: f64,
    /// What each service uses of it, in bytes, in the order in which they start.
    pub parts: Vec<Part>,
    /// Whether all of them fit.
    pub verdict: Verdict,
}

/// What a service uses of a card, in bytes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Part {
    /// The upstream.
    pub upstream: Id<Upstream>,
    /// Weights.
    pub weights: f64,
    /// Keys and values.
    pub kv: f64,
    /// The peak of a step.
    pub activation: f64,
    /// CUDA graphs.
    pub graphs: f64,
    /// Contexts and communication; of a service whose memory is stated, all of it.
    pub context: f64,
    /// How far all of it may be off.
    pub doubt: f64,
}

impl Part {
    /// All of it.
    pub fn sum(&self) -> f64 {
        self.weights + self.kv + self.activation + self.graphs + self.context
    }
}

impl Used {
    /// What is left, less than nothing where it is too much.
    pub fn free(&self) -> f64 {
        let used: f64 = self.parts.iter().map(Part::sum).sum();
        self.total - self.reserved - used
    }

    /// What those take that start after this one; nothing where it is not on the card.
    fn after(&self, upstream: Id<Upstream>) -> f64 {
        let parts = self.parts.iter();
        let later = parts.skip_while(|part| part.upstream != upstream).skip(1);
        later.map(Part::sum).sum()
    }
}

/// The engine of each upstream that has one, of a profile or of all.
pub fn engines<'t>(
    topology: &'t Topology,
    profile: Option<&str>,
) -> Vec<(Id<Upstream>, &'t Engine)> {
    topology
        .upstreams
        .ids()
        .filter_map(|(id, upstream)| Some((id, upstream.engine.as_ref()?)))
        .filter(|(_, engine)| engine.profile.is_none() || engine.profile.as_deref() == profile)
        // Of a GPU without memory something was reported.
        .filter(|(_, engine)| {
            engine
                .gpus
                .iter()
                .all(|gpu| topology.gpus.get(*gpu).memory.is_some())
        })
        .collect()
}

/// Places services that start in this order.
pub fn place(
    topology: &Topology,
    profile: Option<&str>,
    order: &[(Id<Upstream>, &Engine)],
) -> Placement {
    let mut cards: Vec<Used> = topology
        .gpus
        .ids()
        .filter(|(id, _)| order.iter().any(|(_, engine)| engine.gpus.contains(id)))
        .map(|(gpu, card)| Used {
            gpu,
            total: card.memory.unwrap_or(0) as f64,
            reserved: card.reserved as f64,
            parts: Vec::new(),
            verdict: Verdict::Fits,
        })
        .collect();
    let mut services = Vec::new();
    for (upstream, engine) in order {
        let mine = |card: &&mut Used| engine.gpus.contains(&card.gpu);
        let card = tightest(topology, engine, &cards);
        let (estimate, verdict, start) = match &engine.memory {
            EngineMemory::Planned(service) => {
                let estimate = estimate(service, &card);
                let verdict = room(service, &estimate);
                let start = starts(service, &card);
                (Some(estimate), verdict, start)
            }
            // A card that is too full says so itself.
            EngineMemory::Stated(_) => (None, Verdict::Fits, Verdict::Fits),
        };
        for (rank, used) in cards.iter_mut().filter(mine).enumerate() {
            used.parts
                .push(part(*upstream, engine, estimate.as_ref(), rank));
        }
        services.push(Placed {
            upstream: *upstream,
            estimate,
            card,
            verdict,
            start,
        });
    }
    for placed in &mut services {
        let later = cards.iter().map(|used| used.after(placed.upstream));
        placed.card.later = later.fold(0.0, f64::max);
    }
    for used in &mut cards {
        let doubt: f64 = used.parts.iter().map(|part| part.doubt).sum();
        used.verdict = judge(used.free() - doubt, used.free() + doubt);
    }
    Placement {
        profile: profile.map(str::to_owned),
        services,
        cards,
    }
}

/// Of the cards of an engine the one with the least room, as it is found.
fn tightest(topology: &Topology, engine: &Engine, cards: &[Used]) -> Card {
    let mine = cards.iter().filter(|card| engine.gpus.contains(&card.gpu));
    let least = mine.reduce(|least, card| {
        if card.free() < least.free() {
            card
        } else {
            least
        }
    });
    let Some(used) = least else {
        return Card {
            total: 0.0,
            is_exact: true,
            occupied: 0.0,
            later: 0.0,
            free: None,
            is_hopper: false,
        };
    };
    let gpu = topology.gpus.get(used.gpu);
    Card {
        total: used.total,
        is_exact: gpu.is_exact,
        occupied: used.total - used.free(),
        later: 0.0,
        free: None,
        is_hopper: gpu.capability == 90,
    }
}

fn part(upstream: Id<Upstream>, engine: &Engine, estimate: Option<&Estimate>, rank: usize) -> Part {
    let nothing = Part {
        upstream,
        weights: 0.0,
        kv: 0.0,
        activation: 0.0,
        graphs: 0.0,
        context: 0.0,
        doubt: 0.0,
    };
    match (&engine.memory, estimate) {
        (EngineMemory::Stated(bytes), _) => Part {
            context: *bytes as f64,
            ..nothing
        },
        (EngineMemory::Planned(service), Some(estimate)) => {
            // Ranks of a stage are alike; stages follow each other.
            let stage = rank / usize::try_from(service.tensor_parallel).unwrap_or(1).max(1);
            let Some(rank) = estimate.ranks.get(stage).or(estimate.ranks.first()) else {
                return nothing;
            };
            let kv = rank.kv.likely.max(0.0);
            Part {
                weights: rank.weights,
                kv,
                activation: rank.activation,
                graphs: rank.graphs,
                context: rank.non_torch + rank.context,
                doubt: rank.doubt,
                ..nothing
            }
        }
        (EngineMemory::Planned(_), None) => nothing,
    }
}
