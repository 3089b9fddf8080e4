//! An HTTP/1.1 server that answers like [`crate::answer`], fails on demand, and remembers what it received.
//!
//! It speaks HTTP on the bare socket, because most of its faults are things that an HTTP library refuses to
//! do: a reset in the middle of a body, a wrong length, bytes that are no HTTP at all.
//!
//! ```no_run
//! # async fn example() -> std::io::Result<()> {
//! use fake_model::server::{FakeModel, Rule};
//!
//! let model = FakeModel::start().await?;
//! model.script([Rule::respond(500, "out of memory").times(1)]);
//! // ... send two requests to `model.url()`: the first fails, the second is answered ...
//! let received = model.wait_for_requests(2).await;
//! assert_eq!(received[0].path, "/v1/chat/completions");
//! # Ok(()) }
//! ```

mod connection;
mod control;
mod http;
mod options;
mod payload;
mod perform;
mod record;
mod script;
mod state;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use socket2::SockRef;
use tokio::net::TcpListener;
use tokio::task::{JoinHandle, JoinSet};

pub use crate::server::options::Options;
pub use crate::server::payload::Payload;
pub use crate::server::record::{Outcome, Received};
pub use crate::server::script::{Action, Ending, Response, Rule, Script, Stream};
use crate::server::state::State;

/// How long the waiting methods of [`FakeModel`] wait: far longer than anything takes that works.
const PATIENCE: Duration = Duration::from_secs(60);

/// How many connections the kernel keeps that are yet to be accepted; the usual 128 are too few for a crowd, and
/// each of the others would wait for a second.
const BACKLOG: i32 = 4096;

/// A running fake model server. It stops, and cuts its connections, when this is dropped.
#[derive(Debug)]
pub struct FakeModel {
    address: SocketAddr,
    state: Arc<State>,
    accept: JoinHandle<()>,
}

impl FakeModel {
    /// Starts on a free port of 127.0.0.1, with every model and without pauses.
    ///
    /// # Errors
    /// When no port can be had.
    pub async fn start() -> io::Result<Self> {
        Self::start_on("127.0.0.1:0", Options::default()).await
    }

    /// Starts on `listen`, a socket address `host:port`.
    ///
    /// # Errors
    /// When the address cannot be listened on.
    pub async fn start_on(listen: &str, options: Options) -> io::Result<Self> {
        let listener = TcpListener::bind(listen).await?;
        SockRef::from(&listener).listen(BACKLOG)?;
        let address = listener.local_addr()?;
        let state = Arc::new(State::new(options));
        let accept = tokio::spawn(accept(listener, Arc::clone(&state)));
        Ok(Self {
            address,
            state,
            accept,
        })
    }

    /// Stops, and returns once the address is free and the connections are cut.
    pub async fn stop(mut self) {
        self.accept.abort();
        // It was aborted: there is nothing to learn from how it ended.
        let _ = (&mut self.accept).await;
    }

    /// The address that it listens on.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its base URL, without `/v1`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Replaces the rules for the requests that come from now on. Each request takes the first rule that
    /// matches it and has not been used up; with none, it is answered as a model would.
    pub fn script(&self, rules: impl IntoIterator<Item = Rule>) {
        self.state.set_rules(rules);
    }

    /// Lets `chunks` more chunks of gated streams, or answers that are held, go out.
    pub fn release(&self, chunks: usize) {
        self.state.release(chunks);
    }

    /// Forgets rules, releases and everything received.
    pub fn reset(&self) {
        self.state.reset();
    }

    /// The requests received so far, in the order in which they were complete.
    pub fn received(&self) -> Vec<Received> {
        self.state.received()
    }

    /// Waits until `count` requests have been received, and returns them all.
    ///
    /// # Panics
    /// After a minute.
    pub async fn wait_for_requests(&self, count: usize) -> Vec<Received> {
        match self.state.wait(count, 0, PATIENCE).await {
            Some(received) => received,
            None => panic!(
                "received only {} of {count} requests",
                self.received().len()
            ),
        }
    }

    /// Waits until `count` requests have ended, by an answer or by an abort, and returns all requests.
    ///
    /// # Panics
    /// After a minute.
    pub async fn wait_for_ends(&self, count: usize) -> Vec<Received> {
        match self.state.wait(0, count, PATIENCE).await {
            Some(received) => received,
            None => panic!("fewer than {count} requests ended: {:?}", self.received()),
        }
    }
}

impl Drop for FakeModel {
    fn drop(&mut self) {
        self.accept.abort();
    }
}

/// Accepts until it is aborted; its connections end with it.
async fn accept(listener: TcpListener, state: Arc<State>) {
    let mut connections = JoinSet::new();
    let mut number = 0;
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    number += 1;
                    connections.spawn(connection::serve(stream, number, Arc::clone(&state)));
                }
                // Out of file descriptors, most likely: wait until a connection has ended.
                Err(_) => { connections.join_next().await; }
            },
            Some(_) = connections.join_next() => {}
        }
    }
}
