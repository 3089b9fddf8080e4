//! What serves an upstream, on which GPUs, with which settings.

use crate::diff::Risk::{Risky, Safe};
use crate::diff::words::{bytes, code, gib, list};
use crate::diff::{Changes, Kind};
use crate::ir::container::Container;
use crate::ir::table::{Named, Table};
use crate::ir::{Engine, EngineMemory, table::Id};
use crate::plan::service::Service;

pub(super) fn compare(
    name: &str,
    before: Option<&Engine>,
    after: Option<&Engine>,
    changes: &mut Changes<'_>,
) {
    let (before, after) = match (before, after) {
        (None, None) => return,
        (None, Some(new)) => {
            let what = format!(
                "planned as {} on {}",
                new.kind,
                names(&new.gpus, &changes.after.gpus)
            );
            return changes.of(Safe, Kind::Upstream, name, what);
        }
        (Some(_), None) => {
            return changes.of(Risky, Kind::Upstream, name, "no longer planned on GPUs");
        }
        (Some(before), Some(after)) => (before, after),
    };
    let (old, new) = (changes.before, changes.after);
    let Engine {
        path: _,
        kind,
        version,
        weights,
        gpus,
        after: starts_after,
        profile,
        memory,
        container,
    } = after;
    let text = |text: &Option<String>| text.as_deref().map_or("none".to_owned(), code);
    let mut say = |what: &str, before: String, after: String| {
        if before != after {
            changes.of(
                Risky,
                Kind::Upstream,
                name,
                format!("{what}: {before} -> {after}"),
            );
        }
    };
    say("engine", code(before.kind), code(kind));
    say(
        "version of the engine",
        text(&before.version),
        text(version),
    );
    say("model that is loaded", text(&before.weights), text(weights));
    say(
        "runs on GPU",
        names(&before.gpus, &old.gpus),
        names(gpus, &new.gpus),
    );
    say(
        "starts after",
        names(&before.after, &old.upstreams),
        names(starts_after, &new.upstreams),
    );
    say("profile", text(&before.profile), text(profile));
    compare_container(before.container.as_ref(), container.as_ref(), &mut say);
    match (&before.memory, memory) {
        (EngineMemory::Planned(before), EngineMemory::Planned(after)) => {
            compare_service(before, after, &mut say);
        }
        (before, after) => say("GPU memory that is taken", taken(before), taken(after)),
    }
}

fn compare_container(
    before: Option<&Container>,
    after: Option<&Container>,
    say: &mut impl FnMut(&str, String, String),
) {
    let shown = |container: Option<&Container>| {
        let none = || std::array::from_fn(|_| "none".to_owned());
        container.map_or_else(none, |container| {
            let Container {
                image,
                args,
                ready,
                live,
                user,
                data,
            } = container;
            let user = user.map_or("any".to_owned(), |user| user.to_string());
            let data = data.as_deref().map_or("none".to_owned(), code);
            let args = list(args.iter().map(String::as_str));
            [code(image), args, code(ready), code(live), user, data]
        })
    };
    let what = [
        "image of its container",
        "arguments of its container",
        "path that says that it serves",
        "path that says that it lives",
        "user of its container",
        "folder of its container that is kept",
    ];
    for ((what, before), after) in what.into_iter().zip(shown(before)).zip(shown(after)) {
        say(what, before, after);
    }
}

fn taken(memory: &EngineMemory) -> String {
    match memory {
        EngineMemory::Planned(_) => "what the plan finds".to_owned(),
        EngineMemory::Stated(size) => bytes(*size),
    }
}

/// The names of entities, none of them left out.
fn names<T: Named>(ids: &[Id<T>], table: &Table<T>) -> String {
    list(ids.iter().map(|&id| table.get(id).name()))
}

fn compare_service(before: &Service, after: &Service, say: &mut impl FnMut(&str, String, String)) {
    let Service {
        engine,
        architecture,
        file_bytes,
        dtype,
        quantisation,
        kv_dtype,
        tensor_parallel,
        pipeline_parallel,
        max_len,
        max_seqs,
        batched_tokens,
        memory_fraction,
        eager,
        lora_rank,
        cpu_offload,
        media,
    } = after;
    let numbers = [
        (
            "GPUs that share each layer",
            before.tensor_parallel,
            *tensor_parallel,
        ),
        (
            "groups of GPUs that have the layers in turn",
            before.pipeline_parallel,
            *pipeline_parallel,
        ),
        ("tokens of the longest sequence", before.max_len, *max_len),
        ("most sequences at once", before.max_seqs, *max_seqs),
        (
            "most tokens of one step",
            before.batched_tokens,
            *batched_tokens,
        ),
        (
            "rank of LoRA adapters that have room",
            before.lora_rank,
            *lora_rank,
        ),
    ];
    for (what, before, after) in numbers {
        say(what, before.to_string(), after.to_string());
    }
    let fraction = |part: f64| format!("{:.2} %", part * 100.0);
    say(
        "part of the GPU that may be used",
        fraction(before.memory_fraction),
        fraction(*memory_fraction),
    );
    say(
        "weights are kept as",
        code(before.quantisation.name),
        code(quantisation.name),
    );
    say(
        "keys and values are kept as",
        code(before.kv_dtype.name),
        code(kv_dtype.name),
    );
    say(
        "numbers are computed as",
        code(before.dtype.name()),
        code(dtype.name()),
    );
    say(
        "weights that stay in the memory of the machine",
        bytes(before.cpu_offload),
        bytes(*cpu_offload),
    );
    let most = |number: Option<u64>| number.map_or("unstated".to_owned(), |most| most.to_string());
    let (images, videos) = (media.images, media.videos);
    say(
        "most images of a prompt",
        most(before.media.images),
        most(images),
    );
    say(
        "most videos of a prompt",
        most(before.media.videos),
        most(videos),
    );
    let graphs = |eager: bool| if eager { "off" } else { "on" }.to_owned();
    say("CUDA graphs", graphs(before.eager), graphs(*eager));
    let files = |size: Option<u64>| {
        let size = size.and_then(|size| i64::try_from(size).ok());
        size.map_or("computed".to_owned(), gib)
    };
    say(
        "size of the weights",
        files(before.file_bytes),
        files(*file_bytes),
    );
    // Too many figures for words; what they change is told of the GPUs.
    let described = |before: bool| if before { "one" } else { "another" }.to_owned();
    let alike = before.architecture == *architecture;
    say(
        "description of the model that is loaded",
        described(true),
        described(alike),
    );
    let alike = before.engine == *engine;
    say(
        "how the engine takes memory (version, sampler, attention)",
        described(true),
        described(alike),
    );
}
