//! Lines on their way to a writing thread: gathered in a buffer of their worker, handed over in
//! batches. A worker never waits: a batch that finds no room in the queue is dropped, and counted.
//!
//! The room is counted in bytes. In batches it would be gone with a line in each: a worker with little to do hands over
//! twenty a second.

use std::cell::{Cell, RefCell};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use prometheus::IntCounter;
use tokio::sync::Notify;

use crate::room::Room;
use crate::topology::MIB;

/// How many bytes wait for the writer before lines are dropped.
const ROOM: usize = 8 * MIB;

/// What a batch takes beside its lines, in bytes: rather too much.
const BESIDE: usize = 64;

/// The size, in bytes, at which a batch is handed over without waiting.
const BATCH: usize = 32 * 1024;

/// Room for the line that fills a batch, so that it does not move; a longer one makes it grow.
const LINE: usize = 4 * 1024;

/// How long a line waits for company.
const DELAY: Duration = Duration::from_millis(50);

/// The way to a writing thread.
#[derive(Clone)]
pub(crate) struct Queue {
    batches: Sender<Vec<u8>>,
    room: Arc<Room>,
    dropped: IntCounter,
}

/// The end of a queue: batches come out in the order in which they were handed over, until every way to it is gone.
pub(crate) struct End {
    batches: Receiver<Vec<u8>>,
    room: Arc<Room>,
}

/// A queue, and its end; lines that find no room are counted in `dropped`.
pub(crate) fn queue(dropped: IntCounter) -> (Queue, End) {
    queue_of(ROOM, dropped)
}

fn queue_of(room: usize, dropped: IntCounter) -> (Queue, End) {
    let (sender, batches) = channel();
    let room = Arc::new(Room::new(room));
    let queue = Queue {
        batches: sender,
        room: Arc::clone(&room),
        dropped,
    };
    (queue, End { batches, room })
}

impl Queue {
    /// Hands over a batch of so many lines, if there is room.
    pub(crate) fn send(&self, batch: Vec<u8>, lines: u64) {
        let is_sent = self.room.take(size(&batch)) && self.batches.send(batch).is_ok();
        if !is_sent {
            self.dropped.inc_by(lines);
        }
    }

    /// Whether little room is left. A quarter is: for the lines of requests that are being served, so that who serves
    /// no more of them now loses none.
    #[cfg(feature = "audit")]
    pub(crate) fn is_nearly_full(&self) -> bool {
        self.room.is_nearly_full()
    }
}

impl Iterator for End {
    type Item = Vec<u8>;

    fn next(&mut self) -> Option<Vec<u8>> {
        let batch = self.batches.recv().ok()?;
        self.room.give_back(size(&batch));
        Some(batch)
    }
}

impl Drop for End {
    fn drop(&mut self) {
        // Nobody will write: there is no room for anything.
        self.room.close();
    }
}

/// What a batch takes of the room.
fn size(batch: &Vec<u8>) -> usize {
    batch.capacity() + BESIDE
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
        let mut batch = self.batch.take();
        let lines = self.lines.take();
        if lines > 0 {
            if batch.len() < BATCH {
                batch.shrink_to_fit();
            }
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
    use proptest::prelude::*;

    use super::*;

    fn counter() -> IntCounter {
        IntCounter::new("dropped", "dropped").unwrap()
    }

    /// A line of a record's length with this number.
    fn line(number: usize) -> Vec<u8> {
        format!("{number:0>350}\n").into_bytes()
    }

    fn add(batches: &Batches, number: usize) {
        batches.add(|buffer| buffer.extend_from_slice(&line(number)));
    }

    /// The numbers of the lines that come out.
    fn numbers(batches: impl Iterator<Item = Vec<u8>>) -> Vec<usize> {
        let text = String::from_utf8(batches.flatten().collect()).unwrap();
        text.lines().map(|line| line.parse().unwrap()).collect()
    }

    #[test]
    fn a_full_queue_drops_lines_and_counts_them() {
        let dropped = counter();
        let (queue, end) = queue_of(BESIDE + 8, dropped.clone());
        let batches = Batches::new(queue);
        for _ in 0..3 {
            batches.add(|buffer| buffer.extend_from_slice(b"one\n"));
            batches.add(|buffer| buffer.extend_from_slice(b"two\n"));
            batches.flush();
        }
        drop(batches);
        assert_eq!(dropped.get(), 4);
        let kept: Vec<u8> = end.flatten().collect();
        assert_eq!(kept, b"one\ntwo\n");
    }

    #[test]
    fn lines_that_come_one_by_one_wait_by_the_thousand() {
        let dropped = counter();
        let (queue, end) = queue(dropped.clone());
        let batches = Batches::new(queue);
        for number in 0..10_000 {
            add(&batches, number);
            batches.flush();
        }
        drop(batches);
        assert_eq!(numbers(end), Vec::from_iter(0..10_000));
        assert_eq!(dropped.get(), 0);
    }

    #[cfg(feature = "audit")]
    #[test]
    fn it_is_nearly_full_before_anything_is_lost_and_not_when_it_was_read() {
        for is_handed_over in [false, true] {
            let dropped = counter();
            let (queue, mut end) = queue(dropped.clone());
            let batches = Batches::new(queue.clone());
            let mut served = 0;
            while !queue.is_nearly_full() {
                add(&batches, served);
                if is_handed_over {
                    batches.flush();
                }
                served += 1;
            }
            // Those that are being served.
            for number in served..served + 4_000 {
                add(&batches, number);
            }
            batches.flush();
            assert_eq!(dropped.get(), 0);
            let mut read = Vec::new();
            while queue.is_nearly_full() {
                read.extend(end.next());
            }
            drop((batches, queue));
            read.extend(end);
            let all = numbers(read.into_iter());
            assert_eq!(all, Vec::from_iter(0..served + 4_000));
        }
    }

    #[cfg(feature = "audit")]
    #[test]
    fn a_queue_without_a_writer_is_full() {
        let dropped = counter();
        let (queue, end) = queue(dropped.clone());
        queue.send(b"one\n".to_vec(), 1);
        drop(end);
        assert!(queue.is_nearly_full());
        queue.send(b"two\n".to_vec(), 1);
        assert_eq!(dropped.get(), 1);
    }

    proptest! {
        #[test]
        fn whatever_comes_and_goes_lines_keep_their_order_and_are_written_or_counted(
            steps in prop::collection::vec(0..4_u8, 0..60),
        ) {
            let most = 2 * (BATCH + LINE + BESIDE);
            let dropped = counter();
            let (queue, mut end) = queue_of(most, dropped.clone());
            let batches = Batches::new(queue.clone());
            let (mut added, mut sent, mut read) = (0, 0, Vec::new());
            for step in steps {
                match step {
                    0 => batches.flush(),
                    1 if queue.room.taken() > 0 => read.extend(end.next()),
                    _ => for _ in 0..20 {
                        add(&batches, added);
                        added += 1;
                    },
                }
                sent = sent.max(queue.room.taken());
            }
            drop((batches, queue));
            read.extend(end);
            let read = numbers(read.into_iter());
            prop_assert!(sent <= most);
            prop_assert!(read.is_sorted());
            prop_assert_eq!(read.len() as u64 + dropped.get(), added as u64);
        }
    }
}
