//! What of a response is on its way out: small pieces are put together with the text around them, so that they
//! go out in one write; a large one goes out from where it is.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use tokio::io::AsyncWrite;

use crate::server::http1::scratch::Scratch;

/// The largest piece that is copied, in bytes: a copy of it costs less than another slice of a write.
const MOST_COPIED: usize = 4 * 1024;

/// How much text is put together before it is written, in bytes.
const MOST_TEXT: usize = 16 * 1024;

/// The most digits of a chunk's size.
const DIGITS: u32 = usize::BITS / 4;

/// What is to be written, in this order.
pub(super) struct Output {
    /// Lent by the worker while there is something in it.
    text: Vec<u8>,
    /// How much of `text` was written.
    written: usize,
    piece: Bytes,
    tail: &'static [u8],
    /// TLS may hold something back.
    is_flushed: bool,
}

impl Output {
    /// Nothing.
    pub(super) fn new() -> Self {
        Self {
            text: Vec::new(),
            written: 0,
            piece: Bytes::new(),
            tail: b"",
            is_flushed: true,
        }
    }

    /// Whether more should be put in before it is written.
    pub(super) fn has_room(&self) -> bool {
        self.piece.is_empty() && self.tail.is_empty() && self.text.len() < MOST_TEXT
    }

    /// The text to write in, before any piece.
    pub(super) fn text(&mut self, scratch: &Scratch) -> &mut Vec<u8> {
        if self.text.capacity() == 0 {
            self.text = scratch.lend();
        }
        self.is_flushed = false;
        &mut self.text
    }

    /// Adds `piece` as it is. There must be room.
    pub(super) fn push(&mut self, piece: Bytes, scratch: &Scratch) {
        let text = self.text(scratch);
        if piece.len() <= MOST_COPIED {
            text.extend_from_slice(&piece);
        } else {
            self.piece = piece;
        }
    }

    /// Adds `piece`, which is not empty, as a chunk (RFC 9112, 7.1), and the last chunk if nothing follows it.
    pub(super) fn push_chunk(&mut self, piece: Bytes, is_last: bool, scratch: &Scratch) {
        let size = piece.len();
        let text = self.text(scratch);
        let digits = (usize::BITS - size.leading_zeros()).div_ceil(4);
        for place in (0..digits.min(DIGITS)).rev() {
            let digit = (size >> (4 * place)) & 0xf;
            text.push(b"0123456789abcdef".get(digit).copied().unwrap_or_default());
        }
        text.extend_from_slice(b"\r\n");
        self.push(piece, scratch);
        let tail: &[u8] = if is_last { b"\r\n0\r\n\r\n" } else { b"\r\n" };
        if self.piece.is_empty() {
            self.text.extend_from_slice(tail);
        } else {
            self.tail = tail;
        }
    }

    /// Writes all of it to `stream`, and has nothing then.
    pub(super) fn poll_write(
        &mut self,
        stream: &mut (impl AsyncWrite + Unpin),
        scratch: &Scratch,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<()>> {
        while !self.is_flushed {
            let text = self.text.get(self.written..).unwrap_or_default();
            let left = text.len() + self.piece.len() + self.tail.len();
            let stream = Pin::new(&mut *stream);
            if left == 0 {
                ready!(stream.poll_flush(cx))?;
                self.is_flushed = true;
                break;
            }
            let written = if left == text.len() {
                ready!(stream.poll_write(cx, text))?
            } else {
                let slices = [text, &self.piece, self.tail].map(IoSlice::new);
                ready!(stream.poll_write_vectored(cx, &slices))?
            };
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            let of_text = written.min(text.len());
            self.written += of_text;
            let of_piece = (written - of_text).min(self.piece.len());
            self.piece.advance(of_piece);
            let of_tail = written - of_text - of_piece;
            self.tail = self.tail.get(of_tail..).unwrap_or_default();
        }
        if self.text.capacity() > 0 {
            // A client that waits for the next piece holds no memory.
            scratch.take_back(std::mem::take(&mut self.text));
            self.written = 0;
            self.piece = Bytes::new();
        }
        Poll::Ready(Ok(()))
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use proptest::prelude::*;
    use tokio::io::{AsyncReadExt, duplex};
    use tokio::runtime::Builder;

    use super::*;
    use crate::h1::body::{Decoder, Framing};

    proptest! {
        /// Whatever the sizes of the pieces, and however little of them the connection takes at once, they arrive
        /// in order and are chunks.
        #[test]
        fn pieces_arrive_whole(
            sizes in prop::collection::vec(1..5_000usize, 1..8),
            taken in 1..10_000usize,
        ) {
            let runtime = Builder::new_current_thread().build().unwrap();
            let (mut near, mut far) = duplex(taken);
            let scratch = Scratch::default();
            let pieces: Vec<_> = (b'a'..).zip(&sizes).map(|(byte, &size)| vec![byte; size]).collect();
            let write = async {
                let mut output = Output::new();
                output.text(&scratch).extend_from_slice(b"head");
                let mut left = pieces.iter().map(|piece| Bytes::from(piece.clone())).peekable();
                let written = poll_fn(|cx| loop {
                    while output.has_room() && let Some(piece) = left.next() {
                        output.push_chunk(piece, left.peek().is_none(), &scratch);
                    }
                    ready!(output.poll_write(&mut near, &scratch, cx))?;
                    assert_eq!(output.text.capacity(), 0, "the buffer was not given back");
                    if left.peek().is_none() {
                        return Poll::Ready(io::Result::Ok(()));
                    }
                });
                written.await.unwrap();
                drop(near);
            };
            let read = async {
                let mut read = Vec::new();
                far.read_to_end(&mut read).await.unwrap();
                read
            };
            let read = runtime.block_on(async { tokio::join!(write, read).1 });
            let mut received = bytes::BytesMut::from(read.strip_prefix(b"head").unwrap());
            let mut decoder = Decoder::new(Framing::Chunked);
            prop_assert_eq!(decoder.take(&mut received).unwrap(), pieces.concat());
            prop_assert!(decoder.is_at_end() && received.is_empty());
        }
    }
}
