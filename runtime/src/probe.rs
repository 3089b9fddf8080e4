//! `--health`: asks the gateway that runs in the same environment whether it is ready, for the health check of a
//! container, which has neither a shell nor a client of HTTP.

use std::ffi::OsString;
use std::io::{self, Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream};
use std::time::Duration;

use thiserror::Error;

use crate::environment::{self, Problem};
#[cfg(feature = "certificates")]
use crate::tls::material::{Fault, Material, Texts};
use crate::topology::Topology;

/// How long each step may take.
const PATIENCE: Duration = Duration::from_secs(3);

const REQUEST: &[u8] = b"GET /ready HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";

/// Why the gateway is not ready.
#[derive(Debug, Error)]
pub(crate) enum NotReady {
    #[error("{0}")]
    Environment(Problem),
    #[cfg(feature = "certificates")]
    #[error("{0}")]
    Certificate(Fault),
    #[error("nobody answers at {address}: {cause}")]
    Away {
        address: SocketAddr,
        cause: io::Error,
    },
    #[error("the gateway at {address} answers `{answer}`")]
    Answer { address: SocketAddr, answer: String },
}

/// Asks the gateway of this environment.
pub(crate) fn ask(
    topology: &Topology,
    variable: &dyn Fn(&str) -> Option<OsString>,
) -> Result<(), NotReady> {
    let listens = environment::listen(topology, variable).map_err(NotReady::Environment)?;
    let address = SocketAddr::new(reached_at(listens.ip()), listens.port());
    let away = |cause| NotReady::Away { address, cause };
    let stream = connect(address).map_err(away)?;
    let first = first_line(topology, stream)?.map_err(away)?;
    match first {
        Some(line) if !line.starts_with("HTTP/1.1 200 ") => Err(NotReady::Answer {
            address,
            answer: line,
        }),
        _ => Ok(()),
    }
}

/// The address by which a listener of `ip` is reached on its own machine.
fn reached_at(ip: IpAddr) -> IpAddr {
    match ip {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    }
}

fn connect(address: SocketAddr) -> io::Result<TcpStream> {
    let stream = TcpStream::connect_timeout(&address, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    Ok(stream)
}

/// The first line of the answer; `None` where the gateway asks for a certificate that nobody here has, which takes a
/// gateway that works.
#[cfg(feature = "certificates")]
fn first_line(
    topology: &Topology,
    stream: TcpStream,
) -> Result<io::Result<Option<String>>, NotReady> {
    let Some(tls) = &topology.gateway.tls else {
        return Ok(exchange(stream).map(Some));
    };
    let mut sources = crate::tls::listener::sources(tls);
    let wants_certificate = sources.authority.take().is_some();
    let texts = Texts::read(&sources).map_err(|faults| {
        let mut faults = faults.into_iter();
        NotReady::Certificate(faults.next().expect("what fails has a fault"))
    })?;
    let material = Material::of(&sources, &texts).map_err(NotReady::Certificate)?;
    let connection = crate::tls::oneself::connection(material);
    let answer = exchange(rustls::StreamOwned::new(connection, stream));
    Ok(match answer {
        Err(error) if wants_certificate && is_alert(&error) => Ok(None),
        answer => answer.map(Some),
    })
}

#[cfg(not(feature = "certificates"))]
fn first_line(_: &Topology, stream: TcpStream) -> Result<io::Result<Option<String>>, NotReady> {
    Ok(exchange(stream).map(Some))
}

/// Whether the other side has refused us in the words of TLS.
#[cfg(feature = "certificates")]
fn is_alert(error: &io::Error) -> bool {
    let cause = error.get_ref().and_then(|cause| cause.downcast_ref());
    matches!(cause, Some(rustls::Error::AlertReceived(_)))
}

fn exchange(mut stream: impl Read + Write) -> io::Result<String> {
    stream.write_all(REQUEST)?;
    stream.flush()?;
    // Status lines are short, and what is behind them does not matter.
    let mut line = Vec::new();
    let mut buffer = [0; 64];
    while !line.contains(&b'\n') && line.len() < 512 {
        match stream.read(&mut buffer)? {
            0 => break,
            read => line.extend(buffer.iter().take(read)),
        }
    }
    let text = String::from_utf8_lossy(&line);
    Ok(text.lines().next().unwrap_or_default().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_listener_everywhere_is_asked_here() {
        let of = |ip: &str| reached_at(ip.parse().unwrap()).to_string();
        assert_eq!(of("0.0.0.0"), "127.0.0.1");
        assert_eq!(of("::"), "::1");
        assert_eq!(of("10.1.2.3"), "10.1.2.3");
    }
}
