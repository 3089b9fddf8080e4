//! A worker's connection to Redis: opened at start, and again whenever it is lost, beside the requests.

use std::cell::{Cell, RefCell};
use std::pin::Pin;
use std::rc::Rc;
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, ErrorKind, RedisError};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::time::{Instant, sleep, timeout, timeout_at};

use crate::limit::store::address::Address;
use crate::limit::store::scripts::Scripts;
use crate::limit::store::server::Server;
use crate::observe::level::Level;
use crate::observe::line::Line;
use crate::observe::log::Log;
use crate::tcp;
use crate::topology::WhenAway;
use crate::upstream::failure::Failure;

/// How long a connection may take, until the server has shown that it counts.
const OPENING: Duration = Duration::from_secs(1);

/// How long to wait before a lost connection is opened again: at first, and at most. With
/// [`OPENING`], a store that is back is in use within three seconds.
const PAUSES: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(1));

/// How long what was sent may stay unacknowledged, or the kernel's question whether Redis is there unanswered, before the
/// connection is closed. Requests do not wait for it: they have a time limit of their own.
const SILENCE: Duration = Duration::from_secs(15);

/// A worker's connection.
pub(super) struct Link {
    server: &'static Server,
    log: Rc<Log>,
    open: RefCell<Option<Open>>,
    opened: Cell<u64>,
    /// Whether a request was answered over it since it was opened.
    has_answered: Cell<bool>,
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
            has_answered: Cell::new(false),
            is_away: Cell::new(false),
        }
    }

    /// The connection and its number, while there is one.
    pub(super) fn connection(&self) -> Option<(u64, MultiplexedConnection)> {
        let open = self.open.borrow();
        open.as_ref()
            .map(|open| (open.number, open.connection.clone()))
    }

    /// A request was answered in time.
    pub(super) fn answers(&self) {
        self.has_answered.set(true);
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
                    tokio::select! {
                        () = driver => self.give_up(number, BROKEN),
                        _ = given_up => {}
                    }
                    if self.has_answered.replace(false) {
                        pause = shortest;
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

/// Opens a connection, and tries it as a request would.
async fn open(
    server: &Server,
    scripts: &Scripts,
) -> Result<(MultiplexedConnection, Driver), String> {
    let deadline = Instant::now() + OPENING;
    let opening = async {
        let stream = connect(&server.address, deadline).await?;
        // Requests have a time limit of their own.
        let config = AsyncConnectionConfig::new().set_response_timeout(None);
        let (mut connection, mut driver) = speak(&server.address, stream, config).await?;
        let probed = tokio::select! {
            () = &mut driver => return Err(BROKEN.to_owned()),
            probed = probe(server, scripts, &mut connection) => probed,
        };
        probed?;
        Ok((connection, driver))
    };
    timeout_at(deadline, opening)
        .await
        .unwrap_or_else(|_| Err(format!("it does not answer within {OPENING:?}")))
}

async fn connect(address: &Address, deadline: Instant) -> Result<TcpStream, String> {
    let connected = tcp::connect(&address.host, address.port, deadline).await;
    let stream = connected.map_err(|failure| match failure {
        Failure::Refused => "it refuses connections".to_owned(),
        other => format!("it cannot be reached: {other}"),
    })?;
    // What forwards connections forgets those that are silent, and a request would be the first to find out.
    tcp::prepare(&stream, SILENCE).map_err(|_| BROKEN.to_owned())?;
    Ok(stream)
}

/// Looks whether the server counts, and as fast as requests have to have it: one that is slower would be back at once
/// after each request that it fails.
async fn probe(
    server: &Server,
    scripts: &Scripts,
    connection: &mut MultiplexedConnection,
) -> Result<(), String> {
    let limit = server.settings.timeout;
    let probed = scripts.probe(connection, &server.probe).await;
    probed.map_err(|error| reason(&error))?;
    // The first may have had to send the script.
    let again = scripts.probe(connection, &server.probe);
    match timeout(limit, again).await {
        Ok(probed) => probed.map_err(|error| reason(&error)),
        Err(_) => Err(format!("it does not answer within {limit:?}")),
    }
}

#[cfg(test)]
mod tests {
    use prometheus::{IntCounter, IntGauge};
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;
    use tokio::task::{LocalSet, spawn_local};

    use super::*;
    use crate::fixture::{dataplane, worker};
    use crate::observe::metrics::StoreSeries;
    use crate::topology::{Secret, Store};

    static SETTINGS: Store = Store {
        url: Secret::Env("REDIS_URL"),
        when_away: WhenAway::Refuse,
        timeout: Duration::from_millis(20),
        tls: None,
    };

    fn address(listener: &TcpListener) -> Address {
        Address::parse(&format!("redis://{}", listener.local_addr().unwrap())).unwrap()
    }

    #[tokio::test]
    async fn the_kernel_keeps_a_silent_connection_alive_and_finds_out_that_redis_has_vanished() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let stream = connect(&address(&listener), Instant::now() + OPENING).await;
        tcp::assert_prepared(&stream.unwrap(), SILENCE);
    }

    /// Answers every command, each `*` in what comes is one, after so long.
    async fn answer_late(mut stream: TcpStream, late: Duration) {
        let mut received = Vec::new();
        while let Ok(1..) = stream.read_buf(&mut received).await {
            sleep(late).await;
            let commands = received.split(|byte| *byte == b'*').count() - 1;
            received.clear();
            if stream
                .write_all(&b"+OK\r\n".repeat(commands))
                .await
                .is_err()
            {
                return;
            }
        }
    }

    /// Waits until a connection is put to use.
    async fn used(link: &Link) {
        while link.opened.get() == 0 {
            sleep(Duration::from_millis(1)).await;
        }
    }

    #[tokio::test]
    async fn one_that_is_slower_than_requests_may_wait_stays_away() {
        let scene = async {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let series = StoreSeries {
                errors: IntCounter::new("errors", "errors").unwrap(),
                up: IntGauge::new("up", "up").unwrap(),
            };
            let server = Server::new(&SETTINGS, "late", address(&listener), series);
            let server = Box::leak(Box::new(server));
            let link = Rc::new(Link::new(server, Rc::clone(&worker(dataplane()).log)));
            let (trying, _tried) = oneshot::channel();
            spawn_local(Rc::clone(&link).keep(Rc::default(), trying));
            // A fourth connection comes when three were of no use.
            for _ in 0..4 {
                let (stream, _) = tokio::select! {
                    accepted = listener.accept() => accepted.unwrap(),
                    () = used(&link) => panic!("it counts as back"),
                };
                spawn_local(answer_late(stream, 5 * SETTINGS.timeout));
            }
            assert_eq!(link.opened.get(), 0);
            assert_eq!(server.state(), "away");
        };
        LocalSet::new().run_until(scene).await;
    }
}
