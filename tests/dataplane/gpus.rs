//! What the GPUs of the gateway's machine do is told where there is a driver, and that there is none where not.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use end_to_end::{Dataplane, Request, Start};

/// The dataplane, which finds its driver's library in this folder before any other.
async fn started(libraries: &Path) -> Dataplane {
    let nobody = "http://127.0.0.1:1";
    Start::of("chat-2x3090")
        .upstream_url("vllm-14b", nobody)
        .upstream_url("vllm-14b-next", nobody)
        .upstream_url("vllm-3b", nobody)
        .upstream_url("cloud", nobody)
        .env("LD_LIBRARY_PATH", libraries.display().to_string())
        .env("KEY_WEB", "web-secret-1234567890")
        .env("KEY_BATCH", "batch-secret-1234567890")
        .env("KEY_OPS", "ops-secret-1234567890")
        .env("OPENAI_API_KEY", "cloud-secret-1234567890")
        .start()
        .await
}

/// A folder for one test, with no more than the path of the driver's library.
fn library(test: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(test);
    fs::create_dir_all(&folder).unwrap();
    folder.join("libnvidia-ml.so.1")
}

async fn wait_for(dataplane: &Dataplane, message: &str) {
    let says = |line: &serde_json::Value| line["message"].as_str().unwrap().starts_with(message);
    dataplane.log().wait_for(says).await;
}

#[tokio::test]
async fn what_the_driver_says_stands_beside_the_plan() {
    let library = library("gpus_with_a_driver");
    let source = concat!(env!("CARGO_MANIFEST_DIR"), "/dataplane/gpus/nvml.c");
    let mut compiler = Command::new("cc");
    compiler
        .args(["-shared", "-fPIC", source, "-o"])
        .arg(&library);
    assert!(compiler.status().unwrap().success());
    let dataplane = started(library.parent().unwrap()).await;
    wait_for(&dataplane, "GPU `left` is read").await;
    wait_for(&dataplane, "GPU `right` cannot be read").await;
    let metrics = dataplane.metrics().await;
    let left = |name: &str| metrics.value(&format!("gateway_gpu_{name}{{gpu=\"left\"}}"));
    assert_eq!(left("up"), 1.0);
    assert_eq!(left("utilization_ratio"), 0.87);
    assert_eq!(left("memory_used_bytes"), 1e9);
    assert_eq!(left("memory_total_bytes"), 25_318_916_096.0);
    assert_eq!(left("temperature_celsius"), 66.0);
    // Of the 23.6 GiB of the card.
    assert!((20e9..25e9).contains(&left("planned_memory_bytes")));
    assert!(!metrics.text().contains("gateway_gpu_power_watts{"));
    assert_eq!(metrics.value("gateway_gpu_up{gpu=\"right\"}"), 0.0);
    assert!(
        !metrics
            .text()
            .contains("gateway_gpu_memory_used_bytes{gpu=\"right\"}")
    );
}

#[tokio::test]
async fn without_a_driver_the_gateway_serves_and_says_so() {
    let library = library("gpus_without_a_driver");
    // Where the machine of the tests has one, it is not found.
    fs::write(&library, "no library").unwrap();
    let dataplane = started(library.parent().unwrap()).await;
    wait_for(&dataplane, "GPU `left` cannot be read: there is no driver").await;
    let metrics = dataplane.metrics().await;
    assert!(metrics.text().contains("gateway_gpu_up{gpu=\"left\"} 0"));
    assert!(!metrics.text().contains("gateway_gpu_memory_used_bytes{"));
    let response = dataplane.send(&Request::get("/ready")).await;
    assert_eq!(response.status, 200);
}
