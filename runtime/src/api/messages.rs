//! Counting the messages of a request while it is scanned.
//!
//! Each message is passed over as a whole, so this costs a call for each, not a second look at its
//! bytes.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use crate::api::span::span;

/// What `messages` is.
#[derive(Debug)]
pub(super) enum Messages<'a> {
    /// A list of so many, with its JSON.
    Listed { count: usize, json: &'a [u8] },
    /// `null`, which says nothing.
    Absent,
    /// Anything else.
    Other,
}

/// Reads `messages` from `body`.
pub(super) struct MessagesSeed<'a> {
    pub(super) body: &'a [u8],
}

impl<'de> DeserializeSeed<'de> for MessagesSeed<'de> {
    type Value = Messages<'de>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for MessagesSeed<'de> {
    type Value = Messages<'de>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a list of messages")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        let Some(first) = list.next_element::<&RawValue>()? else {
            let json = b"[]";
            return Ok(Messages::Listed { count: 0, json });
        };
        let mut last = first;
        let mut count = 1;
        while let Some(next) = list.next_element()? {
            last = next;
            count += 1;
        }
        let (start, end) = (
            span(self.body, first.get()).start,
            span(self.body, last.get()).end,
        );
        let json = enclosing_list(self.body, start, end);
        Ok(Messages::Listed { count, json })
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(Messages::Absent)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Messages::Other)
    }

    fn visit_str<E>(self, _: &str) -> Result<Self::Value, E> {
        Ok(Messages::Other)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Self::Value, E> {
        Ok(Messages::Other)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Self::Value, E> {
        Ok(Messages::Other)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Self::Value, E> {
        Ok(Messages::Other)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Self::Value, E> {
        Ok(Messages::Other)
    }
}

/// The list whose elements stand from `start` to `end`: nothing but white space lies between them
/// and its brackets.
fn enclosing_list(body: &[u8], start: usize, end: usize) -> &[u8] {
    let (before, after) = (body.get(..start), body.get(end..));
    let open = before.and_then(|before| before.iter().rposition(|&byte| byte == b'['));
    let close = after.and_then(|after| after.iter().position(|&byte| byte == b']'));
    let list = open.zip(close);
    list.and_then(|(open, close)| body.get(open..=end + close))
        .unwrap_or_default()
}
