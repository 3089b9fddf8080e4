//! Keeping the answer of a request while it passes.

use std::mem;

use bytes::Bytes;
use hyper::StatusCode;
use tokio::time::Instant;

use crate::idempotency::REPLAYED;
use crate::idempotency::store::Claim;
use crate::message::Response;
use crate::message::name::{CONTENT_ENCODING, CONTENT_TYPE};
use crate::room::Room;
use crate::stream::body::Body;
use crate::upstream::exchange::Answer;
use crate::upstream::headers::{self, FALLBACK_MODEL};

/// An answer that was kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Kept {
    status: StatusCode,
    content_type: Option<Box<[u8]>>,
    fallback_model: Option<&'static str>,
    body: Bytes,
}

impl Kept {
    /// What it takes of memory for its content, in bytes.
    pub(super) fn size(&self) -> usize {
        self.body.len() + self.content_type.as_ref().map_or(0, |value| value.len())
    }

    /// One whose content has this size.
    #[cfg(test)]
    pub(super) fn of_size(size: usize) -> Self {
        Self {
            status: StatusCode::OK,
            content_type: None,
            fallback_model: None,
            body: vec![b'x'; size].into(),
        }
    }

    /// Its status.
    pub(crate) fn status(&self) -> StatusCode {
        self.status
    }

    /// The response of a request that was answered before.
    pub(crate) fn into_response(self) -> Response {
        let mut response = Response::new(Body::whole(self.body));
        response.status = self.status;
        let headers = &mut response.headers;
        headers.append(REPLAYED, "true");
        if let Some(content_type) = self.content_type {
            headers.append(CONTENT_TYPE, content_type);
        }
        if let Some(model) = self.fallback_model {
            headers.append(FALLBACK_MODEL, model);
        }
        response
    }
}

/// An answer on its way to its client, of which a copy grows here. Dropped before its end, it leaves
/// the key free for another try.
pub(crate) struct Recording {
    claim: Claim,
    status: StatusCode,
    content_type: Option<Box<[u8]>>,
    fallback_model: Option<&'static str>,
    copy: Growing,
}

impl Recording {
    /// Begins to keep `answer`, if another one would be of no use: `None` leaves the key free.
    pub(crate) fn of(claim: Claim, answer: &Answer) -> Option<Box<Self>> {
        // Where neither length nor end is told, what broke off would look like what is whole.
        let is_kept = is_final(answer.status)
            && !answer.source.ends_with_its_connection()
            && !headers::is_event_stream(&answer.headers)
            && !answer.headers.has(CONTENT_ENCODING);
        is_kept.then(|| {
            Box::new(Self {
                copy: Growing::new(claim.growing()),
                claim,
                status: answer.status,
                content_type: answer.headers.get(CONTENT_TYPE).map(Box::from),
                fallback_model: None,
            })
        })
    }

    /// The answer is one of a model that stands in, of this name.
    pub(crate) fn of_stand_in(&mut self, name: &'static str) {
        self.fallback_model = Some(name);
    }

    /// Sees the next piece. Whether there is still room for the answer.
    pub(crate) fn see(&mut self, piece: &Bytes) -> bool {
        self.copy.add(piece, self.claim.room())
    }

    /// Keeps the answer, which is whole.
    pub(crate) fn keep(self) {
        let kept = Kept {
            status: self.status,
            content_type: self.content_type,
            fallback_model: self.fallback_model,
            body: self.copy.into_bytes(),
        };
        self.claim.keep(kept, Instant::now());
    }
}

/// A copy that grows, in room that it shares with others and leaves to them when it is dropped.
struct Growing {
    bytes: Vec<u8>,
    /// How much of the room is its.
    taken: usize,
    room: &'static Room,
}

impl Growing {
    /// A copy of nothing yet.
    fn new(room: &'static Room) -> Self {
        Self {
            bytes: Vec::new(),
            taken: 0,
            room,
        }
    }

    /// Adds `piece`, if that makes `most` bytes or fewer and there is room. Whether it was added.
    fn add(&mut self, piece: &[u8], most: usize) -> bool {
        let needed = self.bytes.len() + piece.len();
        if needed > most {
            return false;
        }
        if needed > self.taken {
            // Twice as much, so that many pieces are not moved as many times.
            let grown = needed.max(2 * self.taken).min(most);
            if !self.room.take(grown - self.taken) {
                return false;
            }
            self.taken = grown;
            self.bytes.reserve_exact(grown - self.bytes.len());
        }
        self.bytes.extend_from_slice(piece);
        true
    }

    /// The whole of it.
    fn into_bytes(mut self) -> Bytes {
        mem::take(&mut self.bytes).into_boxed_slice().into()
    }
}

impl Drop for Growing {
    fn drop(&mut self) {
        self.room.give_back(self.taken);
    }
}

/// Whether the same request would get the same answer: a success, or a mistake of the client's. Clients
/// repeat what was answered 408, 409, 425 or 429, and want another answer then.
fn is_final(status: StatusCode) -> bool {
    status.is_success()
        || (status.is_client_error()
            && !matches!(
                status,
                StatusCode::REQUEST_TIMEOUT
                    | StatusCode::CONFLICT
                    | StatusCode::TOO_EARLY
                    | StatusCode::TOO_MANY_REQUESTS
            ))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::idempotency::{Claimed, Store};
    use crate::topology::{Idempotency, MIB};

    /// The beginning of an answer to the request of this number.
    fn recording(store: &'static Store, number: usize) -> Recording {
        let mut known_by = [0; 32];
        known_by[..8].copy_from_slice(&number.to_le_bytes());
        let Ok(Claimed::First(claim)) = store.claim(known_by, [0; 32], Instant::now()) else {
            panic!("it is the first");
        };
        Recording {
            copy: Growing::new(claim.growing()),
            claim,
            status: StatusCode::OK,
            content_type: None,
            fallback_model: None,
        }
    }

    #[test]
    fn answers_that_pass_at_once_share_a_quarter_of_the_memory() {
        let store: &Store = Box::leak(Box::new(Store::new(&Idempotency {
            ttl: std::time::Duration::from_secs(60),
            max_bytes: MIB,
        })));
        let piece = Bytes::from(vec![b'x'; 1_000]);
        let mut recordings: Vec<_> = (0..100).map(|number| recording(store, number)).collect();
        for _ in 0..60 {
            recordings.retain_mut(|recording| recording.see(&piece));
            let held = recordings
                .iter()
                .map(|recording| recording.copy.bytes.len());
            assert!(held.sum::<usize>() <= MIB / 4);
        }
        assert!(!recordings.is_empty());
        // What is kept, and what is not, leaves its room to the next.
        for recording in recordings {
            recording.keep();
        }
        let mut next: Vec<_> = (100..104).map(|number| recording(store, number)).collect();
        for recording in &mut next {
            assert!((0..60).all(|_| recording.see(&piece)));
        }
    }

    proptest! {
        #[test]
        fn whatever_grows_and_ends_no_room_is_left_taken(
            steps in prop::collection::vec((0..6_usize, 0..3_000_usize), 0..200),
        ) {
            let room: &Room = Box::leak(Box::new(Room::new(10_000)));
            let mut copies: Vec<_> = (0..6).map(|_| Growing::new(room)).collect();
            for (index, size) in steps {
                if !copies[index].add(&vec![0; size], 5_000) {
                    copies[index] = Growing::new(room);
                }
                let held = copies.iter().map(|copy| copy.bytes.capacity());
                prop_assert!(held.sum::<usize>() <= room.taken());
                prop_assert!(room.taken() <= 10_000);
            }
            for (index, copy) in copies.into_iter().enumerate() {
                if index % 2 == 0 {
                    copy.into_bytes();
                }
            }
            prop_assert_eq!(room.taken(), 0);
        }
    }

    #[test]
    fn what_is_worth_another_try_is_not_final() {
        for (status, is) in [
            (200, true),
            (400, true),
            (404, true),
            (422, true),
            (408, false),
            (409, false),
            (425, false),
            (429, false),
            (500, false),
            (503, false),
        ] {
            let status = StatusCode::from_u16(status).unwrap();
            assert_eq!(is_final(status), is, "{status}");
        }
    }
}
