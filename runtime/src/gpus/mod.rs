//! The GPUs of this machine while it runs, as NVIDIA's driver sees them, beside what the plan has on them.
//!
//! One thread asks the driver (NVML) every few seconds; requests have nothing to do with it. Where there is no driver,
//! no card of that number or no right to see it, that is a state which is told like any other, and asked for again.

mod driver;
mod gauges;

use std::io;
use std::sync::mpsc::{RecvTimeoutError, SyncSender, sync_channel};
use std::time::Duration;

use serde::Serialize;
use tokio::sync::watch;
use tokio::time::Instant;

use crate::gpus::driver::Driver;
use crate::gpus::gauges::Gauges;
use crate::observe::level::Level;
use crate::observe::line::Line;
use crate::observe::log::Sink;
use crate::observe::metrics::Metrics;
use crate::topology::{Gpu, Topology};

/// From one question to the next. A driver averages over about a second.
const EVERY: Duration = Duration::from_secs(5);

/// A driver that has not answered for so long hangs: what it last said is no longer told.
const STALE: Duration = Duration::from_secs(20);

const LOGGER: &str = "nexus.gpus";

/// The GPUs of a topology.
pub(crate) struct Gpus {
    gpus: &'static [Gpu],
    gauges: Gauges,
    states: watch::Sender<States>,
}

/// What was last seen of each GPU, in the order of the topology.
#[derive(Clone, Debug)]
struct States {
    at: Instant,
    each: Vec<State>,
}

/// What was seen of a GPU, or why nothing was.
type State = Result<Reading, String>;

/// What the driver says of a GPU; what a card does not tell is absent.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(crate) struct Reading {
    /// The part of the last second or so in which something ran on it.
    #[serde(skip_serializing_if = "Option::is_none")]
    utilization_ratio: Option<f64>,
    memory_used_bytes: u64,
    memory_total_bytes: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    temperature_celsius: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    power_watts: Option<f64>,
}

/// Ends the thread when it is dropped.
pub(crate) struct Watch {
    _stop: SyncSender<()>,
}

impl Gpus {
    /// Those of `topology`, with their series among `metrics`; `None` where it has none on this machine.
    pub(crate) fn of(topology: &'static Topology, metrics: &Metrics) -> Option<Self> {
        if topology.gpus.is_empty() {
            return None;
        }
        let unseen = || Err("not asked for yet".to_owned());
        Some(Self {
            gpus: topology.gpus,
            gauges: Gauges::new(metrics, topology.gpus),
            states: watch::Sender::new(States {
                at: Instant::now(),
                each: topology.gpus.iter().map(|_| unseen()).collect(),
            }),
        })
    }

    /// Starts to ask the driver.
    pub(crate) fn watch(&'static self, log: Sink) -> io::Result<Watch> {
        // Nothing is ever sent: it wakes the thread by being dropped.
        let (stop, stopped) = sync_channel(0);
        let ask = move || {
            let mut driver = Driver::default();
            loop {
                self.note(driver.ask(self.gpus), &log);
                if stopped.recv_timeout(EVERY) != Err(RecvTimeoutError::Timeout) {
                    return;
                }
            }
        };
        // A driver may hang for ever, so nobody waits for its end.
        std::thread::Builder::new()
            .name("gpus".to_owned())
            .spawn(ask)?;
        Ok(Watch { _stop: stop })
    }

    /// Takes over what was seen, and logs where that is another state than before.
    fn note(&self, each: Vec<State>, log: &Sink) {
        let before = self.states.send_replace(States {
            at: Instant::now(),
            each: each.clone(),
        });
        for ((gpu, before), now) in self.gpus.iter().zip(before.each).zip(each) {
            let (level, message) = match (&before, &now) {
                (Err(_), Ok(_)) => (Level::Info, format!("GPU `{}` is read", gpu.name)),
                (_, Err(why)) if before.as_ref().err() != Some(why) => (
                    Level::Warn,
                    format!("GPU `{}` cannot be read: {why}", gpu.name),
                ),
                _ => continue,
            };
            log.line(&Line::new(level, LOGGER, &message));
        }
    }

    /// Shows how things are now.
    pub(crate) fn show(&self) {
        for (gpu, state) in self.now() {
            self.gauges.show(gpu, state.as_ref().ok());
        }
    }

    /// How things are now, for an administrator.
    pub(crate) fn states(&self) -> Vec<GpuState> {
        let state = |(gpu, state): (&'static Gpu, State)| {
            let (reading, error) = match state {
                Ok(reading) => (Some(reading), None),
                Err(why) => (None, Some(why)),
            };
            GpuState {
                gpu: gpu.name,
                index: gpu.index,
                up: reading.is_some(),
                error,
                planned_memory_bytes: gpu.planned_memory,
                reading,
            }
        };
        self.now().map(state).collect()
    }

    fn now(&self) -> impl Iterator<Item = (&'static Gpu, State)> {
        let States { at, each } = self.states.borrow().clone();
        let is_stale = at.elapsed() > STALE;
        self.gpus.iter().zip(each).map(move |(gpu, state)| {
            let state = if is_stale {
                Err("the driver does not answer".to_owned())
            } else {
                state
            };
            (gpu, state)
        })
    }
}

/// A GPU as an administrator sees it.
#[derive(Debug, Serialize)]
pub(crate) struct GpuState {
    gpu: &'static str,
    index: u32,
    up: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    planned_memory_bytes: usize,
    #[serde(flatten)]
    reading: Option<Reading>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::CHAT;
    use crate::observe::log;

    static TWO: [Gpu; 2] = [
        Gpu {
            name: "left",
            index: 0,
            planned_memory: 1000,
        },
        Gpu {
            name: "right",
            index: 1,
            planned_memory: 2000,
        },
    ];

    const READING: Reading = Reading {
        utilization_ratio: Some(0.5),
        memory_used_bytes: 900,
        memory_total_bytes: 4000,
        temperature_celsius: Some(60),
        power_watts: None,
    };

    fn gpus(metrics: &Metrics) -> Gpus {
        let unseen = || Err("not asked for yet".to_owned());
        Gpus {
            gpus: &TWO,
            gauges: Gauges::new(metrics, &TWO),
            states: watch::Sender::new(States {
                at: Instant::now(),
                each: vec![unseen(), unseen()],
            }),
        }
    }

    fn sink() -> Sink {
        let dropped = prometheus::IntCounter::new("dropped", "dropped").unwrap();
        let (sink, _writer) = log::start(Level::Info, &CHAT, dropped, io::sink()).unwrap();
        sink
    }

    fn text(metrics: &Metrics, gpus: &Gpus) -> String {
        gpus.show();
        String::from_utf8(metrics.text()).unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_not_read_is_not_told_and_what_is_no_longer_either() {
        let metrics = Metrics::new(&CHAT);
        let gpus = gpus(&metrics);
        gpus.note(vec![Ok(READING), Err("gone".to_owned())], &sink());
        let shown = text(&metrics, &gpus);
        assert!(
            shown.contains("gateway_gpu_up{gpu=\"left\"} 1\n"),
            "{shown}"
        );
        assert!(shown.contains("gateway_gpu_memory_used_bytes{gpu=\"left\"} 900\n"));
        assert!(shown.contains("gateway_gpu_utilization_ratio{gpu=\"left\"} 0.5\n"));
        assert!(!shown.contains("gateway_gpu_power_watts{"));
        assert!(shown.contains("gateway_gpu_up{gpu=\"right\"} 0\n"));
        assert!(shown.contains("gateway_gpu_planned_memory_bytes{gpu=\"right\"} 2000\n"));
        tokio::time::advance(STALE * 2).await;
        let shown = text(&metrics, &gpus);
        assert!(shown.contains("gateway_gpu_up{gpu=\"left\"} 0\n"));
        assert!(!shown.contains("gateway_gpu_memory_used_bytes{"));
    }

    #[tokio::test(start_paused = true)]
    async fn an_administrator_is_told_why() {
        let metrics = Metrics::new(&CHAT);
        let gpus = gpus(&metrics);
        gpus.note(vec![Ok(READING), Err("gone".to_owned())], &sink());
        let states = serde_json::to_value(gpus.states()).unwrap();
        let left = serde_json::json!({
            "gpu": "left", "index": 0, "up": true, "planned_memory_bytes": 1000, "utilization_ratio": 0.5,
            "memory_used_bytes": 900, "memory_total_bytes": 4000, "temperature_celsius": 60,
        });
        assert_eq!(states[0], left);
        let right = serde_json::json!({
            "gpu": "right", "index": 1, "up": false, "error": "gone", "planned_memory_bytes": 2000,
        });
        assert_eq!(states[1], right);
    }
}
