//! What carries the bytes of a connection: TCP, or TLS over it.

#[cfg(any(test, feature = "tls"))]
use std::future::{Future, poll_fn};
use std::io;
use std::pin::Pin;
#[cfg(any(test, feature = "tls"))]
use std::pin::pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
#[cfg(any(test, feature = "tls"))]
use tokio::task::unconstrained;
#[cfg(feature = "tls")]
use tokio_rustls::TlsStream;

/// What carries the bytes of a connection. Dropped, it is closed at once.
pub(crate) enum Stream {
    Plain(TcpStream),
    /// Boxed, as its state is much larger.
    #[cfg(feature = "tls")]
    Tls(Box<TlsStream<TcpStream>>),
    /// A pipe to a test.
    #[cfg(test)]
    Memory(tokio::io::DuplexStream),
}

impl Stream {
    /// Whether it is open as far as this side knows, and nothing has come.
    pub(crate) fn is_quiet(&mut self) -> bool {
        match self {
            // The runtime knows whether there is anything without asking the kernel.
            Self::Plain(stream) => stream
                .try_read(&mut [0])
                .is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock),
            #[cfg(feature = "tls")]
            Self::Tls(stream) => sends_nothing(stream.as_mut()),
            #[cfg(test)]
            Self::Memory(stream) => sends_nothing(stream),
        }
    }

    /// The TCP connection that carries it, whose options are the kernel's.
    pub(crate) fn socket(&self) -> Option<&TcpStream> {
        match self {
            Self::Plain(stream) => Some(stream),
            #[cfg(feature = "tls")]
            Self::Tls(stream) => Some(stream.get_ref().0),
            #[cfg(test)]
            Self::Memory(_) => None,
        }
    }

    /// Has it reset when it is closed.
    pub(crate) fn reset(&self) {
        match self {
            // One that takes no options is closed already.
            Self::Plain(stream) => drop(stream.set_zero_linger()),
            // An end that is not announced is none.
            #[cfg(feature = "tls")]
            Self::Tls(_) => {}
            #[cfg(test)]
            Self::Memory(_) => {}
        }
    }
}

/// Whether a read would have to wait.
#[cfg(any(test, feature = "tls"))]
fn sends_nothing(stream: &mut (impl AsyncRead + Unpin)) -> bool {
    // Nobody is to be woken, and a task that has used up its turn is to hear of what has come all the same.
    let mut cx = Context::from_waker(std::task::Waker::noop());
    let read = poll_fn(|cx| Pin::new(&mut *stream).poll_read(cx, &mut ReadBuf::new(&mut [0])));
    pin!(unconstrained(read)).poll(&mut cx).is_pending()
}

/// Calls a method of whatever a stream is.
macro_rules! carrier {
    ($stream:expr, $carrier:ident => $call:expr) => {
        match $stream.get_mut() {
            Stream::Plain(stream) => {
                let $carrier = Pin::new(stream);
                $call
            }
            #[cfg(feature = "tls")]
            Stream::Tls(stream) => {
                let $carrier = Pin::new(stream.as_mut());
                $call
            }
            #[cfg(test)]
            Stream::Memory(stream) => {
                let $carrier = Pin::new(stream);
                $call
            }
        }
    };
}

impl AsyncRead for Stream {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        carrier!(self, stream => stream.poll_read(cx, buffer))
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        carrier!(self, stream => stream.poll_write(cx, bytes))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        carrier!(self, stream => stream.poll_write_vectored(cx, slices))
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        carrier!(self, stream => stream.poll_flush(cx))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        carrier!(self, stream => stream.poll_shutdown(cx))
    }
}
