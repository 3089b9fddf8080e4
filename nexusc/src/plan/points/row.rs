//! A row of a file of points: the configuration that it names, and what was measured of it.

use crate::catalogue;
use crate::plan::estimate::{Estimate, Interval, estimate};
use crate::plan::kv;
use crate::plan::overhead;
use crate::plan::points::{Class, Covered, Error, Pair, Point};
use crate::plan::quantisation::{Dtype, KvDtype, Quantisation};
use crate::plan::service::{Card, Engine, Media, Sampler, Service, Vllm};
use crate::plan::verdict::{of_service, starts};

const GIB: f64 = 1_073_741_824.0;

/// A row by the names of its columns.
pub(super) struct Row<'r> {
    pub(super) headers: &'r csv::StringRecord,
    pub(super) record: &'r csv::StringRecord,
}

impl Row<'_> {
    fn text(&self, column: &'static str) -> Result<&str, Error> {
        let index = self.headers.iter().position(|header| header == column);
        let index = index.ok_or(Error::Column(column))?;
        Ok(self.record.get(index).unwrap_or_default().trim())
    }

    fn number(&self, column: &'static str) -> Result<Option<f64>, Error> {
        let text = self.text(column)?;
        if matches!(text, "" | "n/a" | "nan" | "NaN") {
            return Ok(None);
        }
        match text.parse::<f64>() {
            Ok(number) if number.is_finite() => Ok(Some(number)),
            _ => Err(Error::Number {
                row: self.text("id")?.to_owned(),
                column,
                text: text.to_owned(),
            }),
        }
    }

    /// The number in a column that files may lack.
    fn optional(&self, column: &'static str) -> Result<Option<f64>, Error> {
        if self.headers.iter().any(|header| header == column) {
            self.number(column)
        } else {
            Ok(None)
        }
    }

    pub(super) fn point(&self) -> Result<Point, Error> {
        let mut point = Point {
            id: self.text("id")?.to_owned(),
            engine: format!("{} {}", self.text("engine")?, self.text("engine_version")?),
            model: self.text("model_key")?.to_owned(),
            class: Class::Other,
            left_out: None,
            weights: None,
            activation: None,
            graphs: None,
            kv: None,
            tokens_of_kv: None,
            tokens: None,
            compute: None,
            started: matches!(self.text("outcome")?, "ok" | ""),
            verdict: None,
        };
        match self.service()? {
            Ok(service) => {
                point.class = self.class(&service)?;
                self.compare(&service, &mut point)?;
            }
            Err(why) => point.left_out = Some(why),
        }
        Ok(point)
    }

    /// The configuration of a row, or why it is not known.
    fn service(&self) -> Result<Result<Service, String>, Error> {
        let name = self.text("model_key")?;
        let Some(architecture) = catalogue::architecture(name) else {
            return Ok(Err(format!("no figures of `{name}`")));
        };
        let Some(quantisation) = self.quantisation()? else {
            return Ok(Err(format!(
                "no figures of quantisation `{}`",
                self.text("quant")?
            )));
        };
        let kv_dtype = match self.text("kv_dtype")? {
            "" | "float16" | "bfloat16" => Some(KvDtype::AUTO),
            name => KvDtype::find(name),
        };
        let Some(kv_dtype) = kv_dtype else {
            return Ok(Err(format!(
                "no figures of kv_dtype `{}`",
                self.text("kv_dtype")?
            )));
        };
        let version = self.text("engine_version")?;
        let engine = match self.text("engine")? {
            "vllm" => {
                let Some(minor) = minor(version) else {
                    return Ok(Err(format!("no version in `{version}`")));
                };
                // A sampler that was logged; otherwise the version decides.
                let is_logged = self.text("sampler_src")? == "logged";
                let sampler = match self.text("sampler")? {
                    "flashinfer" | "triton" if is_logged => Some(Sampler::Kernel),
                    "native_sort" if is_logged => Some(Sampler::Sort),
                    _ => None,
                };
                let v1 = self.text("engine_line")? == "v1";
                Engine::Vllm(Vllm { minor, v1, sampler })
            }
            "sglang" => Engine::Sglang,
            "llama.cpp" => Engine::LlamaCpp {
                build: Some(build(version)),
                flash_attention: self.number("flash_attn")? == Some(1.0),
                gpu_layers: None,
            },
            other => return Ok(Err(format!("no figures of engine `{other}`"))),
        };
        let whole = |column, default: u64| -> Result<u64, Error> {
            Ok(self.number(column)?.map_or(default, |number| number as u64))
        };
        let max_len = whole("max_model_len", architecture.positions)?.max(1);
        Ok(Ok(Service {
            engine,
            file_bytes: None,
            dtype: Dtype::find(self.text("dtype")?).unwrap_or(Dtype::Bfloat16),
            quantisation,
            kv_dtype,
            tensor_parallel: whole("tp", 1)?.max(1),
            pipeline_parallel: whole("pp", 1)?.max(1),
            max_len,
            max_seqs: whole("max_num_seqs", 256)?,
            batched_tokens: whole("max_num_batched_tokens", 8192)?,
            memory_fraction: self.number("util")?.unwrap_or(0.9),
            eager: self.number("enforce_eager")? == Some(1.0),
            lora_rank: whole("lora", 0)?,
            cpu_offload: (self.optional("cpu_offload_gib")?.unwrap_or(0.0) * GIB) as u64,
            media: Media {
                images: self.optional("images")?.map(|most| most as u64),
                videos: self.optional("videos")?.map(|most| most as u64),
            },
            architecture,
        }))
    }

    fn quantisation(&self) -> Result<Option<Quantisation>, Error> {
        // Checkpoints that were quantised beforehand have nested scales; so have all that Unsloth loads.
        let is_nested =
            self.text("usage")? == "unsloth" || self.text("model_id")?.contains("bnb-4bit");
        let name = match self.text("quant")? {
            "" => "none",
            "w8a8-int8" | "w8a8" => "int8",
            "fp8-dynamic" | "fp8-block" | "w8a8-fp8" => "fp8",
            "awq" => "awq-int4",
            "gptq" | "w4a16" | "int4" => "gptq-int4",
            "w8a16" => "gptq-int8",
            "bnb-nf4" if is_nested => "bnb-nf4-nested",
            "bnb-nf4-dyn" => "bnb-nf4-nested",
            other => other,
        };
        Ok(Quantisation::find(name))
    }

    fn class(&self, service: &Service) -> Result<Class, Error> {
        let Engine::Vllm(vllm) = service.engine else {
            return Ok(match service.engine {
                Engine::Sglang => Class::Sglang,
                _ => Class::LlamaCpp,
            });
        };
        let is_recent = vllm.minor >= 7;
        // What decides the peak has to be known, and the figures have to be logged, not derived.
        let derived = self.text("backsolved")?;
        let is_known = self.number("max_num_seqs")?.is_some()
            && !derived
                .split(',')
                .any(|field| matches!(field, "S" | "T" | "kv" | "model"));
        Ok(match vllm.minor {
            _ if service.architecture.vision.is_some() => Class::Multimodal,
            _ if !is_recent
                || !is_known
                || service.lora_rank > 0
                || service.architecture.pooling =>
            {
                Class::Other
            }
            19 => Class::Sweep,
            _ => Class::Text,
        })
    }

    fn compare(&self, service: &Service, point: &mut Point) -> Result<(), Error> {
        let total = self.number("gpu_total_gib")?;
        let free = self.number("avail_start_gib")?.map(|free| free * GIB);
        let gpu = self.text("gpu")?;
        let mut card = Card {
            total: total.map_or(free.unwrap_or(f64::NAN), |total| total * GIB),
            is_exact: self.text("total_src")? != "inferred",
            occupied: self.optional("occupied_gib")?.unwrap_or(0.0) * GIB,
            later: 0.0,
            free: free.filter(|_| service.engine == Engine::Sglang),
            is_hopper: ["H100", "H200", "H800"]
                .iter()
                .any(|name| gpu.contains(name)),
        };
        if let (Engine::Vllm(_), Some(free)) = (service.engine, free) {
            // What is missing from the card, and is not its own context.
            let context = overhead::before_budget(service, &card);
            let others = card.total - free - context.bytes - context.doubt;
            card.occupied = card.occupied.max(others);
        }
        let estimate = estimate(service, &card);
        let pair = |measured: Option<f64>, bytes: f64| {
            measured.map(|measured| Pair {
                measured,
                predicted: bytes / GIB,
            })
        };
        let Some(rank) = estimate.ranks.first() else {
            return Ok(());
        };
        // llama.cpp logs the sum over its devices.
        let devices = match service.engine {
            Engine::LlamaCpp { .. } => service.tensor_parallel as f64,
            _ => 1.0,
        };
        point.weights = pair(self.number("weights_gib")?, rank.weights * devices);
        let knows_peak = self.number("max_num_seqs")?.is_some();
        let activation = self.number("act_gib")?.filter(|_| knows_peak);
        point.activation = pair(activation, rank.activation);
        point.graphs = pair(
            self.number("graph_gib")?.filter(|graphs| *graphs > 0.0),
            rank.graphs,
        );
        let measured = self.number("kv_gib")?;
        let tokens = self.number("kv_tokens")?.filter(|tokens| *tokens > 0.0);
        if let (Some(gib), Some(measured)) = (measured.filter(|gib| *gib > 0.0), tokens) {
            let held = |gib: f64| kv::tokens(service, rank.layers, gib * GIB);
            // What the log's rounding leaves open is not held against the formula.
            let half = rounding(self.text("kv_gib")?);
            let (least, most) = (held(gib - half), held(gib + half));
            // Of a hybrid model, and of several stages, the log's two figures are not of the same rank.
            if service.architecture.linear_layers == 0 && service.pipeline_parallel == 1 {
                point.tokens_of_kv = Some(Pair {
                    measured,
                    predicted: measured.clamp(least, most.max(least)),
                });
            }
        }
        if matches!(service.engine, Engine::LlamaCpp { .. }) {
            point.compute = self.number("compute_mib")?.map(|mib| Pair {
                measured: mib / 1024.0,
                predicted: rank.activation / GIB,
            });
            point.kv = measured.map(|measured| {
                let [low, likely, high] =
                    [estimate.kv.low, estimate.kv.likely, estimate.kv.high].map(|kv| kv * devices);
                covered(
                    measured,
                    &Estimate {
                        kv: Interval { low, likely, high },
                        ..estimate.clone()
                    },
                    f64::NAN,
                )
            });
            return Ok(());
        }
        if card.total.is_nan() {
            point.left_out = Some("the memory of the card is not known".to_owned());
            return Ok(());
        }
        if matches!(service.engine, Engine::Vllm(_)) && !knows_peak {
            point.left_out = Some("`max_num_seqs` was not logged".to_owned());
            return Ok(());
        }
        // What a log calls KV memory is the first rank's.
        let logged = Estimate {
            kv: rank.kv,
            ..estimate.clone()
        };
        let is_vllm = matches!(service.engine, Engine::Vllm(_));
        point.kv = measured
            .filter(|_| is_vllm)
            .map(|measured| covered(measured, &logged, card.total));
        let comparable = service.architecture.linear_layers == 0;
        point.tokens = tokens.filter(|_| comparable).map(|measured| Pair {
            measured,
            predicted: estimate.tokens.likely,
        });
        let fits = of_service(service, &card, &estimate);
        point.verdict = Some(fits.max(starts(service, &card)));
        Ok(())
    }
}

fn covered(measured: f64, estimate: &Estimate, total: f64) -> Covered {
    Covered {
        pair: Pair {
            measured,
            predicted: estimate.kv.likely / GIB,
        },
        low: estimate.kv.low / GIB,
        high: estimate.kv.high / GIB,
        width: 100.0 * (estimate.kv.high - estimate.kv.low) / total,
    }
}

/// The build of llama.cpp: 6325 of `b6325`. Logs without one are of before it kept windows.
fn build(version: &str) -> u64 {
    let number = version.strip_prefix('b').unwrap_or_default();
    number.parse().unwrap_or(0)
}

/// Half of the last digit that a number was written with.
fn rounding(text: &str) -> f64 {
    let digits = text.split_once('.').map_or(0, |(_, digits)| digits.len());
    0.5 / 10_f64.powi(i32::try_from(digits).unwrap_or(0))
}

/// The second part of a version of vLLM, whatever stands around it: `0.8.5.post1`, `>=0.21`, `0.7.x`. A build that is
/// named by its date is later than all.
fn minor(version: &str) -> Option<u64> {
    let version = version.trim_start_matches(['>', '=', 'v']);
    let mut parts = version.split(|c: char| !c.is_ascii_digit());
    let major: u64 = parts.next()?.parse().ok()?;
    let minor: u64 = parts.next()?.parse().ok()?;
    Some(if major == 0 { minor } else { u64::MAX })
}
