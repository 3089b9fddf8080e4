//! The thread of a worker: accepts connections and serves them until the process ends.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use socket2::SockRef;
use tokio::net::TcpStream;
use tokio::runtime::{self, LocalOptions};
use tokio::sync::OwnedSemaphorePermit;
#[cfg(feature = "http2")]
use tokio::sync::Semaphore;
use tokio::task::spawn_local;

#[cfg(feature = "jwks")]
use crate::jwt::jwks::keeper;
use crate::observe::level::Level;
use crate::observe::line::Line;
use crate::server::client::Client;
use crate::server::connection;
use crate::server::drain::Drain;
use crate::server::http1::scratch::Scratch;
use crate::server::listener::Holder;
use crate::server::stage::{Shared, Stage, Taking};
use crate::upstream::checker;
use crate::upstream::pool::IDLE_TIME;
use crate::worker::Worker;

/// How long a worker that cannot accept, for want of file descriptors, waits before it tries again.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Runs a worker on this thread until the process has reached its last stage.
///
/// The first worker checks the upstreams' health, and keeps the keys of tokens fresh.
/// `accepting` is given back when all that it has accepted has ended, `taking` dropped when it takes permits no more.
pub(crate) fn run(
    shared: Shared,
    listener: TcpListener,
    accepting: OwnedSemaphorePermit,
    taking: Taking,
    is_first: bool,
) -> io::Result<()> {
    // A runtime whose tasks never leave this thread, and so need not be `Send`.
    let mut builder = runtime::Builder::new_current_thread();
    let runtime = builder.enable_all().build_local(LocalOptions::default())?;
    runtime.block_on(serve(shared, listener, accepting, taking, is_first))
}

async fn serve(
    mut shared: Shared,
    listener: TcpListener,
    accepting: OwnedSemaphorePermit,
    taking: Taking,
    is_first: bool,
) -> io::Result<()> {
    #[cfg_attr(
        not(feature = "redis"),
        expect(unused_mut, reason = "there is no store to open")
    )]
    let mut worker = Worker::new(shared.dataplane, shared.sink.clone(), shared.sinks.clone());
    #[cfg(feature = "redis")]
    worker.open_store().await;
    let worker = Rc::new(worker);
    let drain = Rc::new(Drain::default());
    let scratch = Rc::new(Scratch::default());
    spawn_local(Rc::clone(&worker.log).keep_flushing());
    worker.reports.keep_flushing();
    spawn_local(sweep(Rc::clone(&worker)));
    if is_first {
        checker::start(&worker);
        #[cfg(feature = "jwks")]
        keeper::start(&worker);
    }
    let listener = tokio::net::TcpListener::from_std(listener)?;
    let accepting = Rc::new(accepting);
    #[cfg(feature = "http2")]
    let places = Arc::new(Semaphore::new(shared.places));

    let start = |(socket, peer), permit: Rc<OwnedSemaphorePermit>| {
        let client = Client {
            worker: Rc::clone(&worker),
            drain: Rc::clone(&drain),
            scratch: Rc::clone(&scratch),
            #[cfg(feature = "http2")]
            places: Arc::clone(&places),
            ip: connection::ip(peer),
        };
        spawn_local(async move {
            connection::serve(client, socket).await;
            drop(permit);
        });
    };
    let mut stage = shared.stage.clone();
    let is_stopping = |stage: &Stage| *stage != Stage::Serving;
    let last = loop {
        let accepted = tokio::select! {
            accepted = accept(&worker, &listener) => accepted,
            _ = stage.wait_for(is_stopping) => break None,
        };
        // Second, so that no worker without clients keeps a permit from another with clients. Until there is one
        // this worker accepts no more: who comes then waits in the kernel's queue.
        let permit = tokio::select! {
            permit = Arc::clone(&shared.permits).acquire_owned() => permit,
            _ = stage.wait_for(is_stopping) => break Some(accepted),
        };
        start(
            accepted,
            Rc::new(permit.expect("the semaphore is never closed")),
        );
    };
    // Who was accepted is served, beyond the bound if it must be.
    if let Some(accepted) = last {
        start(accepted, Rc::clone(&accepting));
    }
    // So are those that the kernel has accepted already, unless the next process finds them where they wait.
    if shared.holder == Holder::Process {
        while let Some(accepted) = accepted_already(&listener)
            && let Ok(permit) = Arc::clone(&shared.permits).try_acquire_owned()
        {
            start(accepted, Rc::new(permit));
        }
    }
    drop(taking);
    drain.begin();
    // Last, so that whoever is refused knows that all others have been told.
    drop(listener);
    // With this permit and those of the connections back, the supervisor knows that all is over.
    drop(accepting);
    let is_over = |stage: &Stage| matches!(stage, Stage::Cutting | Stage::Ended);
    let _ = shared.stage.wait_for(is_over).await;
    worker.cut.begin();
    let _ = shared.stage.wait_for(|stage| *stage == Stage::Ended).await;
    worker.log.flush();
    worker.reports.flush();
    Ok(())
}

/// The next connection.
async fn accept(worker: &Worker, listener: &tokio::net::TcpListener) -> (TcpStream, SocketAddr) {
    let mut failed = false;
    loop {
        match listener.accept().await {
            Ok(accepted) => {
                if failed {
                    let message = "connections are accepted again";
                    worker
                        .log
                        .line(&Line::new(Level::Info, "nexus.server", message));
                }
                return accepted;
            }
            // The client had gone before it was accepted.
            Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => {}
            Err(error) => {
                // Said once: it is tried again and again, for as long as it lasts.
                if !failed {
                    let message = format!("cannot accept connections: {error}");
                    worker
                        .log
                        .line(&Line::new(Level::Error, "nexus.server", &message));
                }
                failed = true;
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

/// A connection that can be accepted without waiting. The kernel is asked, as the runtime hears only after a while who
/// has come.
fn accepted_already(listener: &tokio::net::TcpListener) -> Option<(TcpStream, SocketAddr)> {
    loop {
        let (socket, peer) = match SockRef::from(listener).accept() {
            Ok(accepted) => accepted,
            // The client had gone before it was accepted.
            Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => continue,
            Err(_) => return None,
        };
        let socket = socket
            .set_nonblocking(true)
            .and_then(|()| TcpStream::from_std(socket.into()));
        if let (Ok(socket), Some(peer)) = (socket, peer.as_socket()) {
            return Some((socket, peer));
        }
    }
}

/// Closes upstream connections that nobody has used for long.
async fn sweep(worker: Rc<Worker>) {
    loop {
        tokio::time::sleep(IDLE_TIME).await;
        worker.sweep();
    }
}
