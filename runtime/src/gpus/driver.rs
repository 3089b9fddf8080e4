//! NVIDIA's driver, by its management library (NVML: `libnvidia-ml.so.1`), which is looked for when it is first asked.

use nvml_wrapper::Nvml;
use nvml_wrapper::enum_wrappers::device::TemperatureSensor;
use nvml_wrapper::error::NvmlError;

use crate::gpus::{Reading, State};
use crate::topology::Gpu;

/// The driver, once it was found.
#[derive(Default)]
pub(super) struct Driver {
    nvml: Option<Nvml>,
}

impl Driver {
    /// What it says of each of these.
    pub(super) fn ask(&mut self, gpus: &[Gpu]) -> Vec<State> {
        let all = |why: &str| gpus.iter().map(|_| Err(why.to_owned())).collect();
        let nvml = match self.nvml.take().map_or_else(Nvml::init, Ok) {
            Ok(nvml) => nvml,
            Err(why) => return all(&format!("there is no driver: {why}")),
        };
        let states = gpus
            .iter()
            .map(|gpu| read(&nvml, gpu).map_err(|why| why.to_string()))
            .collect();
        // One that was replaced or has lost its cards is looked for again.
        if nvml.device_count().is_ok() {
            self.nvml = Some(nvml);
        }
        states
    }
}

fn read(nvml: &Nvml, gpu: &Gpu) -> Result<Reading, NvmlError> {
    let device = nvml.device_by_index(gpu.index)?;
    let memory = device.memory_info()?;
    // Parts of a card, and some laptops, do not tell these.
    let utilization = told(device.utilization_rates())?;
    let temperature = told(device.temperature(TemperatureSensor::Gpu))?;
    let power = told(device.power_usage())?;
    Ok(Reading {
        utilization_ratio: utilization.map(|rates| f64::from(rates.gpu) / 100.0),
        memory_used_bytes: memory.used,
        memory_total_bytes: memory.total,
        temperature_celsius: temperature,
        power_watts: power.map(|milliwatts| f64::from(milliwatts) / 1000.0),
    })
}

fn told<T>(figure: Result<T, NvmlError>) -> Result<Option<T>, NvmlError> {
    match figure {
        Ok(figure) => Ok(Some(figure)),
        Err(
            NvmlError::NotSupported | NvmlError::NoPermission | NvmlError::FailedToLoadSymbol(_),
        ) => Ok(None),
        Err(error) => Err(error),
    }
}
