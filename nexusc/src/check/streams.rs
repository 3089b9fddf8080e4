//! What is said of streams has an effect: a comment comes before every upstream has been given up (NX0561),
//! and some upstream is asked for usage (NX0563).

use std::time::Duration;

use crate::check::Context;
use crate::diagnostic::Diagnostic;
use crate::diagnostic::code::Code;
use crate::ir::Stream;
use crate::source::Place;

pub(super) fn check(context: &mut Context<'_>) {
    let topology = context.topology;
    let Some(stream) = &topology.gateway.stream else {
        return;
    };
    if topology.upstreams.iter().next().is_none() || context.is_partial("upstreams") {
        return;
    }
    check_keep_alive(context, stream);
    if stream.usage
        && topology
            .upstreams
            .iter()
            .all(|upstream| !upstream.stream_usage)
    {
        let diagnostic = Diagnostic::new(
            Code::NX0563,
            "no upstream is asked for the usage of streams",
            Place::Value(stream.path.key("usage")),
            "every upstream says `stream_usage = false`",
        )
        .help(
            "remove `usage`, or `stream_usage = false` where a server understands `stream_options`",
        );
        context.report(diagnostic);
    }
}

fn check_keep_alive(context: &mut Context<'_>, stream: &Stream) {
    let Some(every) = stream.keep_alive else {
        return;
    };
    let upstreams = || {
        context
            .topology
            .upstreams
            .iter()
            .map(|upstream| upstream.timeouts)
    };
    // A request that is passed from one to the next waits no longer than for all of them together.
    let first_byte: Duration = upstreams()
        .map(|timeouts| timeouts.connect + timeouts.first_byte)
        .sum();
    let between_chunks = upstreams().map(|timeouts| timeouts.between_chunks).max();
    let longest = first_byte.max(between_chunks.unwrap_or_default());
    if every >= longest {
        let diagnostic = Diagnostic::new(
            Code::NX0561,
            format!("no client waits for {every:?}, so no comment is ever sent"),
            Place::Value(stream.path.key("keep_alive")),
            format!("all upstreams have been given up after {longest:?}"),
        )
        .help("make `keep_alive` shorter than the timeouts `first_byte` and `between_chunks`: `\"15s\"` is usual");
        context.report(diagnostic);
    }
}
