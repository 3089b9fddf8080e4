//! Memory that the connections of one worker put together in turns what they write, so that one that waits holds
//! none.

use std::cell::Cell;
use std::io::Write as _;
use std::time::{Duration, UNIX_EPOCH};

use httpdate::HttpDate;

use crate::observe::clock;

/// The most, in bytes, that is kept of a buffer that came back larger.
const MOST_KEPT: usize = 64 * 1024;

/// The length of a date as HTTP writes it (RFC 9110, 5.6.7).
const DATE: usize = 29;

/// The memory of one worker.
pub(crate) struct Scratch {
    text: Cell<Vec<u8>>,
    /// The second that was written last, and how.
    date: Cell<(u64, [u8; DATE])>,
}

impl Default for Scratch {
    fn default() -> Self {
        Self {
            text: Cell::default(),
            // 1970, when no response was written.
            date: Cell::new((0, [b' '; DATE])),
        }
    }
}

impl Scratch {
    /// An empty buffer to write a response in.
    pub(super) fn lend(&self) -> Vec<u8> {
        self.text.take()
    }

    /// Takes a buffer back.
    pub(super) fn take_back(&self, mut text: Vec<u8>) {
        if text.capacity() <= MOST_KEPT {
            text.clear();
            self.text.set(text);
        }
    }

    /// This moment, as a `Date` header tells it.
    pub(super) fn date(&self) -> [u8; DATE] {
        let since_1970 = clock::now().duration_since(UNIX_EPOCH);
        let second = since_1970.unwrap_or_default().as_secs();
        let (written, mut date) = self.date.get();
        if second != written {
            let moment = HttpDate::from(UNIX_EPOCH + Duration::from_secs(second));
            // It fits: a date always has this length.
            let _ = write!(&mut date[..], "{moment}");
            self.date.set((second, date));
        }
        date
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_the_time() {
        let date = Scratch::default().date();
        let told = httpdate::parse_http_date(str::from_utf8(&date).unwrap()).unwrap();
        assert!(clock::now().duration_since(told).unwrap() < Duration::from_secs(60));
    }

    #[test]
    fn lends_the_same_buffer_again_and_keeps_no_large_one() {
        let scratch = Scratch::default();
        scratch.take_back(vec![1; 100]);
        assert!(scratch.lend().capacity() >= 100);
        assert_eq!(scratch.lend().capacity(), 0);
        scratch.take_back(vec![1; MOST_KEPT + 1]);
        assert_eq!(scratch.lend().capacity(), 0);
    }
}
