//! How log lines leave: formatted into a buffer of their worker, handed over in batches to the one
//! thread that writes to standard output. A worker never waits for that: a batch that finds the
//! queue full is dropped, and counted.

use std::cell::{Cell, RefCell};
use std::io::Write;
use std::rc::Rc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;

use prometheus::IntCounter;
use tokio::sync::Notify;

use crate::observe::level::Level;
use crate::observe::line::Line;

/// How many batches wait for the writer before they are dropped.
const QUEUE: usize = 256;

/// The size, in bytes, at which a batch is handed over without waiting.
const BATCH: usize = 32 * 1024;

/// How long a line waits for company.
const DELAY: Duration = Duration::from_millis(50);

/// The way to the writing thread, for one of the threads that log.
#[derive(Clone)]
pub(crate) struct Sink {
    queue: SyncSender<Vec<u8>>,
    dropped: IntCounter,
    level: Level,
}

/// The writing thread. It ends when every [`Sink`] is gone.
pub(crate) struct Writer {
    thread: JoinHandle<()>,
}

/// Starts the writing thread; lines that it cannot take are counted in `dropped`.
pub(crate) fn start(
    level: Level,
    dropped: IntCounter,
    output: impl Write + Send + 'static,
) -> std::io::Result<(Sink, Writer)> {
    let (queue, batches) = sync_channel(QUEUE);
    let thread = std::thread::Builder::new()
        .name("log".to_owned())
        .spawn(move || write_all(&batches, output))?;
    Ok((
        Sink {
            queue,
            dropped,
            level,
        },
        Writer { thread },
    ))
}

fn write_all(batches: &Receiver<Vec<u8>>, mut output: impl Write) {
    while let Ok(batch) = batches.recv() {
        // There is no other place to report a broken log to.
        let _ = output.write_all(&batch).and_then(|()| output.flush());
    }
}

impl Writer {
    /// Waits until everything is written, but not longer than `limit`: a pipe that nobody reads
    /// must not keep the process alive.
    pub(crate) fn finish(self, limit: Duration) {
        let (done, finished) = sync_channel::<()>(1);
        // The channel closes, and the wait ends, when the waiting thread does.
        std::thread::spawn(move || {
            let _ = self.thread.join();
            drop(done);
        });
        let _ = finished.recv_timeout(limit);
    }
}

impl Sink {
    /// Whether lines of `level` are wanted.
    pub(crate) fn wants(&self, level: Level) -> bool {
        level <= self.level
    }

    /// Logs one line by itself.
    pub(crate) fn line(&self, line: &Line<'_>) {
        if self.wants(line.level) {
            let mut batch = Vec::with_capacity(512);
            line.write(&mut batch);
            self.send(batch, 1);
        }
    }

    fn send(&self, batch: Vec<u8>, lines: u64) {
        if self.queue.try_send(batch).is_err() {
            self.dropped.inc_by(lines);
        }
    }
}

/// The log of one worker.
pub(crate) struct Log {
    sink: Sink,
    batch: RefCell<Vec<u8>>,
    lines: Cell<u64>,
    waiting: Notify,
}

impl Log {
    /// A log whose lines go to `sink`.
    pub(crate) fn new(sink: Sink) -> Self {
        let (batch, lines) = (RefCell::new(Vec::new()), Cell::new(0));
        Self {
            sink,
            batch,
            lines,
            waiting: Notify::new(),
        }
    }

    /// Whether lines of `level` are wanted.
    pub(crate) fn wants(&self, level: Level) -> bool {
        self.sink.wants(level)
    }

    /// Logs `line` soon.
    pub(crate) fn line(&self, line: &Line<'_>) {
        if !self.wants(line.level) {
            return;
        }
        let mut batch = self.batch.borrow_mut();
        line.write(&mut batch);
        self.lines.set(self.lines.get() + 1);
        if self.lines.get() == 1 {
            self.waiting.notify_one();
        }
        if batch.len() >= BATCH {
            drop(batch);
            self.flush();
        }
    }

    /// Hands everything over.
    pub(crate) fn flush(&self) {
        let batch = self.batch.take();
        let lines = self.lines.take();
        if lines > 0 {
            self.sink.send(batch, lines);
        }
    }

    /// Hands lines over in time, for as long as it is polled. Sleeps while there are none.
    pub(crate) async fn keep_flushing(self: Rc<Self>) {
        loop {
            self.waiting.notified().await;
            tokio::time::sleep(DELAY).await;
            self.flush();
        }
    }
}

impl Drop for Log {
    fn drop(&mut self) {
        self.flush();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counter() -> IntCounter {
        IntCounter::new("dropped", "dropped").unwrap()
    }

    fn line(level: Level) -> Line<'static> {
        Line::new(level, "nexus.test", "text")
    }

    #[test]
    fn what_is_less_important_than_the_level_is_not_logged() {
        let (queue, batches) = sync_channel(8);
        let sink = Sink {
            queue,
            dropped: counter(),
            level: Level::Warn,
        };
        sink.line(&line(Level::Info));
        sink.line(&line(Level::Error));
        drop(sink);
        assert_eq!(batches.iter().count(), 1);
    }

    #[test]
    fn a_full_queue_drops_lines_and_counts_them() {
        let (queue, batches) = sync_channel(1);
        let dropped = counter();
        let log = Log::new(Sink {
            queue,
            dropped: dropped.clone(),
            level: Level::Info,
        });
        for _ in 0..3 {
            log.line(&line(Level::Info));
            log.line(&line(Level::Info));
            log.flush();
        }
        drop(log);
        assert_eq!(dropped.get(), 4);
        let kept: Vec<u8> = batches.iter().flatten().collect();
        assert_eq!(kept.iter().filter(|byte| **byte == b'\n').count(), 2);
    }

    #[test]
    fn nothing_is_lost_at_the_end() {
        let (sender, written) = std::sync::mpsc::channel();
        struct Output(std::sync::mpsc::Sender<Vec<u8>>);
        impl Write for Output {
            fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
                self.0.send(bytes.to_vec()).unwrap();
                Ok(bytes.len())
            }
            fn flush(&mut self) -> std::io::Result<()> {
                Ok(())
            }
        }
        let (sink, writer) = start(Level::Info, counter(), Output(sender)).unwrap();
        let log = Log::new(sink);
        log.line(&line(Level::Info));
        drop(log);
        writer.finish(Duration::from_secs(10));
        assert_eq!(written.iter().count(), 1);
    }
}
