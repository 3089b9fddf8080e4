//! The thread that writes audit records, and what is known about it elsewhere.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{JoinHandle, sleep};
use std::time::Duration;

use crate::observe::audit::output::Output;
use crate::observe::batch::End;
use crate::observe::level::Level;
use crate::observe::line::Line;
use crate::observe::{log, thread};

/// How long after a failure writing is tried again.
const RETRY: Duration = Duration::from_millis(100);

/// Whether records can be written.
#[derive(Default)]
pub(super) struct State {
    failing: AtomicBool,
}

impl State {
    /// Whether the last attempt to write failed.
    pub(super) fn is_failing(&self) -> bool {
        self.failing.load(Ordering::Relaxed)
    }

    /// Notes how an attempt went; says whether that is news.
    fn set(&self, failing: bool) -> bool {
        self.failing.swap(failing, Ordering::Relaxed) != failing
    }
}

/// The writing thread. It ends when every way to it is gone and all is written.
pub(crate) struct Writer {
    thread: JoinHandle<()>,
    log: log::Sink,
}

/// Starts the writing thread.
pub(super) fn start(
    output: Output,
    batches: End,
    state: Arc<State>,
    log: log::Sink,
) -> io::Result<Writer> {
    let pen = Pen {
        output,
        state,
        log: log.clone(),
    };
    let thread = std::thread::Builder::new().name("audit".to_owned());
    let thread = thread.spawn(move || pen.write_all(batches))?;
    Ok(Writer { thread, log })
}

impl Writer {
    /// Waits until everything is written, but not longer than `limit`: a disk that is full must not
    /// keep the process alive.
    pub(crate) fn finish(self, limit: Duration) {
        if !thread::ends_within(self.thread, limit) {
            let message = "records that could not be written are lost";
            self.log.line(&Line::new(Level::Error, LOGGER, message));
        }
    }
}

const LOGGER: &str = "nexus.audit-writer";

/// What writes.
struct Pen {
    output: Output,
    state: Arc<State>,
    log: log::Sink,
}

impl Pen {
    fn write_all(mut self, batches: End) {
        for batch in batches {
            let mut written = 0;
            while written < batch.len() {
                match self.write(&batch, written) {
                    Ok(until) => {
                        written = until;
                        self.note(None);
                    }
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                    Err(error) => {
                        self.note(Some(&error));
                        sleep(RETRY);
                    }
                }
            }
        }
    }

    /// Writes what is left of `batch`, of which so much is `written`; how much that makes.
    fn write(&mut self, batch: &[u8], written: usize) -> io::Result<usize> {
        let moved = self.output.follow()?;
        // No line is half in one file and half in the next.
        let start = if moved {
            line_start(batch, written)
        } else {
            written
        };
        let rest = batch.get(start..).unwrap_or_default();
        match self.output.write(rest)? {
            0 => Err(io::ErrorKind::WriteZero.into()),
            more => Ok(start + more),
        }
    }

    /// Says so when writing begins to fail, and when it no longer does.
    fn note(&self, error: Option<&io::Error>) {
        if !self.state.set(error.is_some()) {
            return;
        }
        let line = match error {
            Some(error) => (
                Level::Error,
                format!("audit log cannot be written: {error}"),
            ),
            None => (Level::Info, "audit log is written again".to_owned()),
        };
        self.log.line(&Line::new(line.0, LOGGER, &line.1));
    }
}

/// Where the line begins that has the byte at `place`.
fn line_start(batch: &[u8], place: usize) -> usize {
    let before = batch.get(..place).unwrap_or_default();
    memchr::memrchr(b'\n', before).map_or(0, |end| end + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_that_was_begun_is_begun_again() {
        let batch = b"one\ntwo\n";
        assert_eq!(
            [0, 3, 4, 6, 8].map(|place| line_start(batch, place)),
            [0, 0, 4, 4, 8]
        );
    }
}
