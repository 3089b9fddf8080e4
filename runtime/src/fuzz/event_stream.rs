//! A stream of events passes byte for byte however it arrives: nothing is added, nothing is missing but the usage
//! that only the gateway asked for and what follows `[DONE]`.

use std::collections::BTreeSet;

use bytes::Bytes;
use tokio::time::Instant;

use crate::fixture::{account, dataplane, worker};
use crate::fuzz::splits;
use crate::observe::account::Account;
use crate::sse::{self, Boundaries};
use crate::stream::observer::{Manner, Observer, Passage};
use crate::stream::usage::is_usage_alone;

/// An event that is longer is not kept as a whole while it arrives, and so is not looked at as a whole.
const LONGEST: usize = 16 * 1024;

thread_local! {
    static ACCOUNT: Box<Account> = account(&worker(dataplane()));
}

/// The property.
pub fn holds(stream: &[u8]) {
    if stream.len() >= LONGEST {
        return;
    }
    let events = events(stream);
    for pieces in splits::ways(stream) {
        boundaries_are_found(stream, &pieces, &events);
        for hides_usage in [false, true] {
            passes(stream, &pieces, &events, hides_usage);
        }
    }
}

/// The ends of all events in a stream, by the definition: after an empty line that is not the first.
fn events(stream: &[u8]) -> Vec<usize> {
    let mut ends = Vec::new();
    let (mut at, mut has_lines) = (0, false);
    while let Some(length) = stream
        .get(at..)
        .and_then(|rest| rest.iter().position(|byte| matches!(byte, b'\n' | b'\r')))
    {
        let end = at + length;
        let is_crlf = stream.get(end..end + 2) == Some(b"\r\n");
        at = end + if is_crlf { 2 } else { 1 };
        if length > 0 {
            has_lines = true;
        } else if has_lines {
            has_lines = false;
            ends.push(at);
        }
    }
    ends
}

fn boundaries_are_found(stream: &[u8], pieces: &[&[u8]], events: &[usize]) {
    let mut boundaries = Boundaries::new();
    let (mut found, mut passed) = (Vec::new(), 0);
    for piece in pieces {
        let mut at = boundaries.rest_of_line_end(piece);
        // A line feed that comes late belongs to the event that ended right before it.
        if at > 0
            && let Some(last) = found.last_mut()
            && *last == passed
        {
            *last += at;
        }
        while let Some(length) = boundaries.next_end(piece.get(at..).unwrap_or_default()) {
            at += length;
            found.push(passed + at);
        }
        passed += piece.len();
    }
    assert_eq!(found, events);
    let tail = stream.get(events.last().copied().unwrap_or(0)..);
    let is_blank = tail.is_none_or(|tail| tail.iter().all(|byte| matches!(byte, b'\n' | b'\r')));
    assert_eq!(boundaries.between_events(), is_blank);
}

/// What the client gets of `stream` in these pieces is as it must be.
fn passes(stream: &[u8], pieces: &[&[u8]], events: &[usize], hides_usage: bool) {
    let mut observer = Observer::of_events(Manner {
        hides_usage,
        has_no_end: false,
    });
    let mut got = Vec::new();
    for piece in pieces {
        let piece = Bytes::copy_from_slice(piece);
        match ACCOUNT.with(|account| observer.see(&piece, Instant::now(), account)) {
            Passage::Whole => got.extend_from_slice(&piece),
            Passage::Parts(parts) => parts.iter().for_each(|part| got.extend_from_slice(part)),
        }
        // As the relay does.
        if observer.is_done() {
            break;
        }
    }
    // Where in it the events so far may have ended: of one that is hidden the empty lines before it may have passed.
    let mut ends = BTreeSet::from([0]);
    let mut start = 0;
    let mut is_done = false;
    for &end in events {
        let event = stream.get(start..end).expect("events lie in their stream");
        start = end;
        is_done = sse::is_done(event);
        let may_be_hidden = hides_usage && is_usage_alone(event);
        let empty = event
            .iter()
            .take_while(|byte| matches!(byte, b'\n' | b'\r'));
        let empty = if may_be_hidden { empty.count() + 1 } else { 0 };
        let after = |at: usize| {
            let rest = got.get(at..).unwrap_or_default();
            // A line feed that comes after the end of all is nobody's.
            let is_last = is_done && event.strip_suffix(b"\n") == Some(rest);
            let passed = rest.starts_with(event) || is_last;
            let whole = passed.then_some(event.len().min(rest.len()));
            let parts = (0..empty).filter(|length| rest.starts_with(event.split_at(*length).0));
            let lengths: Vec<_> = parts.chain(whole).collect();
            lengths.into_iter().map(move |length| at + length)
        };
        ends = ends.into_iter().flat_map(after).collect();
        assert!(
            !ends.is_empty(),
            "{} is missing in {}",
            event.escape_ascii(),
            got.escape_ascii()
        );
        if is_done {
            break;
        }
    }
    assert_eq!(observer.is_done(), is_done);
    let tail = stream.get(start..).unwrap_or_default();
    let is_right = |end: &usize| {
        let rest = got.get(*end..).unwrap_or_default();
        if is_done {
            rest.is_empty()
        } else if hides_usage {
            // What may turn out to be the usage is held back.
            tail.starts_with(rest)
        } else {
            rest == tail
        }
    };
    assert!(
        ends.iter().any(is_right),
        "{} does not end as {}",
        got.escape_ascii(),
        stream.escape_ascii()
    );
}
