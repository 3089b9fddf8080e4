//! Lines on their way to a writing thread: gathered in a buffer of their worker, handed over in
//! batches. A worker never waits: a batch that finds the queue full is dropped, and counted.

use std::cell::{Cell, RefCell};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::Duration;

use prometheus::IntCounter;
use tokio::sync::Notify;

/// How many batches wait for the writer before they are dropped.
const QUEUE: usize = 256;

/// The size, in bytes, at which a batch is handed over without waiting.
const BATCH: usize = 32 * 1024;

/// Room for the line that fills a batch, so that it does not move; a longer one makes it grow.
const LINE: usize = 4 * 1024;

/// How long a line waits for company.
const DELAY: Duration = Duration::from_millis(50);

/// The way to a writing thread.
#[derive(Clone)]
pub(crate) struct Queue {
    batches: SyncSender<Vec<u8>>,
    dropped: IntCounter,
    /// Whether the last batch found no room. Of two workers whose batches come at once, either may be the last; what
    /// is wrong then, the next batch sets right.
    full: Arc<AtomicBool>,
}

/// A queue, and its end; lines that find no room are counted in `dropped`.
pub(crate) fn queue(dropped: IntCounter) -> (Queue, Receiver<Vec<u8>>) {
    queue_of(QUEUE, dropped)
}

fn queue_of(length: usize, dropped: IntCounter) -> (Queue, Receiver<Vec<u8>>) {
    let (batches, end) = sync_channel(length);
    let full = Arc::default();
    let queue = Queue {
        batches,
        dropped,
        full,
    };
    (queue, end)
}

impl Queue {
    /// Hands over a batch of so many lines, if there is room.
    pub(crate) fn send(&self, batch: Vec<u8>, lines: u64) {
        let full = self.batches.try_send(batch).is_err();
        if full {
            self.dropped.inc_by(lines);
        }
        // Reading first keeps the cache line shared among cores while nothing changes.
        if self.full.load(Ordering::Relaxed) != full {
            self.full.store(full, Ordering::Relaxed);
        }
    }

    /// Whether the last batch found no room.
    #[cfg(feature = "audit")]
    pub(crate) fn is_full(&self) -> bool {
        self.full.load(Ordering::Relaxed)
    }
}

/// The lines of one worker.
pub(crate) struct Batches {
    queue: Queue,
    batch: RefCell<Vec<u8>>,
    lines: Cell<u64>,
    waiting: Notify,
}

impl Batches {
    /// Lines for `queue`.
    pub(crate) fn new(queue: Queue) -> Self {
        let (batch, lines) = (RefCell::new(Vec::new()), Cell::new(0));
        Self {
            queue,
            batch,
            lines,
            waiting: Notify::new(),
        }
    }

    /// Adds the line that `write` appends.
    pub(crate) fn add(&self, write: impl FnOnce(&mut Vec<u8>)) {
        let mut batch = self.batch.borrow_mut();
        let left = BATCH + LINE - batch.len();
        batch.reserve(left);
        write(&mut batch);
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
            self.queue.send(batch, lines);
        }
    }

    /// Hands lines over in time, for as long as it is polled. Sleeps while there are none.
    pub(crate) async fn keep_flushing(&self) {
        loop {
            self.waiting.notified().await;
            tokio::time::sleep(DELAY).await;
            self.flush();
        }
    }
}

impl Drop for Batches {
    fn drop(&mut self) {
        self.flush();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_queue_drops_lines_and_counts_them() {
        let dropped = IntCounter::new("dropped", "dropped").unwrap();
        let (queue, end) = queue_of(1, dropped.clone());
        let batches = Batches::new(queue);
        for _ in 0..3 {
            batches.add(|buffer| buffer.extend_from_slice(b"one\n"));
            batches.add(|buffer| buffer.extend_from_slice(b"two\n"));
            batches.flush();
        }
        drop(batches);
        assert_eq!(dropped.get(), 4);
        let kept: Vec<u8> = end.iter().flatten().collect();
        assert_eq!(kept, b"one\ntwo\n");
    }
}
