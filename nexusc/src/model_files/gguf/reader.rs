//! The values of a GGUF header, one after the other (ggml, docs/gguf.md). Nothing is made room for before it has been
//! seen: whatever a count claims, no more is read than is there.

/// The most elements of a list that are kept: one for each layer. Vocabularies are longer, and only counted.
const KEPT: u64 = 4096;

/// A value of the metadata.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value<'f> {
    /// A whole number.
    Whole(u64),
    /// Any other number.
    Number(f64),
    /// True or false.
    Flag(bool),
    /// A text.
    Text(&'f str),
    /// Whole numbers.
    Wholes(Vec<u64>),
    /// Any other list, or a long one: its length.
    List(u64),
}

/// What is left of the header.
pub(super) struct Reader<'f> {
    pub(super) rest: &'f [u8],
}

impl<'f> Reader<'f> {
    pub(super) fn take(&mut self, bytes: u64) -> Result<&'f [u8], String> {
        let split = usize::try_from(bytes)
            .ok()
            .and_then(|bytes| self.rest.split_at_checked(bytes));
        let (taken, rest) = split.ok_or("the header is cut, or longer than 64 MiB")?;
        self.rest = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], String> {
        let (taken, rest) = self
            .rest
            .split_first_chunk()
            .ok_or("the header is cut, or longer than 64 MiB")?;
        self.rest = rest;
        Ok(*taken)
    }

    pub(super) fn u32(&mut self) -> Result<u32, String> {
        self.array().map(u32::from_le_bytes)
    }

    pub(super) fn u64(&mut self) -> Result<u64, String> {
        self.array().map(u64::from_le_bytes)
    }

    pub(super) fn text(&mut self) -> Result<&'f str, String> {
        let length = self.u64()?;
        let bytes = self.take(length)?;
        std::str::from_utf8(bytes).map_err(|_| "a text is not UTF-8".to_owned())
    }

    /// A value with its kind before it.
    pub(super) fn value(&mut self) -> Result<Value<'f>, String> {
        match self.u32()? {
            8 => self.bytes_of_text().map(text_or_nothing),
            9 => self.list(),
            kind => self.number(kind),
        }
    }

    /// A text may be any bytes where it is a value: tokenizers have such.
    fn bytes_of_text(&mut self) -> Result<&'f [u8], String> {
        let length = self.u64()?;
        self.take(length)
    }

    fn number(&mut self, kind: u32) -> Result<Value<'f>, String> {
        let signed =
            |number: i64| u64::try_from(number).map_or(Value::Number(number as f64), Value::Whole);
        Ok(match kind {
            0 => Value::Whole(u64::from(u8::from_le_bytes(self.array()?))),
            1 => signed(i64::from(i8::from_le_bytes(self.array()?))),
            2 => Value::Whole(u64::from(u16::from_le_bytes(self.array()?))),
            3 => signed(i64::from(i16::from_le_bytes(self.array()?))),
            4 => Value::Whole(u64::from(self.u32()?)),
            5 => signed(i64::from(i32::from_le_bytes(self.array()?))),
            6 => Value::Number(f64::from(f32::from_le_bytes(self.array()?))),
            7 => Value::Flag(self.array::<1>()? != [0]),
            10 => Value::Whole(self.u64()?),
            11 => signed(i64::from_le_bytes(self.array()?)),
            12 => Value::Number(f64::from_le_bytes(self.array()?)),
            _ => return Err(format!("a value of kind {kind} is not known")),
        })
    }

    fn list(&mut self) -> Result<Value<'f>, String> {
        let (kind, length) = (self.u32()?, self.u64()?);
        if kind == 8 {
            for _ in 0..length {
                self.bytes_of_text()?;
            }
            return Ok(Value::List(length));
        }
        let size = size(kind).ok_or_else(|| format!("a list of kind {kind} is not known"))?;
        let bytes = size.checked_mul(length);
        let bytes = bytes.ok_or_else(|| format!("a list has {length} elements"))?;
        let mut elements = Self {
            rest: self.take(bytes)?,
        };
        if length > KEPT {
            return Ok(Value::List(length));
        }
        let mut wholes = Vec::new();
        while !elements.rest.is_empty() {
            match elements.number(kind)? {
                Value::Whole(number) => wholes.push(number),
                _ => return Ok(Value::List(length)),
            }
        }
        Ok(Value::Wholes(wholes))
    }
}

fn text_or_nothing(bytes: &[u8]) -> Value<'_> {
    Value::Text(std::str::from_utf8(bytes).unwrap_or_default())
}

/// The bytes of a number of this kind.
fn size(kind: u32) -> Option<u64> {
    match kind {
        0 | 1 | 7 => Some(1),
        2 | 3 => Some(2),
        4..=6 => Some(4),
        10..=12 => Some(8),
        _ => None,
    }
}
