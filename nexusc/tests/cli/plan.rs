//! `plan`.

use std::fs;

use crate::{SPEC, code, folder, nexusc, text};

/// The spec of these tests with an engine on a GPU.
fn planned(engine: &str) -> String {
    SPEC.replace("mock://local", "http://a:8000")
        + "[gpus.one]\nmodel = \"rtx-3090\"\nmemory = \"24146MiB\"\n"
        + engine
}

#[test]
fn plan_prints_bars_and_what_fits() {
    let folder = folder("plan");
    let engine = "[upstreams.a.engine]\ngpus = [\"one\"]\nvllm = { version = \"0.19.0\", \
                  weights = \"Llama-3.1-8B\", max_model_len = 8192 }\n";
    fs::write(folder.join("specs/mini.toml"), planned(engine)).unwrap();
    let output = nexusc(&folder, &["plan", "specs/mini.toml"]);
    assert_eq!(code(&output), 0, "{}", text(&output.stderr));
    insta::assert_snapshot!(text(&output.stdout));
    let json = nexusc(&folder, &["plan", "--format", "json", "specs/mini.toml"]);
    let json: serde_json::Value = serde_json::from_slice(&json.stdout).unwrap();
    assert_eq!(json["profiles"][0]["services"][0]["verdict"], "fits");
    assert!(json["answers"][0]["changes"][0]["tokens"].as_u64() > Some(0));
    let svg = nexusc(&folder, &["plan", "--format", "svg", "specs/mini.toml"]);
    assert!(text(&svg.stdout).ends_with("</svg>\n"));
}

#[test]
fn plan_of_what_does_not_fit_is_printed_and_fails() {
    let folder = folder("plan_fails");
    let engine = "[upstreams.a.engine]\ngpus = [\"one\"]\nvllm = { version = \"0.19.0\", \
                  weights = \"Qwen2.5-14B\" }\n";
    fs::write(folder.join("specs/mini.toml"), planned(engine)).unwrap();
    let output = nexusc(&folder, &["plan", "specs/mini.toml"]);
    assert_eq!(code(&output), 1);
    assert!(text(&output.stderr).contains("error[NX0607]"));
    assert!(text(&output.stdout).contains("does not fit"));
}

#[test]
fn the_files_of_a_model_are_read_beside_the_spec() {
    let folder = folder("plan_files");
    let engine = "[architectures.mine]\nconfig = \"mine/config.json\"\nfiles = [\"mine/model.safetensors\"]\n\
                  [upstreams.a.engine]\ngpus = [\"one\"]\nvllm = { version = \"0.19.0\", weights = \"mine\" }\n";
    fs::write(folder.join("specs/mini.toml"), planned(engine)).unwrap();
    let missing = nexusc(&folder, &["check", "specs/mini.toml"]);
    assert_eq!(code(&missing), 1);
    assert!(text(&missing.stderr).contains("error[NX0612]: `mine/config.json` cannot be used"));
    fs::create_dir_all(folder.join("specs/mine")).unwrap();
    let config = r#"{ "model_type": "llama", "num_hidden_layers": 16, "hidden_size": 2048, "vocab_size": 32000,
        "num_attention_heads": 16, "intermediate_size": 8192, "max_position_embeddings": 4096 }"#;
    fs::write(folder.join("specs/mine/config.json"), config).unwrap();
    let header = r#"{"a":{"dtype":"F16","shape":[512],"data_offsets":[0,1024]}}"#;
    let head = [&(header.len() as u64).to_le_bytes(), header.as_bytes()].concat();
    let weights = folder.join("specs/mine/model.safetensors");
    fs::write(&weights, [&head[..], &[0; 1000]].concat()).unwrap();
    let cut = nexusc(&folder, &["check", "specs/mini.toml"]);
    assert!(text(&cut.stderr).contains("cut or damaged"));
    fs::write(&weights, [&head[..], &[0; 1024]].concat()).unwrap();
    let plan = nexusc(&folder, &["plan", "--format", "json", "specs/mini.toml"]);
    assert_eq!(code(&plan), 0, "{}", text(&plan.stderr));
    let json: serde_json::Value = serde_json::from_slice(&plan.stdout).unwrap();
    // The bytes of the file, and the table of rotations: 4096 positions of 128 numbers.
    let weights = &json["profiles"][0]["gpus"][0]["services"][0]["weights"];
    assert_eq!(*weights, 1024 + 4096 * 128 * 2);
}

#[test]
fn points_are_compared_and_bad_ones_name_the_place() {
    let folder = folder("points");
    let points = include_str!("../gpu/train.csv");
    fs::write(folder.join("points.csv"), points).unwrap();
    let output = nexusc(&folder, &["plan", "--points", "points.csv"]);
    assert_eq!(code(&output), 0);
    assert!(text(&output.stdout).contains("KV memory lies in its interval in"));
    fs::write(
        folder.join("points.csv"),
        points.replacen("kv_gib", "kv", 1),
    )
    .unwrap();
    let output = nexusc(&folder, &["plan", "--points", "points.csv"]);
    assert_eq!(code(&output), 3);
    assert!(text(&output.stderr).contains("the column `kv_gib` is missing"));
    for empty in ["", points.lines().next().unwrap()] {
        fs::write(folder.join("points.csv"), empty).unwrap();
        let output = nexusc(&folder, &["plan", "--points", "points.csv"]);
        assert_eq!(code(&output), 3);
        assert!(text(&output.stderr).contains("it has no points"));
        assert_eq!(text(&output.stdout), "");
    }
    // A start of llama.cpp has no interval.
    let rows = points
        .lines()
        .filter(|line| line.contains("llama.cpp") || line.contains("kv_gib"));
    fs::write(
        folder.join("points.csv"),
        rows.collect::<Vec<_>>().join("\n"),
    )
    .unwrap();
    let output = nexusc(&folder, &["plan", "--points", "points.csv"]);
    assert_eq!(code(&output), 0, "{}", text(&output.stderr));
    assert!(
        !text(&output.stdout).contains("NaN"),
        "{}",
        text(&output.stdout)
    );
}
