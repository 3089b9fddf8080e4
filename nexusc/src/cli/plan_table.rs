//! `nexusc plan` for people: a bar for each GPU, and a table of what servers can serve.

use std::io::{self, Write};

use nexusc::plan::report::{Answers, Bounds, Gpu, Profile, Report, Server};
use nexusc::plan::verdict::Verdict;

const GIB: f64 = 1_073_741_824.0;

/// Columns of a bar.
const WIDTH: f64 = 64.0;

/// Prints the plan of a spec.
pub(super) fn print(plan: &Report, spec: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    if plan.profiles.is_empty() {
        return writeln!(
            out,
            "{spec}: nothing to plan; add `[gpus.NAME]`, and `[upstreams.NAME.engine]` to what runs on them"
        );
    }
    writeln!(out, "{spec}\n")?;
    table(&mut out, &plan.profiles)?;
    for profile in &plan.profiles {
        if let Some(name) = &profile.name {
            writeln!(out, "profile {name}\n")?;
        }
        for gpu in &profile.gpus {
            bar(&mut out, gpu)?;
        }
        writeln!(
            out,
            "  W weights  K keys and values  A activation  G CUDA graphs  C context  R reserved  . free\n"
        )?;
        for server in &profile.services {
            if let Some(answers) = server.answers() {
                changes(&mut out, &answers)?;
            }
        }
    }
    Ok(())
}

/// Every server of every profile in a line, with its verdict.
fn table(out: &mut impl Write, profiles: &[Profile]) -> io::Result<()> {
    let label = |profile: &Profile, server: &Server| match &profile.name {
        Some(name) => format!("{name}: {}", server.upstream),
        None => server.upstream.clone(),
    };
    let lines: Vec<(String, &Server)> = profiles
        .iter()
        .flat_map(|profile| {
            let services = profile.services.iter();
            services.map(move |server| (label(profile, server), server))
        })
        .collect();
    let width = lines
        .iter()
        .map(|(label, _)| label.len())
        .max()
        .unwrap_or(0)
        .max(8);
    writeln!(
        out,
        "{:width$}  {:12} {:>24} {:>10} {:>13} {:>13}",
        "upstream", "verdict", "KV cache, GiB", "tokens", "full length", "longest"
    )?;
    for (label, server) in lines {
        let verdict = verdict(server.verdict);
        let Some(capacity) = &server.capacity else {
            writeln!(out, "{label:width$}  {verdict:12} {:>24}", "stated")?;
            continue;
        };
        let Bounds { low, likely, high } = capacity.kv;
        let gib = |bytes: u64| bytes as f64 / GIB;
        let kv = format!("{:.2} ({:.2} to {:.2})", gib(likely), gib(low), gib(high));
        let length = server
            .settings
            .as_ref()
            .map_or(0, |settings| settings.max_len);
        let sequences = format!("{:.1} x {length}", capacity.sequences);
        let longest = capacity
            .longest
            .map_or("none".to_owned(), |length| length.to_string());
        let tokens = capacity.tokens.likely;
        writeln!(
            out,
            "{label:width$}  {verdict:12} {kv:>24} {tokens:>10} {sequences:>13} {longest:>13}"
        )?;
    }
    writeln!(out)
}

fn bar(out: &mut impl Write, gpu: &Gpu) -> io::Result<()> {
    let model = gpu.model.as_deref().unwrap_or("GPU");
    let free = gpu.free as f64 / GIB;
    let doubt = gpu.doubt as f64 / GIB;
    let used = (gpu.memory as f64 - gpu.free as f64) / GIB;
    writeln!(
        out,
        "{} ({model}), {:.2} GiB: {}, {used:.2} ± {doubt:.2} used, {free:.2} free",
        gpu.name,
        gpu.memory as f64 / GIB,
        verdict(gpu.verdict)
    )?;
    let mut kinds = vec![('R', gpu.reserved)];
    for service in &gpu.services {
        kinds.extend([
            ('W', service.weights),
            ('K', service.kv),
            ('A', service.activation),
            ('G', service.graphs),
            ('C', service.context),
        ]);
    }
    // Each border is rounded by itself, so that rounding never adds up.
    let (mut bytes, mut bar) = (0.0, String::new());
    for (kind, size) in kinds {
        bytes += size as f64;
        let end = (bytes / (gpu.memory as f64).max(1.0) * WIDTH)
            .round()
            .min(2.0 * WIDTH) as usize;
        while bar.len() < end {
            bar.push(kind);
        }
    }
    while bar.len() < WIDTH as usize {
        bar.push('.');
    }
    let (inside, beyond) = bar.split_at(WIDTH as usize);
    writeln!(out, "  [{inside}]{beyond}")?;
    for service in &gpu.services {
        let gib = |bytes: u64| bytes as f64 / GIB;
        writeln!(
            out,
            "   {}: weights {:.2}, keys and values {:.2}, activation {:.2}, graphs {:.2}, context {:.2} GiB",
            service.upstream,
            gib(service.weights),
            gib(service.kv),
            gib(service.activation),
            gib(service.graphs),
            gib(service.context)
        )?;
    }
    Ok(())
}

fn changes(out: &mut impl Write, answers: &Answers) -> io::Result<()> {
    writeln!(out, "{}, with another setting:", answers.upstream)?;
    for change in &answers.changes {
        writeln!(
            out,
            "  {:36} {:13} {:>10} tokens, {:.1} at full length",
            change.setting,
            verdict(change.verdict),
            change.tokens,
            change.sequences
        )?;
    }
    let sets: Vec<String> = answers
        .gpus
        .iter()
        .map(|set| format!("{} x {}", set.number, set.model))
        .collect();
    if sets.is_empty() {
        writeln!(
            out,
            "  no eight GPUs of one model of the catalogue carry it\n"
        )
    } else {
        writeln!(
            out,
            "  the smallest GPUs that carry it as it is: {}\n",
            sets.join(", ")
        )
    }
}

fn verdict(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Fits => "fits",
        Verdict::MayNotFit => "may not fit",
        Verdict::DoesNotFit => "does not fit",
    }
}
