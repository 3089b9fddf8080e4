//! `POST /v1/embeddings`: unit vectors that depend on the words of a text, so that texts with words in
//! common lie close together.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::answer::Answer;
use crate::error::{Refusal, json_answer, parse, required_model};
use crate::identity::digest;

/// Dimensions of a vector when the request does not say.
const DEFAULT_DIMENSIONS: usize = 256;
/// The largest number of dimensions, as at OpenAI.
const MAX_DIMENSIONS: usize = 3072;
/// The most texts of one request, as at OpenAI.
const MAX_INPUTS: usize = 2048;

/// Answers with a vector for each text.
pub(crate) fn answer(body: &[u8]) -> Result<Answer, Refusal> {
    let request: Request = parse(body)?;
    let model = required_model(request.model)?;
    let inputs = inputs(&request.input)?;
    let dimensions = request.dimensions.unwrap_or(DEFAULT_DIMENSIONS);
    if !(1..=MAX_DIMENSIONS).contains(&dimensions) {
        let message = format!("`dimensions` must be from 1 to {MAX_DIMENSIONS}");
        return Err(Refusal::invalid("dimensions", message));
    }

    let data = inputs.iter().zip(0..).map(|(words, index)| {
        let vector = unit_vector(words, dimensions);
        let embedding = match request.encoding_format.unwrap_or_default() {
            Encoding::Float => Embedding::Float(vector),
            Encoding::Base64 => Embedding::Base64(encode(&vector)),
        };
        Datum {
            object: "embedding",
            index,
            embedding,
        }
    });
    let tokens = inputs.iter().map(|words| words.len() as u64).sum();
    Ok(json_answer(&Document {
        object: "list",
        data: data.collect(),
        model: &model,
        usage: Usage {
            prompt_tokens: tokens,
            total_tokens: tokens,
        },
    }))
}

/// The words of each input: a text, tokens, a list of texts, or a list of tokens each.
fn inputs(input: &Value) -> Result<Vec<Vec<String>>, Refusal> {
    let inputs: Option<Vec<_>> = match input {
        Value::Array(items) if !items.iter().all(Value::is_number) => {
            items.iter().map(words).collect()
        }
        one => words(one).map(|words| vec![words]),
    };
    match inputs {
        Some(inputs) if inputs.len() <= MAX_INPUTS => Ok(inputs),
        Some(_) => Err(Refusal::invalid(
            "input",
            format!("more than {MAX_INPUTS} inputs"),
        )),
        None => Err(Refusal::invalid(
            "input",
            "`input` must be a text that is not empty, or several",
        )),
    }
}

fn words(input: &Value) -> Option<Vec<String>> {
    let words: Vec<String> = match input {
        Value::String(text) => text.split_whitespace().map(str::to_lowercase).collect(),
        Value::Array(tokens) => {
            let tokens = tokens
                .iter()
                .map(|token| token.as_u64().map(|token| token.to_string()));
            tokens.collect::<Option<_>>()?
        }
        _ => return None,
    };
    (!words.is_empty()).then_some(words)
}

/// The sum of one pseudo-random vector for each word, scaled to length 1.
fn unit_vector(words: &[String], dimensions: usize) -> Vec<f32> {
    let mut vector = vec![0.0_f64; dimensions];
    for word in words {
        let mut state = digest(word.as_bytes());
        for component in &mut vector {
            *component += next_component(&mut state);
        }
    }
    let length = vector
        .iter()
        .map(|component| component * component)
        .sum::<f64>()
        .sqrt();
    // A sum of exactly zero has no direction; it does not happen with real words.
    let scale = if length > 0.0 { 1.0 / length } else { 1.0 };
    vector
        .iter()
        .map(|component| (component * scale) as f32)
        .collect()
}

/// One step of splitmix64, as a number from -1 to 1.
fn next_component(state: &mut u64) -> f64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut mixed = *state;
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^= mixed >> 31;
    (mixed >> 11) as f64 / (1_u64 << 52) as f64 - 1.0
}

/// Little-endian 32-bit floats, as the official SDKs expect them.
fn encode(vector: &[f32]) -> String {
    let bytes: Vec<u8> = vector
        .iter()
        .flat_map(|component| component.to_le_bytes())
        .collect();
    STANDARD.encode(bytes)
}

#[derive(Deserialize)]
struct Request {
    model: Option<String>,
    #[serde(default)]
    input: Value,
    encoding_format: Option<Encoding>,
    dimensions: Option<usize>,
}

#[derive(Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Encoding {
    #[default]
    Float,
    Base64,
}

#[derive(Serialize)]
struct Document<'a> {
    object: &'static str,
    data: Vec<Datum>,
    model: &'a str,
    usage: Usage,
}

#[derive(Serialize)]
struct Datum {
    object: &'static str,
    index: u64,
    embedding: Embedding,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Embedding {
    Float(Vec<f32>),
    Base64(String),
}

#[derive(Serialize)]
struct Usage {
    prompt_tokens: u64,
    total_tokens: u64,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::answer::AnswerBody;

    fn ask(request: &Value) -> (u16, Value) {
        let answer = crate::endpoint::answer("/v1/embeddings", request.to_string().as_bytes());
        let AnswerBody::Json(body) = answer.body else {
            panic!("a stream")
        };
        (answer.status, serde_json::from_slice(&body).unwrap())
    }

    fn vector(body: &Value, index: usize) -> Vec<f64> {
        let embedding = body["data"][index]["embedding"].as_array().unwrap();
        embedding
            .iter()
            .map(|component| component.as_f64().unwrap())
            .collect()
    }

    fn product(one: &[f64], other: &[f64]) -> f64 {
        one.iter().zip(other).map(|(one, other)| one * other).sum()
    }

    #[test]
    fn a_vector_has_length_one_and_the_dimensions_asked_for() {
        let (status, body) = ask(&json!({"model": "m", "input": "a cat", "dimensions": 32}));
        let vector = vector(&body, 0);
        assert_eq!((status, vector.len()), (200, 32));
        assert!((product(&vector, &vector) - 1.0).abs() < 1e-5);
    }

    #[test]
    fn texts_with_words_in_common_are_close() {
        let inputs = [
            "the cat sat here",
            "the cat sat there",
            "quarterly revenue grew",
        ];
        let (_, body) = ask(&json!({"model": "m", "input": inputs}));
        let vectors: Vec<_> = (0..3).map(|index| vector(&body, index)).collect();
        assert!(product(&vectors[0], &vectors[1]) > 0.5);
        assert!(product(&vectors[0], &vectors[2]) < 0.3);
    }

    #[test]
    fn base64_holds_the_same_vector() {
        let (_, floats) = ask(&json!({"model": "m", "input": "a cat"}));
        let (_, encoded) =
            ask(&json!({"model": "m", "input": "a cat", "encoding_format": "base64"}));
        let bytes = STANDARD
            .decode(encoded["data"][0]["embedding"].as_str().unwrap())
            .unwrap();
        let first = f32::from_le_bytes(bytes[..4].try_into().unwrap());
        assert!((f64::from(first) - vector(&floats, 0)[0]).abs() < 1e-6);
    }

    #[test]
    fn an_encoding_that_is_null_is_the_usual_one() {
        let (status, body) = ask(&json!({"model": "m", "input": "a cat", "encoding_format": null}));
        assert_eq!((status, vector(&body, 0).len()), (200, DEFAULT_DIMENSIONS));
    }

    #[test]
    fn inputs_may_be_tokens() {
        let (status, body) = ask(&json!({"model": "m", "input": [[1, 2], [3]]}));
        assert_eq!((status, &body["usage"]["prompt_tokens"]), (200, &json!(3)));
    }

    #[test]
    fn an_input_without_words_is_refused() {
        for input in [json!(""), json!([]), json!(7), Value::Null] {
            let (status, body) = ask(&json!({"model": "m", "input": input}));
            assert_eq!((status, &body["error"]["param"]), (400, &json!("input")));
        }
    }
}
