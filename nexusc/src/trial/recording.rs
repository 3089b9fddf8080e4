//! Recorded requests: JSON lines, of which the log of a gateway is one kind.
//!
//! Read are these fields, of which a request needs `model` alone; all others are passed over.
//!
//! ```text
//! model                        the model that it names
//! user_id                      the name of its key, or the subject of its token
//! timestamp, duration_ms       when it ended (RFC 3339), and how long it took
//! ctx_len                      the length of its prompt in bytes of JSON
//! input_tokens, output_tokens  what it has used
//! session, prompt, max_tokens  what a log does not have, as in `[[tests]]`
//! ```

use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// The logger of the lines that a gateway writes about requests.
const ACCESS: &str = "nexus.access";

/// What was recorded.
#[derive(Debug, Default)]
pub struct Recording {
    /// The requests, in the order in which they began.
    pub requests: Vec<Recorded>,
    /// How many lines of a log are about something else.
    pub others: usize,
    /// How many requests name no model: they were refused before, or asked for something else.
    pub nameless: usize,
    /// The lines that cannot be read.
    pub faults: Vec<Fault>,
}

/// A request that was recorded.
#[derive(Debug, Clone, PartialEq)]
pub struct Recorded {
    /// When it began, since the first of the recording began.
    pub began: Duration,
    /// When it ended.
    pub ended: Duration,
    /// Who asked.
    pub user: Option<String>,
    /// The model that it named.
    pub model: String,
    /// The id of its session.
    pub session: Option<String>,
    /// The beginning of its prompt.
    pub prompt: Option<String>,
    /// The length of its prompt in bytes of JSON.
    pub prompt_length: u64,
    /// The most tokens that it asked for.
    pub max_tokens: Option<u64>,
    /// The tokens that it used, where that is known.
    pub used: Option<u64>,
}

/// A line that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Its number, from 1.
    pub line: usize,
    /// What is wrong with it.
    pub message: String,
}

/// Reads a recording. Whatever cannot be read is a fault; nothing is passed over that is not counted.
pub fn read(text: &str) -> Recording {
    let mut recording = Recording::default();
    let mut read: Vec<Moment> = Vec::new();
    let mut latest = 0;
    for (index, line) in text.lines().enumerate() {
        if line.trim().is_empty() {
            continue;
        }
        match request(line) {
            Ok(Read::Request(request)) => {
                // Who does not say when comes right after the one before.
                let ended = request.ended.unwrap_or(latest);
                latest = ended;
                read.push(Moment {
                    ended,
                    request: *request,
                });
            }
            Ok(Read::Other) => recording.others += 1,
            Ok(Read::Nameless) => recording.nameless += 1,
            Err(message) => recording.faults.push(Fault {
                line: index + 1,
                message,
            }),
        }
    }
    let start = read.iter().map(Moment::began).min().unwrap_or(0);
    // Lines are written when requests end; limits count them when they begin.
    read.sort_by_key(Moment::began);
    recording.requests = read.into_iter().map(|moment| moment.since(start)).collect();
    recording
}

/// What a line is.
enum Read {
    Request(Box<Line>),
    Other,
    Nameless,
}

/// A request, in milliseconds since 1970.
struct Moment {
    ended: i64,
    request: Line,
}

impl Moment {
    fn began(&self) -> i64 {
        self.ended.saturating_sub(self.request.took)
    }

    fn since(self, start: i64) -> Recorded {
        let since = |moment: i64| {
            let milliseconds = moment.saturating_sub(start);
            Duration::from_millis(u64::try_from(milliseconds).unwrap_or(0))
        };
        let (began, ended) = (since(self.began()), since(self.ended));
        let Line {
            ended: _,
            took: _,
            fields,
        } = self.request;
        let length = fields
            .prompt
            .as_ref()
            .map_or(0, |prompt| prompt.len() as u64);
        let used = match (fields.input_tokens, fields.output_tokens) {
            (None, None) => None,
            (input, output) => Some(input.unwrap_or(0).saturating_add(output.unwrap_or(0))),
        };
        Recorded {
            began,
            ended,
            user: fields.user_id,
            model: fields.model.unwrap_or_default(),
            session: fields.session,
            prompt: fields.prompt,
            prompt_length: fields.ctx_len.unwrap_or(length),
            max_tokens: fields.max_tokens,
            used,
        }
    }
}

struct Line {
    /// Milliseconds since 1970; `None` where the line does not say.
    ended: Option<i64>,
    /// In milliseconds.
    took: i64,
    fields: Fields,
}

#[derive(Debug, Deserialize)]
struct Fields {
    logger: Option<String>,
    timestamp: Option<String>,
    duration_ms: Option<f64>,
    user_id: Option<String>,
    model: Option<String>,
    ctx_len: Option<u64>,
    input_tokens: Option<u64>,
    output_tokens: Option<u64>,
    session: Option<String>,
    prompt: Option<String>,
    max_tokens: Option<u64>,
}

fn request(line: &str) -> Result<Read, String> {
    let value: Value = serde_json::from_str(line).map_err(|error| {
        let column = error.column();
        format!("not JSON, from column {column} on; a line is one whole object")
    })?;
    if !value.is_object() {
        return Err("not a JSON object; a line is `{\"model\": \"NAME\"}` at least".to_owned());
    }
    let fields: Fields = serde_json::from_value(value).map_err(|error| error.to_string())?;
    if fields
        .logger
        .as_deref()
        .is_some_and(|logger| logger != ACCESS)
    {
        return Ok(Read::Other);
    }
    if fields.model.is_none() {
        // A log says `null` where a request came to no model.
        return match fields.logger {
            Some(_) => Ok(Read::Nameless),
            None => Err("`model` is missing: a request names one".to_owned()),
        };
    }
    let ended = fields.timestamp.as_deref().map(moment).transpose()?;
    let took = fields.duration_ms.unwrap_or(0.0);
    if !(0.0..=1e12).contains(&took) {
        return Err("`duration_ms` is no time that a request takes".to_owned());
    }
    Ok(Read::Request(Box::new(Line {
        ended,
        took: took as i64,
        fields,
    })))
}

/// Milliseconds since 1970.
fn moment(timestamp: &str) -> Result<i64, String> {
    let moment = OffsetDateTime::parse(timestamp, &Rfc3339);
    let moment = moment
        .map_err(|_| "`timestamp` is no time; write it as `2026-01-31T23:59:59.123Z`".to_owned())?;
    i64::try_from(moment.unix_timestamp_nanos() / 1_000_000)
        .map_err(|_| "`timestamp` is too far away".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_is_a_recording() {
        let log = r#"
{"timestamp":"2026-01-31T23:59:58.000Z","level":"info","message":"listening","logger":"nexus.server","model":null}
{"timestamp":"2026-01-31T23:59:59.500Z","level":"info","message":"request","logger":"nexus.access","path":"/v1/models","model":null}
{"timestamp":"2026-01-31T23:59:59.900Z","logger":"nexus.access","duration_ms":100.4,"user_id":"web","model":"chat","ctx_len":40,"input_tokens":9,"output_tokens":3}
{"timestamp":"2026-02-01T00:00:00.000Z","logger":"nexus.access","duration_ms":1000.0,"user_id":"web","model":"small","upstream":"a"}
"#;
        let recording = read(log);
        assert_eq!((recording.others, recording.nameless), (1, 1));
        assert_eq!(recording.faults, []);
        let [first, second] = recording.requests.as_slice() else {
            panic!("{recording:?}")
        };
        // The one that ended later began sooner.
        assert_eq!(
            (first.model.as_str(), first.began),
            ("small", Duration::ZERO)
        );
        assert_eq!(second.began, Duration::from_millis(800));
        assert_eq!(second.ended, Duration::from_millis(900));
        assert_eq!((second.prompt_length, second.used), (40, Some(12)));
    }

    #[test]
    fn every_line_that_cannot_be_read_is_named() {
        let text = "{\"model\":\"a\"}\n{\"model\":\n[1]\n\n{\"user_id\":\"web\"}\n\
                    {\"model\":7}\n{\"model\":\"a\",\"timestamp\":\"yesterday\"}\n\
                    {\"model\":\"a\",\"duration_ms\":-1}\n{\"model\":\"b\"}";
        let recording = read(text);
        let lines: Vec<usize> = recording.faults.iter().map(|fault| fault.line).collect();
        assert_eq!(lines, [2, 3, 5, 6, 7, 8]);
        assert_eq!(recording.requests.len(), 2);
    }
}
