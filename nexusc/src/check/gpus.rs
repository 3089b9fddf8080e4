//! What is to run fits onto its GPUs (NX0607, NX0608), also beside its neighbours (NX0610) and in whatever order
//! they start (NX0611, NX0614); and each GPU is used (NX0613).

use crate::check::Context;
use crate::diagnostic::Diagnostic;
use crate::diagnostic::code::Code;
use crate::ir::{Engine, EngineMemory, Upstream};
use crate::plan::advice;
use crate::plan::estimate::estimate;
use crate::plan::order::cycles;
use crate::plan::placement::{Placed, Placement, Used};
use crate::plan::service::{Engine as Kind, Service};
use crate::plan::verdict::{Verdict, of_service, room};
use crate::source::Place;
use crate::suggest;

const GIB: f64 = 1_073_741_824.0;

pub(super) fn check(context: &mut Context<'_>) {
    unused(context);
    circular(context);
    let mut found = Vec::new();
    for (placement, reversed) in context.plan.placements.iter().zip(&context.plan.reversed) {
        let of = Placements {
            context,
            placement,
            reversed,
        };
        found.extend(
            placement
                .services
                .iter()
                .filter_map(|placed| of.room(placed)),
        );
        found.extend(
            placement
                .services
                .iter()
                .filter_map(|placed| of.start(placed)),
        );
        found.extend(placement.cards.iter().filter_map(|card| of.card(card)));
        found.extend(of.order());
    }
    // What runs in several profiles is the same in each.
    let mut told: Vec<String> = Vec::new();
    for diagnostic in found {
        if !told.contains(&diagnostic.message) {
            told.push(diagnostic.message.clone());
            context.report(diagnostic);
        }
    }
}

fn unused(context: &mut Context<'_>) {
    if context.is_partial("upstreams") {
        return;
    }
    let topology = context.topology;
    let engines = || {
        topology
            .upstreams
            .iter()
            .filter_map(|upstream| upstream.engine.as_ref())
    };
    for (id, gpu) in topology.gpus.ids() {
        if !engines().any(|engine| engine.gpus.contains(&id)) {
            let message = format!("no engine runs on GPU `{}`", gpu.name);
            let diagnostic =
                Diagnostic::new(Code::NX0613, message, Place::Key(gpu.path.clone()), "")
                    .help("name it in the `gpus` of an engine, or remove it");
            context.report(diagnostic);
        }
    }
}

fn circular(context: &mut Context<'_>) {
    let topology = context.topology;
    let all: Vec<_> = topology
        .upstreams
        .ids()
        .filter_map(|(id, upstream)| Some((id, upstream.engine.as_ref()?)))
        .collect();
    for id in cycles(&all) {
        let upstream = topology.upstreams.get(id);
        let message = format!("`{}` starts after itself", upstream.name);
        let place = Place::Value(upstream.path.key("engine").key("after"));
        let diagnostic =
            Diagnostic::new(Code::NX0614, message, place, "").help("leave out one of the steps");
        context.report(diagnostic);
    }
}

/// Services that run together, in the order of the spec and the other way round.
struct Placements<'p> {
    context: &'p Context<'p>,
    placement: &'p Placement,
    reversed: &'p Placement,
}

impl Placements<'_> {
    fn parts<'t>(&'t self, placed: &Placed) -> Option<(&'t Upstream, &'t Engine, &'t Service)> {
        let upstream = self.context.topology.upstreams.get(placed.upstream);
        let engine = upstream.engine.as_ref()?;
        match &engine.memory {
            EngineMemory::Planned(service) => Some((upstream, engine, service)),
            EngineMemory::Stated(_) => None,
        }
    }

    /// Whether all start, and all cards hold what is on them.
    fn is_sound(&self, placement: &Placement) -> bool {
        let starts = |placed: &Placed| placed.verdict.max(placed.start) == Verdict::Fits;
        placement.services.iter().all(starts)
            && placement
                .cards
                .iter()
                .all(|card| card.verdict == Verdict::Fits)
    }

    /// There is room for what a service is to serve.
    fn room(&self, placed: &Placed) -> Option<Diagnostic> {
        let (upstream, engine, service) = self.parts(placed)?;
        let estimate = placed.estimate.as_ref()?;
        let code = code(placed.verdict, Code::NX0607, Code::NX0608)?;
        let name = &upstream.name;
        let kv = estimate.kv;
        let is_unknown = service.architecture.has_unknown_state();
        if is_unknown && placed.verdict == Verdict::MayNotFit && kv.low >= estimate.needed {
            return Some(unknown_state(name, engine, service));
        }
        let message = if kv.likely <= 0.0 {
            let rank = estimate
                .ranks
                .iter()
                .min_by(|a, b| a.kv.likely.total_cmp(&b.kv.likely))?;
            format!(
                "`{name}` {} onto its GPUs: weights take {:.2} GiB, and with what else it needs it lacks {:.2} GiB \
                 before the first token",
                verb(code),
                rank.weights / GIB,
                -kv.likely / GIB
            )
        } else {
            format!(
                "`{name}` {} onto its GPUs: keys and values have {:.2} GiB ({:.2} to {:.2}), and a sequence of {} \
                 tokens needs {:.2}",
                verb(code),
                kv.likely / GIB,
                kv.low.max(0.0) / GIB,
                kv.high / GIB,
                service.max_len,
                estimate.needed / GIB
            )
        };
        let place = Place::Key(engine.path.key(engine.kind));
        Some(Diagnostic::new(code, message, place, "").help(ways_out(service, placed)))
    }

    /// What vLLM wants free when it starts is free.
    fn start(&self, placed: &Placed) -> Option<Diagnostic> {
        let (upstream, engine, service) = self.parts(placed)?;
        if placed.verdict == Verdict::DoesNotFit {
            return None;
        }
        let code = code(placed.start, Code::NX0610, Code::NX0611)?;
        let card = placed.card;
        let wanted = card.total * service.memory_fraction;
        let message = format!(
            "`{}` {} start: it wants {:.2} GiB free, and finds {:.2}",
            upstream.name,
            if code == Code::NX0610 {
                "does not"
            } else {
                "may not"
            },
            wanted / GIB,
            (card.total - card.occupied).max(0.0) / GIB
        );
        let beside = placed
            .estimate
            .iter()
            .flat_map(|estimate| &estimate.ranks)
            .map(|rank| rank.context + rank.graphs + rank.doubt)
            .fold(0.0, f64::max);
        let most = ((card.total - card.occupied - beside) / card.total * 100.0).floor();
        let lower = Service {
            memory_fraction: most / 100.0,
            ..service.clone()
        };
        let estimate = estimate(&lower, &card);
        let help = if self.is_sound(self.reversed) {
            format!(
                "it works the other way round: write `after = [\"{}\"]` in the engines beside it",
                upstream.name
            )
        } else if most > 0.0 && of_service(&lower, &card, &estimate) == Verdict::Fits {
            format!(
                "write `gpu_memory_utilization = \"{most:.0}%\"`: the part is of the whole card, whoever else is \
                 on it"
            )
        } else {
            "the part is of the whole card, whoever else is on it: lower that of its neighbours, or give it another \
             GPU"
            .to_owned()
        };
        let place = Place::Key(engine.path.key(engine.kind));
        Some(Diagnostic::new(code, message, place, "").help(help))
    }

    /// A card holds all of its services.
    fn card(&self, card: &Used) -> Option<Diagnostic> {
        let code = code(card.verdict, Code::NX0610, Code::NX0611)?;
        // Whoever cannot start by itself has been told.
        let uses = |placed: &&Placed| {
            card.parts
                .iter()
                .any(|part| part.upstream == placed.upstream)
        };
        let worst = |placed: &Placed| placed.verdict.max(placed.start);
        if self
            .placement
            .services
            .iter()
            .filter(uses)
            .any(|placed| worst(placed) >= card.verdict)
        {
            return None;
        }
        let topology = self.context.topology;
        let gpu = topology.gpus.get(card.gpu);
        let names = card
            .parts
            .iter()
            .map(|part| topology.upstreams.get(part.upstream).name.as_str());
        let doubt: f64 = card.parts.iter().map(|part| part.doubt).sum();
        let used: f64 = card.parts.iter().map(|part| part.sum()).sum();
        let reserved = if card.reserved > 0.0 {
            format!(", of which {:.2} are reserved", card.reserved / GIB)
        } else {
            String::new()
        };
        let message = format!(
            "GPU `{}` {} {}: {:.2} GiB (± {:.2}) on {:.2}{reserved}",
            gpu.name,
            if code == Code::NX0610 {
                "is too small for"
            } else {
                "may be too small for"
            },
            suggest::list(names),
            used / GIB,
            doubt / GIB,
            card.total / GIB
        );
        let lower = self.lower(card, doubt - (card.total - card.reserved - used));
        let help = lower.or_else(|| self.fewer_layers(card)).unwrap_or_else(|| {
            "lower what its servers may use, or move one of them to another GPU; `enforce_eager = true` captures no \
             CUDA graphs"
                .to_owned()
        });
        Some(Diagnostic::new(code, message, Place::Key(gpu.path.clone()), "").help(help))
    }

    /// A part of the card for the vLLM server that has the largest, with which it certainly holds all, though `lacking`
    /// bytes are.
    fn lower(&self, card: &Used, lacking: f64) -> Option<String> {
        let mine = self.placement.services.iter().filter_map(|placed| {
            let uses = card
                .parts
                .iter()
                .any(|part| part.upstream == placed.upstream);
            let (upstream, _, service) = self.parts(placed).filter(|_| uses)?;
            matches!(service.engine, Kind::Vllm(_)).then_some((upstream, service, placed))
        });
        let (upstream, service, placed) =
            mine.max_by(|a, b| a.1.memory_fraction.total_cmp(&b.1.memory_fraction))?;
        let part = service.memory_fraction - lacking.max(0.0) / card.total;
        let percent = (part * 100.0).floor();
        let lower = Service {
            memory_fraction: percent / 100.0,
            ..service.clone()
        };
        let estimate = estimate(&lower, &placed.card);
        (percent > 0.0 && room(&lower, &estimate) == Verdict::Fits).then(|| {
            format!(
                "it certainly fits with `gpu_memory_utilization = \"{percent:.0}%\"` of `{}`, which leaves room for \
                 CUDA contexts and graphs",
                upstream.name
            )
        })
    }

    /// The part of a model on the card that certainly fits, where llama.cpp serves it.
    fn fewer_layers(&self, card: &Used) -> Option<String> {
        self.placement.services.iter().find_map(|placed| {
            let mut parts = card.parts.iter();
            parts.find(|part| part.upstream == placed.upstream)?;
            let (upstream, _, service) = self.parts(placed)?;
            let number = advice::most_gpu_layers(service, &placed.card)?;
            Some(format!(
                "it certainly fits with `n_gpu_layers = {number}` of `{}`, which leaves the other layers to the CPU",
                upstream.name
            ))
        })
    }

    /// Which of two neighbours starts first makes no difference, or the spec says which.
    fn order(&self) -> Option<Diagnostic> {
        let fails = |placed: &Placed| placed.verdict.max(placed.start) == Verdict::DoesNotFit;
        if self.placement.services.iter().any(fails) {
            return None;
        }
        let other = |placed: &Placed| {
            self.reversed
                .services
                .iter()
                .find(|other| other.upstream == placed.upstream)
        };
        let differs = |placed: &&Placed| {
            let Some(other) = other(placed) else {
                return false;
            };
            let tokens = |placed: &Placed| {
                placed
                    .estimate
                    .as_ref()
                    .map_or(0.0, |estimate| estimate.tokens.likely)
            };
            let (first, second) = (tokens(placed), tokens(other));
            placed.verdict.max(placed.start) != other.verdict.max(other.start)
                || (first - second).abs() > 0.01 * first.max(second)
        };
        let placed = self.placement.services.iter().find(differs)?;
        let (upstream, engine, _) = self.parts(placed)?;
        let tokens = |placed: &Placed| {
            placed
                .estimate
                .as_ref()
                .map_or(0.0, |estimate| estimate.tokens.likely.max(0.0))
        };
        let neighbours: Vec<&str> = self
            .placement
            .services
            .iter()
            .filter(|neighbour| neighbour.upstream != placed.upstream)
            .filter_map(|neighbour| {
                let neighbour = self.context.topology.upstreams.get(neighbour.upstream);
                let shares = |engine: &Engine, other: &Engine| {
                    engine.gpus.iter().any(|gpu| other.gpus.contains(gpu))
                };
                neighbour
                    .engine
                    .as_ref()
                    .filter(|other| shares(engine, other))
                    .map(|_| neighbour.name.as_str())
            })
            .collect();
        let message = format!(
            "what `{}` can serve depends on what starts first: {} tokens, or {}",
            upstream.name,
            tokens(placed),
            other(placed).map_or(0.0, tokens)
        );
        let help = format!(
            "say it: `after = [\"NAME\"]` with {}, in the engine that starts later",
            suggest::list(neighbours.into_iter().chain([upstream.name.as_str()]))
        );
        let place = Place::Key(engine.path.clone());
        Some(Diagnostic::new(Code::NX0611, message, place, "").help(help))
    }
}

/// The code of a verdict, unless all is well.
fn code(verdict: Verdict, error: Code, warning: Code) -> Option<Code> {
    match verdict {
        Verdict::Fits => None,
        Verdict::MayNotFit => Some(warning),
        Verdict::DoesNotFit => Some(error),
    }
}

fn verb(code: Code) -> &'static str {
    if code == Code::NX0607 {
        "does not fit"
    } else {
        "may not fit"
    }
}

/// There is room, and nobody knows for how many sequences.
fn unknown_state(name: &str, engine: &Engine, service: &Service) -> Diagnostic {
    let message = format!(
        "nobody knows how many sequences `{name}` has room for: {} of its layers keep a state of unknown size",
        service.architecture.linear_layers
    );
    let help = "write `linear_attention_state` in `[architectures]`: the numbers that such a layer keeps for a sequence";
    let place = Place::Key(engine.path.key(engine.kind));
    Diagnostic::new(Code::NX0608, message, place, "").help(help)
}

/// What would certainly help: settings that were tried, and GPUs.
fn ways_out(service: &Service, placed: &Placed) -> String {
    let field = match service.engine {
        Kind::Vllm(_) => "max_model_len",
        Kind::Sglang => "context_length",
        Kind::LlamaCpp { .. } => "ctx_size",
    };
    let shorter = advice::longest(service, &placed.card)
        .filter(|length| *length < service.max_len)
        .map(|length| format!("`{field} = {length}`"));
    // Of each field the first value that does.
    let mut fields: Vec<String> = Vec::new();
    let changes = advice::changes(service, &placed.card)
        .into_iter()
        .filter(|change| change.verdict == Verdict::Fits)
        .filter(|change| {
            let field = change
                .setting
                .split(' ')
                .next()
                .unwrap_or_default()
                .to_owned();
            let is_new = !fields.contains(&field);
            fields.push(field);
            is_new
        })
        .map(|change| format!("`{}`", change.setting));
    let sets = advice::gpu_sets(service)
        .into_iter()
        .take(1)
        .map(|set| format!("{} x `{}`", set.number, set.model));
    let ways: Vec<String> = shorter
        .into_iter()
        .chain(changes.take(4))
        .chain(sets)
        .collect();
    if ways.is_empty() {
        return "no setting by itself helps, nor eight of the largest GPU: take a smaller model"
            .to_owned();
    }
    format!("each of these fits by itself: {}", ways.join(", "))
}
