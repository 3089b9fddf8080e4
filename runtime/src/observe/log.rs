//! How log lines leave: in batches to the one thread that writes to standard output.

#[cfg(feature = "otlp")]
use std::borrow::Cow;
use std::io::{self, Write};
#[cfg(feature = "otlp")]
use std::net::IpAddr;
use std::rc::Rc;
use std::thread::JoinHandle;
use std::time::Duration;

use prometheus::IntCounter;

use crate::observe::batch::{self, Batches, End, Queue};
use crate::observe::level::Level;
use crate::observe::line::Line;
#[cfg(feature = "otlp")]
use crate::observe::mask;
use crate::observe::sample;
use crate::observe::thread;
use crate::topology::{Privacy, Share, Topology};

/// The way to the writing thread, for one of the threads that log.
#[derive(Clone)]
pub(crate) struct Sink {
    queue: Queue,
    level: Level,
    privacy: Option<&'static Privacy>,
    /// The part of successful requests that is logged, where nothing narrower says otherwise.
    sample: Option<Share>,
}

/// The writing thread. It ends when every [`Sink`] is gone.
pub(crate) struct Writer {
    thread: JoinHandle<()>,
}

/// Starts the writing thread, as `topology` wants its lines; those that it cannot take are counted in
/// `dropped`.
pub(crate) fn start(
    level: Level,
    topology: &'static Topology,
    dropped: IntCounter,
    output: impl Write + Send + 'static,
) -> io::Result<(Sink, Writer)> {
    let (queue, batches) = batch::queue(dropped.clone());
    let thread = std::thread::Builder::new()
        .name("log".to_owned())
        .spawn(move || write_all(batches, output, &dropped))?;
    Ok((
        Sink {
            queue,
            level,
            privacy: topology.privacy.as_ref(),
            sample: topology.log_sample,
        },
        Writer { thread },
    ))
}

/// Writes until there is no more to come. A line that cannot be written, as on a full disk, is not tried again:
/// the log goes on with what is new, and the metric is the place that tells of a broken log.
fn write_all(batches: End, mut output: impl Write, dropped: &IntCounter) {
    for batch in batches {
        let written = write(&mut output, &batch);
        let lost = batch.get(written..).unwrap_or_default();
        dropped.inc_by(memchr::memchr_iter(b'\n', lost).count() as u64);
    }
}

/// Writes as much of `batch` as `output` takes; how many bytes that is.
fn write(output: &mut impl Write, batch: &[u8]) -> usize {
    let mut written = 0;
    while let Some(rest) = batch.get(written..).filter(|rest| !rest.is_empty()) {
        match output.write(rest) {
            Ok(0) => break,
            Ok(more) => written += more,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(_) => break,
        }
    }
    // What standard output has taken and cannot pass on yet, it keeps and writes before anything else.
    let _ = output.flush();
    written
}

impl Writer {
    /// Waits until everything is written, but not longer than `limit`: a pipe that nobody reads
    /// must not keep the process alive.
    pub(crate) fn finish(self, limit: Duration) {
        thread::ends_within(self.thread, limit);
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
            line.write(&mut batch, self.privacy);
            self.queue.send(batch, 1);
        }
    }
}

/// The log of one worker.
pub(crate) struct Log {
    sink: Sink,
    batches: Batches,
}

impl Log {
    /// A log whose lines go to `sink`.
    pub(crate) fn new(sink: Sink) -> Self {
        let batches = Batches::new(sink.queue.clone());
        Self { sink, batches }
    }

    /// Whether lines of `level` are wanted.
    pub(crate) fn wants(&self, level: Level) -> bool {
        self.sink.wants(level)
    }

    /// Whether the success of a request of this trace is wanted, of whose kind `share` is.
    pub(crate) fn samples(&self, share: Option<Share>, trace_id: &[u8]) -> bool {
        let share = share.or(self.sink.sample);
        share.is_none_or(|share| sample::takes(share, trace_id))
    }

    /// A text of a client without what must not be written.
    #[cfg(feature = "otlp")]
    pub(crate) fn shown<'t>(&self, text: &'t str) -> Cow<'t, str> {
        mask::text(self.sink.privacy, text)
    }

    /// As much of the address of a client as may be written.
    #[cfg(feature = "otlp")]
    pub(crate) fn shown_ip(&self, client_ip: IpAddr) -> IpAddr {
        mask::ip(self.sink.privacy, client_ip)
    }

    /// Logs `line` soon.
    pub(crate) fn line(&self, line: &Line<'_>) {
        if self.wants(line.level) {
            self.batches
                .add(|buffer| line.write(buffer, self.sink.privacy));
        }
    }

    /// Hands everything over.
    pub(crate) fn flush(&self) {
        self.batches.flush();
    }

    /// Hands lines over in time, for as long as it is polled.
    pub(crate) async fn keep_flushing(self: Rc<Self>) {
        self.batches.keep_flushing().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::CHAT;

    fn counter() -> IntCounter {
        IntCounter::new("dropped", "dropped").unwrap()
    }

    fn line(level: Level) -> Line<'static> {
        Line::new(level, "nexus.test", "text")
    }

    #[test]
    fn what_is_less_important_than_the_level_is_not_logged() {
        let (queue, batches) = batch::queue(counter());
        let sink = Sink {
            queue,
            level: Level::Warn,
            privacy: None,
            sample: None,
        };
        sink.line(&line(Level::Info));
        sink.line(&line(Level::Error));
        drop(sink);
        assert_eq!(batches.count(), 1);
    }

    #[test]
    fn lines_that_find_a_full_disk_are_counted_and_what_is_written_is_whole() {
        /// Takes a line and a half, then nothing, then everything.
        struct Disk {
            answers: Vec<io::Result<usize>>,
            written: Vec<u8>,
        }
        impl Write for &mut Disk {
            fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
                let taken = self.answers.pop().unwrap_or(Ok(bytes.len()))?;
                self.written.extend_from_slice(&bytes[..taken]);
                Ok(taken)
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let error = |kind: io::ErrorKind| Err(kind.into());
        let full = || error(io::ErrorKind::StorageFull);
        let mut disk = Disk {
            answers: vec![full(), full(), Ok(15), error(io::ErrorKind::Interrupted)],
            written: Vec::new(),
        };
        let (queue, batches) = batch::queue(counter());
        queue.send(b"one of 500\n".repeat(500), 500);
        queue.send(b"the last\n".to_vec(), 1);
        drop(queue);
        let dropped = counter();
        write_all(batches, io::LineWriter::new(&mut disk), &dropped);
        let written = String::from_utf8(disk.written).unwrap();
        let (others, last) = written
            .strip_suffix('\n')
            .unwrap()
            .rsplit_once('\n')
            .unwrap();
        assert_eq!(last, "the last");
        assert!(others.lines().all(|line| line == "one of 500"));
        assert!(dropped.get() > 0);
        assert_eq!(others.lines().count() as u64 + dropped.get(), 500);
    }

    #[test]
    fn nothing_is_lost_at_the_end() {
        let (sender, written) = std::sync::mpsc::channel();
        struct Output(std::sync::mpsc::Sender<Vec<u8>>);
        impl Write for Output {
            fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
                self.0.send(bytes.to_vec()).unwrap();
                Ok(bytes.len())
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let (sink, writer) = start(Level::Info, &CHAT, counter(), Output(sender)).unwrap();
        let log = Log::new(sink);
        log.line(&line(Level::Info));
        drop(log);
        writer.finish(Duration::from_secs(10));
        assert_eq!(written.iter().count(), 1);
    }
}
