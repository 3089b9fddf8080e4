//! The body of a message: where it ends, and its chunks undone.
//!
//! Whatever of it has arrived is given as one piece, however many chunks it came in: chunks are moved together
//! in the buffer that they were read into, so nothing is allocated and what is sent on is one write.

use bytes::{Bytes, BytesMut};

use crate::h1::Malformed;

/// The longest extension of a chunk's size, and the longest trailer section, in bytes. Nobody needs either.
const MOST_IGNORED: u16 = 8 * 1024;

/// How the end of a body is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Framing {
    /// By its length in bytes.
    Length(u64),
    /// By a last chunk.
    Chunked,
    /// By the end of the connection.
    Close,
}

/// What is yet to come of a body.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Decoder(State);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Length(u64),
    UntilClose,
    Chunked(Chunked),
    End,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Chunked {
    /// In the size of a chunk.
    Size {
        size: u64,
        has_digits: bool,
    },
    /// In what may follow the size.
    Extension {
        size: u64,
        ignored: u16,
    },
    /// Before the line feed after the size.
    SizeEnd {
        size: u64,
    },
    Data {
        left: u64,
    },
    /// Before the carriage return after the data.
    DataEnd,
    /// Before the line feed after that.
    DataLast,
    /// At the start of a line after the last chunk.
    Trailer {
        ignored: u16,
    },
    /// In a trailer.
    InTrailer {
        ignored: u16,
    },
    /// Before the line feed of the empty line at the end.
    Last,
}

impl Chunked {
    const START: Self = Self::Size {
        size: 0,
        has_digits: false,
    };
}

impl Decoder {
    /// Before a body.
    pub(crate) fn new(framing: Framing) -> Self {
        Self(match framing {
            Framing::Length(0) => State::End,
            Framing::Length(length) => State::Length(length),
            Framing::Chunked => State::Chunked(Chunked::START),
            Framing::Close => State::UntilClose,
        })
    }

    /// Whether all of it was given.
    pub(crate) fn is_at_end(&self) -> bool {
        self.0 == State::End
    }

    /// How many bytes are yet to come, where that is known.
    pub(crate) fn left(&self) -> Option<u64> {
        match self.0 {
            State::Length(left) => Some(left),
            State::End => Some(0),
            State::UntilClose | State::Chunked(_) => None,
        }
    }

    /// Takes what is the body's out of `received`; empty where more must come first. What follows the body
    /// stays.
    pub(crate) fn take(&mut self, received: &mut BytesMut) -> Result<Bytes, Malformed> {
        match &mut self.0 {
            State::End => Ok(Bytes::new()),
            State::UntilClose => Ok(taken(received, received.len()).freeze()),
            State::Length(left) => {
                let there =
                    usize::try_from(*left).map_or(received.len(), |left| left.min(received.len()));
                *left -= there as u64;
                if *left == 0 {
                    self.0 = State::End;
                }
                Ok(taken(received, there).freeze())
            }
            State::Chunked(chunked) => {
                let (read, data, at_end) = chunked.undo(received)?;
                if at_end {
                    self.0 = State::End;
                }
                let mut piece = taken(received, read);
                piece.truncate(data);
                Ok(piece.freeze())
            }
        }
    }

    /// The connection has ended. Returns whether the body has as well.
    pub(crate) fn closed(&mut self) -> bool {
        if self.0 == State::UntilClose {
            self.0 = State::End;
        }
        self.is_at_end()
    }
}

/// The first `count` bytes of `received`. When those are all, so is its memory: none is held for what has gone on.
fn taken(received: &mut BytesMut, count: usize) -> BytesMut {
    if count == received.len() {
        std::mem::take(received)
    } else {
        received.split_to(count)
    }
}

impl Chunked {
    /// Moves the data of all chunks in `bytes` to its front. Returns how many bytes were read, how many of
    /// data now stand at the front, and whether the last chunk was among them.
    fn undo(&mut self, bytes: &mut [u8]) -> Result<(usize, usize, bool), Malformed> {
        let (mut read, mut data) = (0, 0);
        while let Some(&byte) = bytes.get(read) {
            *self = match *self {
                Self::Data { left } => {
                    let rest = bytes.len() - read;
                    let there = usize::try_from(left).map_or(rest, |left| left.min(rest));
                    if read != data {
                        bytes.copy_within(read..read + there, data);
                    }
                    read += there;
                    data += there;
                    match left - there as u64 {
                        0 => Self::DataEnd,
                        left => Self::Data { left },
                    }
                }
                Self::Last if byte == b'\n' => return Ok((read + 1, data, true)),
                state => match state.after(byte) {
                    Ok(next) => {
                        read += 1;
                        next
                    }
                    // What came before it counts; it is met again when there is nothing else.
                    Err(Malformed) if data > 0 => return Ok((read, data, false)),
                    Err(Malformed) => return Err(Malformed),
                },
            };
        }
        Ok((read, data, false))
    }

    /// The state after a byte that is no data.
    fn after(self, byte: u8) -> Result<Self, Malformed> {
        Ok(match (self, byte) {
            (
                Self::Size {
                    size,
                    has_digits: true,
                },
                b'\r',
            )
            | (Self::Extension { size, .. }, b'\r') => Self::SizeEnd { size },
            (
                Self::Size {
                    size,
                    has_digits: true,
                },
                b';' | b' ' | b'\t',
            ) => Self::Extension { size, ignored: 0 },
            (Self::Size { size, .. }, digit) => {
                let digit = char::from(digit).to_digit(16).ok_or(Malformed)?;
                let size = size.checked_mul(16).ok_or(Malformed)?;
                Self::Size {
                    size: size | u64::from(digit),
                    has_digits: true,
                }
            }
            (Self::Extension { size, ignored }, byte) => Self::Extension {
                size,
                ignored: ignore(ignored, byte)?,
            },
            (Self::SizeEnd { size: 0 }, b'\n') => Self::Trailer { ignored: 0 },
            (Self::SizeEnd { size }, b'\n') => Self::Data { left: size },
            (Self::DataEnd, b'\r') => Self::DataLast,
            (Self::DataLast, b'\n') => Self::START,
            (Self::Trailer { .. }, b'\r') => Self::Last,
            (Self::InTrailer { ignored }, b'\n') => Self::Trailer { ignored },
            (Self::Trailer { ignored }, byte) => Self::InTrailer {
                ignored: ignore(ignored, byte)?,
            },
            (Self::InTrailer { ignored }, byte) => Self::InTrailer {
                ignored: ignore(ignored, byte)?,
            },
            (
                Self::SizeEnd { .. }
                | Self::DataEnd
                | Self::DataLast
                | Self::Last
                | Self::Data { .. },
                _,
            ) => {
                return Err(Malformed);
            }
        })
    }
}

/// Counts a byte that is passed over, within bounds. A line feed that ends no line is none.
fn ignore(ignored: u16, byte: u8) -> Result<u16, Malformed> {
    if byte == b'\n' || ignored == MOST_IGNORED {
        return Err(Malformed);
    }
    Ok(ignored + 1)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// What a body that arrives in `pieces` gives, whether it ended, and what is left over.
    fn decoded(framing: Framing, pieces: &[&[u8]]) -> Result<(Vec<u8>, bool, Vec<u8>), Malformed> {
        let mut decoder = Decoder::new(framing);
        let (mut received, mut data) = (BytesMut::new(), Vec::new());
        for piece in pieces {
            received.extend_from_slice(piece);
            loop {
                let taken = decoder.take(&mut received)?;
                if taken.is_empty() {
                    break;
                }
                data.extend_from_slice(&taken);
            }
        }
        Ok((data, decoder.is_at_end(), received.to_vec()))
    }

    #[test]
    fn a_length_ends_a_body_and_leaves_what_follows() {
        let body = decoded(Framing::Length(5), &[b"he", b"llo, more"]).unwrap();
        assert_eq!(body, (b"hello".to_vec(), true, b", more".to_vec()));
        assert!(!decoded(Framing::Length(5), &[b"hell"]).unwrap().1);
        assert!(decoded(Framing::Length(0), &[]).unwrap().1);
    }

    #[test]
    fn a_body_until_the_end_ends_with_the_connection() {
        let mut decoder = Decoder::new(Framing::Close);
        let mut received = BytesMut::from(&b"hello"[..]);
        assert_eq!(decoder.take(&mut received).unwrap(), "hello");
        assert!(!decoder.is_at_end());
        assert!(decoder.closed());
        let mut cut = Decoder::new(Framing::Length(3));
        assert!(!cut.closed());
    }

    #[test]
    fn chunks_are_one_piece() {
        let body = b"5;name=\"value\"\r\nhello\r\nA\r\n0123456789\r\n0\r\nx-trailer: 1\r\n\r\nmore";
        let body = decoded(Framing::Chunked, &[body]).unwrap();
        assert_eq!(body, (b"hello0123456789".to_vec(), true, b"more".to_vec()));
    }

    #[test]
    fn what_no_chunk_looks_like_is_malformed() {
        for body in [
            &b"\r\n"[..],
            b"x\r\n",
            b"-1\r\n",
            b"+5\r\nhello\r\n",
            b"0x5\r\nhello\r\n",
            b" 5\r\nhello\r\n",
            b";5\r\nhello\r\n",
            b"5\nhello\n",
            b"5\r\nhello!\r\n",
            b"5\r\nhello\n",
            b"5\r\rhello\r\n",
            b"5;a\nb\r\nhello\r\n",
            b"FFFFFFFFFFFFFFFFF\r\n",
            b"0\r\n\rx",
            b"0\r\n\n",
        ] {
            let text = String::from_utf8_lossy(body);
            assert_eq!(
                decoded(Framing::Chunked, &[body]),
                Err(Malformed),
                "{text:?}"
            );
        }
        let endless = [b"5;".as_slice(), &[b'a'; 10_000]].concat();
        assert_eq!(decoded(Framing::Chunked, &[&endless]), Err(Malformed));
        for trailers in [
            b"a: b\r\n".repeat(5_000),
            [b"a".as_slice(), &b"\r".repeat(10_000)].concat(),
        ] {
            let endless = [b"0\r\n".as_slice(), &trailers].concat();
            assert_eq!(decoded(Framing::Chunked, &[&endless]), Err(Malformed));
        }
    }

    #[test]
    fn what_came_before_a_malformed_chunk_is_not_lost() {
        let mut received = BytesMut::from(&b"2\r\nhi\r\nx"[..]);
        let mut decoder = Decoder::new(Framing::Chunked);
        assert_eq!(decoder.take(&mut received).unwrap(), "hi");
        assert_eq!(decoder.take(&mut received), Err(Malformed));
    }

    proptest! {
        /// However a body is chunked, and wherever its bytes are split on their way, it is the same.
        #[test]
        fn chunks_and_splits_leave_no_trace(
            chunks in prop::collection::vec(prop::collection::vec(any::<u8>(), 1..40), 0..8),
            splits in prop::collection::vec(any::<prop::sample::Index>(), 0..8),
        ) {
            let mut wire = Vec::new();
            for chunk in &chunks {
                wire.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
                wire.extend_from_slice(chunk);
                wire.extend_from_slice(b"\r\n");
            }
            wire.extend_from_slice(b"0\r\n\r\nnext");
            let mut at: Vec<usize> = splits.iter().map(|split| split.index(wire.len())).collect();
            at.extend([0, wire.len()]);
            at.sort_unstable();
            let pieces: Vec<&[u8]> = at.windows(2).map(|ends| &wire[ends[0]..ends[1]]).collect();
            let (data, at_end, left_over) = decoded(Framing::Chunked, &pieces).unwrap();
            prop_assert_eq!(data, chunks.concat());
            prop_assert!(at_end);
            prop_assert_eq!(left_over, b"next");
        }

        /// No bytes make it panic, and it never gives more than it was given.
        #[test]
        fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            if let Ok((data, _, left_over)) = decoded(Framing::Chunked, &[&bytes]) {
                prop_assert!(data.len() + left_over.len() <= bytes.len());
            }
        }
    }
}
