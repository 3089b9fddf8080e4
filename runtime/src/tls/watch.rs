//! Keeps the configurations of TLS up to date with their files: looks at them every few seconds, and at once on
//! SIGHUP.
//!
//! The content decides, not the time of a change: Kubernetes swaps a link, others write in place. It runs on the
//! supervisor's thread, so reading never holds up a request.

use std::io;
use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::time::timeout;

use crate::dataplane::Dataplane;
use crate::observe::clock::Timestamp;
use crate::observe::level::Level;
use crate::observe::line::Line;
use crate::observe::log::Sink;
use crate::tls::credential::{Peer, Renew};

/// How often the files are looked at.
const PACE: Duration = Duration::from_secs(2);

/// A look at the files, again and again.
pub(crate) struct Watch {
    dataplane: &'static Dataplane,
    /// `None` where there is nothing to watch; SIGHUP then ends the process, as it does by default.
    asked: Option<Signal>,
}

impl Watch {
    /// For the files of `dataplane`. Takes SIGHUP over from now on.
    pub(crate) fn new(dataplane: &'static Dataplane) -> io::Result<Self> {
        let asked = match dataplane.credentials().next() {
            Some(_) => Some(signal(SignalKind::hangup())?),
            None => None,
        };
        Ok(Self { dataplane, asked })
    }

    /// Goes on for as long as it is awaited.
    pub(crate) async fn keep(mut self, sink: &Sink) {
        let Some(asked) = &mut self.asked else {
            return std::future::pending().await;
        };
        loop {
            let was_asked = timeout(PACE, asked.recv()).await.is_ok();
            let changed = look(self.dataplane, sink, was_asked);
            if was_asked && !changed {
                let message = "asked to reload: no certificate, key or authority has changed";
                sink.line(&Line::new(Level::Info, LOGGER, message));
            }
        }
    }
}

const LOGGER: &str = "nexus.tls";

/// Looks at every file once, also at those of which it is known that they do not fit where somebody has `asked`. Whether
/// there was anything to say.
fn look(dataplane: &Dataplane, sink: &Sink, asked: bool) -> bool {
    let mut changed = false;
    for (peer, credential) in dataplane.credentials() {
        let Some(outcome) = credential.renew(asked) else {
            continue;
        };
        changed = true;
        dataplane.metrics.tls.renewed(outcome.is_ok());
        let (level, outcome) = told(&outcome, credential);
        let (upstream, whose) = match peer {
            Peer::Clients => (None, ""),
            Peer::Upstream(name) => (Some(name), ""),
            #[cfg(feature = "jwks")]
            Peer::Issuer => (None, "the authorities of the issuer of tokens: "),
            #[cfg(feature = "redis")]
            Peer::Store => (None, "what is believed and shown of the store: "),
        };
        let message = format!("{whose}{outcome}");
        let mut line = Line::new(level, LOGGER, &message);
        line.upstream = upstream;
        sink.line(&line);
    }
    changed
}

fn told(
    outcome: &Result<(), Vec<crate::tls::material::Fault>>,
    credential: &dyn Renew,
) -> (Level, String) {
    match (outcome, credential.expiry()) {
        (Ok(()), None) => (Level::Info, "renewed".to_owned()),
        (Ok(()), Some(expiry)) => {
            let until = Timestamp::of_second(expiry);
            (Level::Info, format!("renewed: valid until {until}"))
        }
        (Err(faults), _) => {
            let said: Vec<_> = faults.iter().map(ToString::to_string).collect();
            let message = format!("not renewed, what was in use stays: {}", said.join("; "));
            (Level::Error, message)
        }
    }
}
