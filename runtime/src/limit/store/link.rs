//! A worker's connection to Redis: opened at start, and again whenever it is lost, beside the requests.

use std::cell::{Cell, RefCell};
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, ErrorKind, RedisError};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::time::{sleep, timeout};

use crate::limit::store::address::Address;
use crate::limit::store::scripts::Scripts;
use crate::limit::store::server::Server;
use crate::observe::level::Level;
use crate::observe::line::Line;
use crate::observe::log::Log;
use crate::topology::WhenAway;

/// How long a connection may take, until the server has shown that it counts.
const OPENING: Duration = Duration::from_secs(1);

/// How long to wait before a lost connection is opened again: at first, and at most. With
/// [`OPENING`], a store that is back is in use within three seconds.
const PAUSES: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(1));

/// A worker's connection.
pub(super) struct Link {
    server: &'static Server,
    log: Rc<Log>,
    open: RefCell<Option<Open>>,
    opened: Cell<u64>,
    is_away: Cell<bool>,
}

/// A connection that can be used. Dropped, it is closed.
struct Open {
    connection: MultiplexedConnection,
    number: u64,
    _kept: oneshot::Sender<()>,
}

/// What moves the bytes of a connection; it ends with it.
type Driver = Pin<Box<dyn Future<Output = ()>>>;

impl Link {
    /// A link that is not yet open.
    pub(super) fn new(server: &'static Server, log: Rc<Log>) -> Self {
        Self {
            server,
            log,
            open: RefCell::new(None),
            opened: Cell::new(0),
            is_away: Cell::new(false),
        }
    }

    /// The connection and its number, while there is one.
    pub(super) fn connection(&self) -> Option<(u64, MultiplexedConnection)> {
        let open = self.open.borrow();
        open.as_ref()
            .map(|open| (open.number, open.connection.clone()))
    }

    /// Gives the connection of this number up, unless that was done before.
    pub(super) fn give_up(&self, number: u64, reason: &str) {
        let mut open = self.open.borrow_mut();
        if open.as_ref().is_some_and(|open| open.number == number) {
            *open = None;
            drop(open);
            self.away(reason);
        }
    }

    /// Keeps a connection open for as long as it is polled. `tried` is dropped when the first attempt
    /// is over.
    pub(super) async fn keep(self: Rc<Self>, scripts: Rc<Scripts>, tried: oneshot::Sender<()>) {
        let mut tried = Some(tried);
        let (shortest, longest) = PAUSES;
        let mut pause = shortest;
        loop {
            match open(self.server, &scripts).await {
                Ok((connection, driver)) => {
                    let (number, given_up) = self.put(connection);
                    tried.take();
                    pause = shortest;
                    tokio::select! {
                        () = driver => self.give_up(number, BROKEN),
                        _ = given_up => {}
                    }
                }
                Err(reason) => {
                    self.away(&reason);
                    tried.take();
                }
            }
            // Neither the workers nor the replicas all come at one moment.
            sleep(pause.mul_f64(0.5 + fastrand::f64() / 2.0)).await;
            pause = (pause * 2).min(longest);
        }
    }

    /// Puts a connection to use.
    fn put(&self, connection: MultiplexedConnection) -> (u64, oneshot::Receiver<()>) {
        let (kept, given_up) = oneshot::channel();
        let number = self.opened.get() + 1;
        self.opened.set(number);
        self.open.replace(Some(Open {
            connection,
            number,
            _kept: kept,
        }));
        if self.is_away.replace(false) {
            let tell = || self.tell(Level::Info, "back: limits are shared again");
            self.server.absence.ends(tell);
        }
        (number, given_up)
    }

    fn away(&self, reason: &str) {
        if self.is_away.replace(true) {
            return;
        }
        let until = match self.server.settings.when_away {
            WhenAway::Admit => "each gateway goes by its own counts until it is back",
            WhenAway::Refuse => "requests with a limit are refused until it is back",
        };
        let tell = || self.tell(Level::Error, &format!("away: {reason}; {until}"));
        self.server.absence.begins(tell);
    }

    fn tell(&self, level: Level, message: &str) {
        self.log.line(&Line::new(level, "nexus.store", message));
    }
}

const BROKEN: &str = "the connection broke";

/// Why Redis could not be used, in our words: its own may hold anything.
pub(super) fn reason(error: &RedisError) -> String {
    if error.kind() == ErrorKind::AuthenticationFailed {
        return "it does not accept the user or the password".to_owned();
    }
    match error.code() {
        Some(code) => format!("it answers with the error {code}"),
        None => BROKEN.to_owned(),
    }
}

/// Shakes hands with Redis over `stream`, encrypted where its settings say so.
async fn speak(
    address: &Address,
    stream: TcpStream,
    config: AsyncConnectionConfig,
) -> Result<(MultiplexedConnection, Driver), String> {
    #[cfg(feature = "certificates")]
    if let Some(tls) = &address.tls {
        let stream = tls.connect(stream).await;
        let stream = stream.map_err(|_| "it comes to no agreement on TLS".to_owned())?;
        return speak_over(address, stream, config).await;
    }
    speak_over(address, stream, config).await
}

async fn speak_over<S: AsyncRead + AsyncWrite + Send + Unpin + 'static>(
    address: &Address,
    stream: S,
    config: AsyncConnectionConfig,
) -> Result<(MultiplexedConnection, Driver), String> {
    let (connection, driver) =
        MultiplexedConnection::new_with_config(&address.login, stream, config)
            .await
            .map_err(|error| reason(&error))?;
    Ok((connection, Box::pin(driver)))
}

async fn open(
    server: &Server,
    scripts: &Scripts,
) -> Result<(MultiplexedConnection, Driver), String> {
    let opening = async {
        let address = &server.address;
        let stream = TcpStream::connect((address.host.as_str(), address.port))
            .await
            .and_then(|stream| stream.set_nodelay(true).map(|()| stream))
            .map_err(|error| match error.kind() {
                io::ErrorKind::ConnectionRefused => "it refuses connections".to_owned(),
                kind => format!("it cannot be reached: {kind}"),
            })?;
        // Requests have a time limit of their own.
        let config = AsyncConnectionConfig::new().set_response_timeout(None);
        let (mut connection, mut driver) = speak(address, stream, config).await?;
        let probed = tokio::select! {
            () = &mut driver => return Err(BROKEN.to_owned()),
            probed = scripts.probe(&mut connection, &server.probe) => probed,
        };
        probed.map_err(|error| reason(&error))?;
        Ok((connection, driver))
    };
    timeout(OPENING, opening)
        .await
        .unwrap_or_else(|_| Err(format!("it does not answer within {OPENING:?}")))
}
