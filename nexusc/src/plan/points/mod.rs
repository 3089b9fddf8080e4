//! How far the plan is from what was measured: points of a CSV file, one a server's start.
//!
//! The columns are those of `nexusc/tests/gpu/train.csv`. What a row does not have is not scored; a row that cannot be
//! estimated says why.

mod row;
pub mod summary;

use serde::Serialize;

use crate::plan::points::row::Row;
use crate::plan::verdict::Verdict;

/// Why a file of points cannot be read.
#[derive(Debug, PartialEq, thiserror::Error)]
pub enum Error {
    /// It is no CSV file.
    #[error("{0}")]
    Csv(String),
    /// A column is missing.
    #[error("the column `{0}` is missing; the columns are those of nexusc/tests/gpu/train.csv")]
    Column(&'static str),
    /// There is nothing to compare.
    #[error("it has no points; the columns are those of nexusc/tests/gpu/train.csv")]
    Empty,
    /// A cell is not a number.
    #[error("row `{row}`: `{text}` in column `{column}` is not a number")]
    Number {
        /// The row's id.
        row: String,
        /// The column.
        column: &'static str,
        /// What stands there.
        text: String,
    },
}

/// A measured start, and what the plan says of it.
#[derive(Clone, Debug, Serialize)]
pub struct Point {
    /// Its id.
    pub id: String,
    /// The engine with its version.
    pub engine: String,
    /// The model.
    pub model: String,
    /// What it counts to.
    pub class: Class,
    /// Why it could not be estimated.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub left_out: Option<String>,
    /// Weights of a rank.
    pub weights: Option<Pair>,
    /// The peak of a step.
    pub activation: Option<Pair>,
    /// CUDA graphs.
    pub graphs: Option<Pair>,
    /// Memory for keys and values, from the configuration alone.
    pub kv: Option<Covered>,
    /// Tokens that the measured memory holds: of those that its rounding leaves open, the nearest.
    pub tokens_of_kv: Option<Pair>,
    /// Tokens, from the configuration alone.
    pub tokens: Option<Pair>,
    /// llama.cpp's compute buffer.
    pub compute: Option<Pair>,
    /// Whether it started.
    pub started: bool,
    /// What the plan would have said; `None` where it could not be estimated.
    pub verdict: Option<Verdict>,
}

/// What a point counts to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Class {
    /// A text-only model on vLLM 0.7 or later, on 0.19.
    Sweep,
    /// The same on any other version.
    Text,
    /// A multimodal model.
    Multimodal,
    /// LoRA adapters, vLLM before 0.7, and whatever is not known in full.
    Other,
    /// SGLang.
    Sglang,
    /// llama.cpp.
    LlamaCpp,
}

/// A figure as it was measured and as it was predicted, in GiB or in tokens.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Pair {
    /// Measured.
    pub measured: f64,
    /// Predicted.
    pub predicted: f64,
}

impl Pair {
    /// How far the prediction is off, in percent of what was measured.
    pub fn percent(&self) -> f64 {
        100.0 * (self.predicted - self.measured).abs() / self.measured.abs()
    }
}

/// A figure with the interval that was predicted for it, in GiB.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Covered {
    /// The figure itself.
    #[serde(flatten)]
    pub pair: Pair,
    /// The least that was predicted.
    pub low: f64,
    /// The most that was predicted.
    pub high: f64,
    /// The interval's width in percent of the card.
    pub width: f64,
}

impl Covered {
    /// Whether what was measured lies inside. Logs give two decimals.
    pub fn is_inside(&self) -> bool {
        self.low - 0.005 <= self.pair.measured && self.pair.measured <= self.high + 0.005
    }
}

/// Reads points and predicts each.
pub fn read(text: &str) -> Result<Vec<Point>, Error> {
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let headers = reader
        .headers()
        .map_err(|error| Error::Csv(error.to_string()))?
        .clone();
    let mut points = Vec::new();
    for record in reader.records() {
        let record = record.map_err(|error| Error::Csv(error.to_string()))?;
        let row = Row {
            headers: &headers,
            record: &record,
        };
        points.push(row.point()?);
    }
    if points.is_empty() {
        return Err(Error::Empty);
    }
    Ok(points)
}
