//! Starts the workers, waits for signals, and brings the process to its end.

use std::io;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use sd_notify::NotifyState;
use thiserror::Error;
use tokio::runtime;
use tokio::sync::{Notify, Semaphore, mpsc, watch};
use tokio::time::timeout;

use crate::admin;
use crate::dataplane::Dataplane;
use crate::environment::Process;
use crate::observe::level::Level;
use crate::observe::line::Line;
use crate::observe::log::{self, Sink};
use crate::observe::panics;
use crate::observe::reports::{self, Sinks};
use crate::server::listener::Listeners;
use crate::server::stage::{Shared, Stage};
use crate::server::{descriptors, listener, manager, signals, thread};
#[cfg(feature = "certificates")]
use crate::tls::watch::Watch;

/// How long the log may take to be written out at the end.
const LOG_GRACE: Duration = Duration::from_secs(1);

/// How long streams that are cut may take to say so. With [`LOG_GRACE`] for both kinds of writers it is less than what any
/// of the emitted units and manifests leaves after `shutdown_grace`.
const CUT_GRACE: Duration = Duration::from_secs(2);

/// Why the gateway could not start, or had to stop.
#[derive(Debug, Error)]
pub(crate) enum ServerError {
    #[error(transparent)]
    Listen(#[from] listener::BindError),
    #[error("cannot start: {0}")]
    Start(#[from] io::Error),
    #[error("a worker has ended unexpectedly")]
    WorkerEnded,
}

/// Dropped at the end of a worker's thread, also when it panics.
struct EndOfWorker(Arc<Notify>);

impl Drop for EndOfWorker {
    fn drop(&mut self) {
        self.0.notify_one();
    }
}

/// Serves `dataplane` until a signal asks for a stop, and what is in flight then has ended.
pub(crate) fn run(
    dataplane: &'static Dataplane,
    process: &Process,
    reports: reports::Settings,
) -> Result<(), ServerError> {
    // First, while there are no other threads.
    let listeners = listener::open(process.listen, process.workers)?;
    let dropped = dataplane.metrics.log_dropped.clone();
    let (sink, writer) = log::start(process.level, dataplane.topology, dropped, io::stdout())?;
    panics::log_to(sink.clone());
    let (topology, metrics) = (dataplane.topology, &dataplane.metrics);
    let (sinks, writers) = reports::start(topology, reports, metrics, &sink)?;
    let ended = run_logging(dataplane, process, listeners, sink, sinks);
    writers.finish(LOG_GRACE);
    // The hook holds a way to the writer, which ends with the last of them.
    let _ = std::panic::take_hook();
    writer.finish(LOG_GRACE);
    ended
}

fn run_logging(
    dataplane: &'static Dataplane,
    process: &Process,
    listeners: Listeners,
    sink: Sink,
    sinks: Sinks,
) -> Result<(), ServerError> {
    let workers = process.workers.get();
    let address = listener::address(&listeners.sockets)?;
    let connections = dataplane
        .topology
        .gateway
        .max_connections
        .min(Semaphore::MAX_PERMITS / 2);
    let connections = descriptors::provide(connections, dataplane.topology.gateway.http2, &sink);
    let permits = Arc::new(Semaphore::new(connections + workers));
    let (advance, stage) = watch::channel(Stage::Serving);
    // Before the workers, so that none of them takes a signal instead.
    let supervisor = runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let context = supervisor.enter();
    let signals = signals::Signals::listen()?;
    #[cfg(feature = "certificates")]
    let watch = Watch::new(dataplane)?;
    drop(context);
    let shared = Shared {
        dataplane,
        permits: Arc::clone(&permits),
        #[cfg(feature = "http2")]
        places: connections.div_ceil(workers),
        holder: listeners.holder,
        stage,
        sink: sink.clone(),
        sinks,
    };
    // Before there are clients that could take them.
    let each = u32::try_from(workers).unwrap_or(u32::MAX);
    let accepting = Arc::clone(&permits).try_acquire_many_owned(each);
    let mut accepting = accepting.expect("nobody else has taken any");
    let (taking, mut all_taken) = mpsc::channel(1);
    let worker_ended = Arc::new(Notify::new());
    let mut threads = Vec::with_capacity(workers);
    for (index, listener) in listeners.sockets.into_iter().enumerate() {
        let shared = shared.clone();
        let accepting = accepting.split(1).expect("there is one for each worker");
        let taking = taking.clone();
        let end = EndOfWorker(Arc::clone(&worker_ended));
        let thread = std::thread::Builder::new().name(format!("worker-{index}"));
        threads.push(thread.spawn(move || {
            let _end = end;
            thread::run(shared, listener, accepting, taking, index == 0)
        })?);
    }
    drop((shared, taking));
    #[cfg(feature = "nvml")]
    let _gpus = match dataplane.gpus() {
        Some(gpus) => Some(gpus.watch(sink.clone())?),
        None => None,
    };
    admin::announce(dataplane, &sink);
    let mut listening = Line::new(Level::Info, LOGGER, "listening");
    listening.address = Some(address);
    sink.line(&listening);
    manager::tell(NotifyState::Ready, &sink);

    let grace = dataplane.topology.gateway.shutdown_grace;
    let all = u32::try_from(connections + workers).unwrap_or(u32::MAX);
    #[cfg(feature = "certificates")]
    let watch = {
        let sink = sink.clone();
        supervisor.spawn(async move { watch.keep(&sink).await })
    };
    let outcome = supervisor.block_on(async {
        // Workers end when they are told to. One that ends before has failed, and its share of the
        // clients would wait in vain: better to be restarted as a whole.
        tokio::select! {
            () = signals.stop_asked() => {}
            () = worker_ended.notified() => return Err(ServerError::WorkerEnded),
        }
        dataplane.begin_draining();
        manager::tell(NotifyState::Stopping, &sink);
        sink.line(&Line::new(
            Level::Info,
            LOGGER,
            "stopping: requests in flight may end",
        ));
        let _ = advance.send(Stage::Draining);
        let all_over = async {
            let None = all_taken.recv().await;
            permits.acquire_many(all).await
        };
        Ok(tokio::select! {
            ended = timeout(grace, all_over) => match ended {
                Ok(_) => (Level::Info, "stopped".to_owned()),
                Err(_) => {
                    let cut = connections + workers - permits.available_permits();
                    let _ = advance.send(Stage::Cutting);
                    // Whether all of them could say so or not: it is over.
                    let _ = timeout(CUT_GRACE, permits.acquire_many(all)).await;
                    (Level::Warn, format!("stopped: {cut} connections outlived the grace period"))
                }
            },
            () = signals.stop_asked() => (Level::Warn, "stopped at once: asked again".to_owned()),
        })
    });
    let _ = advance.send(Stage::Ended);
    #[cfg(feature = "certificates")]
    watch.abort();
    // A worker that panicked has logged that; one that could not start says why here.
    let ends: Vec<_> = threads.into_iter().map(JoinHandle::join).collect();
    if let Some(error) = ends.into_iter().flatten().find_map(Result::err) {
        return Err(error.into());
    }
    let (level, message) = outcome?;
    sink.line(&Line::new(level, LOGGER, &message));
    Ok(())
}

const LOGGER: &str = "nexus.server";
