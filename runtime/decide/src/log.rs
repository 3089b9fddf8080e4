//! What a line of a gateway's log holds: the name and the kind of each field.
//!
//! `runtime` writes these fields and no others, and the pipeline, the searches and the documents that `nexusc` emits
//! know the log by them: neither can know a field that the other does not.

/// A field of a log line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field {
    /// Its name.
    pub name: &'static str,
    /// What its value is, where it is not `null`.
    pub kind: Kind,
    /// What it says.
    pub about: &'static str,
}

/// What the value of a field is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A moment, as RFC 3339 has it.
    Time,
    /// A name, an id, a path: looked for as a whole.
    Word,
    /// Words for people.
    Text,
    /// A whole number.
    Count,
    /// A number with a fraction.
    Number,
    /// The address of a machine.
    Address,
}

const fn field(name: &'static str, kind: Kind, about: &'static str) -> Field {
    Field { name, kind, about }
}

/// The `logger` of lines that say how a request ended.
pub const ACCESS: &str = "nexus.access";

/// The `logger` of audit records, which stand among the lines where they have no file of their own.
pub const AUDIT: &str = "nexus.audit";

/// When it was written.
pub const TIMESTAMP: Field = field("timestamp", Kind::Time, "when the line was written, in UTC");
/// How bad it is.
pub const LEVEL: Field = field("level", Kind::Word, "`error`, `warn`, `info` or `debug`");
/// What happened.
pub const MESSAGE: Field = field("message", Kind::Text, "what happened");
/// Who says so.
pub const LOGGER: Field = field(
    "logger",
    Kind::Word,
    "the part of the gateway that speaks; `nexus.access` tells how each request ended",
);
/// Which request.
pub const REQUEST_ID: Field = field("request_id", Kind::Word, "the request: `x-request-id`");
/// Part of what.
pub const TRACE_ID: Field = field("trace_id", Kind::Word, "what it is a part of: `x-trace-id`");
/// Its method.
pub const METHOD: Field = field("method", Kind::Word, "the request's method");
/// Its path.
pub const PATH: Field = field("path", Kind::Word, "the request's path, without its query");
/// How it ended.
pub const STATUS: Field = field(
    "status",
    Kind::Count,
    "the answer's status; 499 where the client left",
);
/// How long it took.
pub const DURATION: Field = field(
    "duration_ms",
    Kind::Number,
    "from the request's head to the last byte of the answer, in milliseconds",
);
/// Who answered.
pub const UPSTREAM: Field = field("upstream", Kind::Word, "the upstream that answered");
/// What answered instead.
pub const FALLBACK_MODEL: Field = field(
    "fallback_model",
    Kind::Word,
    "the model that answered in place of the one that was asked for",
);
/// From where.
pub const CLIENT_IP: Field = field("client_ip", Kind::Address, "the client's address");
/// Who asked.
pub const USER_ID: Field = field(
    "user_id",
    Kind::Word,
    "the caller: the name of its key, or the subject of its token",
);
/// What was asked for.
pub const MODEL: Field = field("model", Kind::Word, "the model that was asked for");
/// How much was asked.
pub const CTX_LEN: Field = field("ctx_len", Kind::Count, "the prompt, in bytes");
/// How much was read.
pub const INPUT_TOKENS: Field = field(
    "input_tokens",
    Kind::Count,
    "tokens read, as the upstream reports them",
);
/// How much was written.
pub const OUTPUT_TOKENS: Field = field(
    "output_tokens",
    Kind::Count,
    "tokens written, as the upstream reports them",
);
/// Where the gateway listens.
pub const LISTENING: Field = field(
    "address",
    Kind::Word,
    "where the gateway listens: only in the line that says so",
);

/// Who asked, in audit records: they have this field and some of the others.
pub const PRINCIPAL: Field = field(
    "principal",
    Kind::Word,
    "who asked, as a salted hash: only in audit records, whose `logger` is `nexus.audit`",
);

/// Every field, in the order in which lines have them.
pub const FIELDS: [Field; 19] = [
    TIMESTAMP,
    LEVEL,
    MESSAGE,
    LOGGER,
    REQUEST_ID,
    TRACE_ID,
    METHOD,
    PATH,
    STATUS,
    DURATION,
    UPSTREAM,
    FALLBACK_MODEL,
    CLIENT_IP,
    USER_ID,
    MODEL,
    CTX_LEN,
    INPUT_TOKENS,
    OUTPUT_TOKENS,
    LISTENING,
];
