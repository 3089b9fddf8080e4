//! What starts the engine of an upstream as it was planned: image, arguments, environment, GPUs.
//!
//! Every number that the plan counts with is written out, also where it is the engine's default: a default that
//! changes with a version would change what runs. The arguments are those of the engine's own server in the version
//! that the spec states. Emitters of compose files and of manifests for Kubernetes put them in their own form.

mod container;
mod llama_cpp;
mod sglang;
mod vllm;

use serde::Serialize;

use crate::ir::table::Id;
use crate::ir::{self, EngineMemory, Secret, Topology, Upstream};
use crate::plan::quantisation::Quantisation;
use crate::plan::service::Engine;

/// Where every engine keeps the models that it has downloaded: what a volume is mounted at.
pub(crate) const CACHE: &str = "/root/.cache/huggingface";

/// A model server that is to be started.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Server {
    /// The image with its tag, as the engine's project publishes it.
    pub(crate) image: String,
    /// The program: it stands in place of the image's entry point, which differs between versions.
    pub(crate) command: Vec<&'static str>,
    /// What the program is given.
    pub(crate) args: Vec<String>,
    /// The GPUs that it may see.
    pub(crate) gpus: Gpus,
    /// Its environment.
    pub(crate) environment: Vec<Variable>,
    /// What answers 200 once it serves.
    pub(crate) health_path: String,
    /// What answers 200 while it lives.
    pub(crate) live_path: String,
    /// The user that it has to run as, if it is not all the same.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) user: Option<u32>,
    /// The folder in which it keeps what it has fetched, if that is known.
    #[serde(skip)]
    pub(crate) cache: Option<String>,
    /// The port that it listens on: that of the upstream's address.
    pub(crate) port: u16,
}

/// The GPUs that a server may see.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Gpus {
    /// These of its machine, as `nvidia-smi` counts.
    Indices(Vec<u64>),
    /// As many, of which the spec does not say which.
    Count(usize),
}

/// A variable of a server's environment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Variable {
    pub(crate) name: &'static str,
    pub(crate) value: Value,
}

/// What a variable has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Value {
    /// This text.
    Text(&'static str),
    /// What this variable has where the server is deployed; it must be set.
    From(String),
    /// The same, but it may be absent.
    FromIfSet(&'static str),
}

/// What starts the engine of this upstream. `None` where the spec does not say what does (no `engine`, or one of
/// which it states the memory alone), and for mocks.
pub(crate) fn server(topology: &Topology, upstream: Id<Upstream>) -> Option<Server> {
    let names = asked_names(topology, upstream);
    let upstream = topology.upstreams.get(upstream);
    let ir::Engine {
        path: _,
        kind: _,
        version,
        weights,
        gpus,
        // Who starts when, and with whom, is said of containers, not to them.
        after: _,
        profile: _,
        memory,
        container,
    } = upstream.engine.as_ref()?;
    let (_, port) = upstream.endpoint.host_and_port()?;
    let indices = gpus.iter().map(|gpu| topology.gpus.get(*gpu).index);
    let gpus = match indices.collect() {
        Some(indices) => Gpus::Indices(indices),
        None => Gpus::Count(gpus.len()),
    };
    // Models that are not public are fetched with it.
    let token = Variable {
        name: "HF_TOKEN",
        value: Value::FromIfSet("HF_TOKEN"),
    };
    if let Some(container) = container {
        let mut server = container::start(container, gpus, port);
        server.environment.push(token);
        return Some(server);
    }
    let EngineMemory::Planned(service) = memory else {
        return None;
    };
    let told = Told {
        version: version.as_deref(),
        weights: weights.as_deref()?,
        names,
        port,
    };
    let Started {
        image,
        command,
        args,
        mut environment,
        key,
    } = match service.engine {
        Engine::Vllm(release) => vllm::start(service, release, &told),
        Engine::Sglang => sglang::start(service, &told),
        Engine::LlamaCpp {
            build,
            flash_attention,
            gpu_layers,
        } => {
            // The output layer counts as one.
            let layers = gpu_layers.unwrap_or(service.architecture.layers + 1);
            llama_cpp::start(service, build, flash_attention, layers, &told)
        }
    };
    // A key in a file is the gateway's: the server has another machine's files.
    if let (Some(name), Some(Secret::Env(variable))) = (key, &upstream.api_key) {
        environment.push(Variable {
            name,
            value: Value::From(variable.clone()),
        });
    }
    environment.push(token);
    Some(Server {
        image,
        command,
        args: args.0,
        gpus,
        environment,
        // Of all three: 200 once the model is loaded and the engine lives.
        health_path: "/health".to_owned(),
        live_path: "/health".to_owned(),
        user: None,
        cache: Some(CACHE.to_owned()),
        port,
    })
}

/// What an engine is told beside what was planned.
struct Told<'t> {
    /// Its version, where one is stated.
    version: Option<&'t str>,
    /// What it loads.
    weights: &'t str,
    /// The names that the gateway asks it for; none where no route leads to it.
    names: Vec<&'t str>,
    /// Where it listens.
    port: u16,
}

/// What starts an engine.
struct Started {
    image: String,
    command: Vec<&'static str>,
    args: Arguments,
    environment: Vec<Variable>,
    /// The variable from which it takes the key that it demands. `None`: only an argument would do, which everybody on
    /// the machine may read.
    key: Option<&'static str>,
}

/// The names that the gateway asks an upstream for: its own, or else what clients write.
fn asked_names(topology: &Topology, upstream: Id<Upstream>) -> Vec<&str> {
    if let Some(name) = &topology.upstreams.get(upstream).served_model {
        return vec![name];
    }
    let leads_here = |route: &&ir::Route| {
        let rule = route.rule.as_ref();
        rule.is_some_and(|rule| rule.upstreams().contains(&upstream))
            || route
                .shadow
                .as_ref()
                .is_some_and(|shadow| shadow.upstream == upstream)
    };
    let models = topology
        .routes
        .iter()
        .filter(leads_here)
        .flat_map(|route| &route.models);
    let mut names = Vec::new();
    for model in models.map(|id| topology.models.get(*id)) {
        for name in std::iter::once(&model.name).chain(&model.aliases) {
            if !names.contains(&name.as_str()) {
                names.push(name);
            }
        }
    }
    names
}

/// Whether the engine itself quantises while it loads. Other checkpoints bring their form with them, and engines
/// refuse an argument that differs from it.
fn is_quantised_while_loading(form: &Quantisation, weights: &str) -> bool {
    match form.name {
        "fp8" => !weights.to_ascii_lowercase().contains("fp8"),
        "bnb-nf4" => true,
        _ => false,
    }
}

/// The arguments of a program.
#[derive(Default)]
struct Arguments(Vec<String>);

impl Arguments {
    /// `--name value`
    fn set(&mut self, name: &str, value: impl ToString) {
        self.0.extend([format!("--{name}"), value.to_string()]);
    }

    /// `--name`
    fn flag(&mut self, name: &str) {
        self.0.push(format!("--{name}"));
    }

    /// How weights are quantised, which vLLM and SGLang say alike, where that does not stand in their files.
    fn set_quantisation(&mut self, form: &Quantisation, weights: &str) {
        if is_quantised_while_loading(form, weights) {
            let name = if form.name == "fp8" {
                "fp8"
            } else {
                "bitsandbytes"
            };
            self.set("quantization", name);
        }
        // vLLM before 0.8 does not find out by itself.
        if form.name.starts_with("bnb-") {
            self.set("load-format", "bitsandbytes");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compile;
    use crate::source::Source;

    /// The server of the upstream `a`, whose engine is this.
    fn of(engine: &str) -> Server {
        of_upstream(&format!(
            "url = \"http://a:9000\"\nengine = {{ gpus = [\"one\"], {engine} }}"
        ))
    }

    fn of_upstream(upstream: &str) -> Server {
        let text = format!(
            "edition = 1\ngateway.development = true\nmodels.chat = {{ aliases = [\"gpt\"] }}\nmodels.code = {{}}\n\
             routes.chat = {{ models = [\"chat\", \"code\"], direct.upstream = \"a\" }}\n\
             gpus.one = {{ model = \"h100-80gb\", index = 3 }}\ngpus.two.model = \"h100-80gb\"\n[upstreams.a]\n\
             {upstream}"
        );
        let compilation = compile(&Source::new("engine.toml", text));
        let Some(output) = compilation.output else {
            panic!("{:#?}", compilation.diagnostics);
        };
        let mut upstreams = output.topology.upstreams.ids();
        let (id, _) = upstreams.next().expect("there is one upstream");
        server(&output.topology, id).expect("its engine is planned")
    }

    fn line(server: &Server) -> String {
        format!("{} {}", server.command.join(" "), server.args.join(" "))
    }

    const VLLM: &str = "version = \"0.19.0\", weights = \"Qwen/Qwen3-8B\"";

    fn of_vllm(settings: &str) -> Server {
        of(&format!("vllm = {{ {VLLM}{settings} }}"))
    }

    #[test]
    fn vllm_is_told_every_number() {
        let server = of_vllm(", gpu_memory_utilization = \"85%\"");
        assert_eq!(
            line(&server),
            "vllm serve Qwen/Qwen3-8B --host 0.0.0.0 --port 9000 --served-model-name chat gpt code --dtype bfloat16 \
             --kv-cache-dtype auto --tensor-parallel-size 1 --pipeline-parallel-size 1 --max-model-len 40960 \
             --max-num-seqs 1024 --max-num-batched-tokens 8192 --gpu-memory-utilization 0.85"
        );
        assert_eq!(server.image, "vllm/vllm-openai:v0.19.0");
        assert_eq!((server.gpus, server.port), (Gpus::Indices(vec![3]), 9000));
    }

    #[test]
    fn sglang_is_told_every_number() {
        let server = of(
            "sglang = { version = \"0.5.9\", weights = \"Qwen/Qwen3-8B\", kv_cache_dtype = \"fp8\" }",
        );
        assert_eq!(
            line(&server),
            "python3 -m sglang.launch_server --model-path Qwen/Qwen3-8B --host 0.0.0.0 --port 9000 \
             --served-model-name chat --dtype bfloat16 --kv-cache-dtype fp8_e4m3 --tensor-parallel-size 1 \
             --context-length 40960 --chunked-prefill-size 8192 --mem-fraction-static 0.88"
        );
        assert_eq!(server.image, "lmsysorg/sglang:v0.5.9");
    }

    #[test]
    fn llama_cpp_is_told_every_number() {
        let settings =
            "weights = \"Qwen/Qwen3-8B-GGUF\", quantization = \"gguf-q4_k_m\", ctx_size = 16384";
        let server = of(&format!("llama_cpp = {{ {settings} }}"));
        assert_eq!(
            line(&server),
            "/app/llama-server --hf-repo Qwen/Qwen3-8B-GGUF:Q4_K_M --host 0.0.0.0 --port 9000 --alias chat \
             --n-gpu-layers 37 --ctx-size 16384 --batch-size 2048 --ubatch-size 512 --cache-type-k f16 \
             --cache-type-v f16 --flash-attn off"
        );
        assert_eq!(server.image, "ghcr.io/ggml-org/llama.cpp:server-cuda");
        let old = of(&format!(
            "llama_cpp = {{ version = \"b5000\", flash_attn = true, {settings} }}"
        ));
        assert_eq!(old.image, "ghcr.io/ggml-org/llama.cpp:server-cuda-b5000");
        assert_eq!(old.args.last().map(String::as_str), Some("--flash-attn"));
    }

    #[test]
    fn no_setting_of_vllm_is_left_unsaid() {
        let plain = of_vllm("");
        for setting in [
            ", dtype = \"float16\"",
            ", quantization = \"fp8\"",
            ", kv_cache_dtype = \"fp8\"",
            ", max_model_len = 4096",
            ", max_num_seqs = 7",
            ", max_num_batched_tokens = 4096",
            ", gpu_memory_utilization = \"80%\"",
            ", enforce_eager = true",
            ", max_lora_rank = 16",
            ", cpu_offload = \"2GiB\"",
            ", sampler = \"sort\"",
        ] {
            assert_ne!(of_vllm(setting), plain, "{setting}");
        }
    }

    #[test]
    fn limits_of_a_prompt_are_written_as_the_release_reads_them() {
        let told = |version: &str| {
            let weights = "weights = \"Qwen/Qwen2.5-VL-7B-Instruct\", max_model_len = 8192";
            let settings =
                "cpu_offload = \"2560MiB\", limit_mm_per_prompt = { image = 4, video = 0 }";
            line(&of(&format!(
                "vllm = {{ version = \"{version}\", {weights}, {settings} }}"
            )))
        };
        let (new, old) = (told("0.19.0"), told("0.7.3"));
        assert!(new.contains("--cpu-offload-gb 2.5 "), "{new}");
        assert!(
            new.contains("--limit-mm-per-prompt {\"image\":4,\"video\":0}"),
            "{new}"
        );
        assert!(
            old.contains("--limit-mm-per-prompt image=4,video=0"),
            "{old}"
        );
    }

    #[test]
    fn no_setting_of_the_others_is_left_unsaid() {
        let sglang = |settings: &str| {
            of(&format!(
                "sglang = {{ weights = \"Qwen/Qwen3-8B\"{settings} }}"
            ))
        };
        for setting in [
            ", version = \"0.5.9\"",
            ", dtype = \"float16\"",
            ", quantization = \"bnb-nf4\"",
            ", kv_cache_dtype = \"fp8_e5m2\"",
            ", context_length = 4096",
            ", chunked_prefill_size = 4096",
            ", mem_fraction_static = \"70%\"",
            ", disable_cuda_graph = true",
        ] {
            assert_ne!(sglang(setting), sglang(""), "{setting}");
        }
        let llama_cpp = |settings: &str| {
            of(&format!(
                "llama_cpp = {{ weights = \"Qwen/Qwen3-8B-GGUF\", quantization = \"gguf-q4_0\"{settings} }}"
            ))
        };
        for setting in [
            ", version = \"b7000\"",
            ", ctx_size = 4096",
            ", n_gpu_layers = 20",
            ", ubatch_size = 4096",
            ", flash_attn = true",
            ", flash_attn = true, cache_type = \"q8_0\"",
        ] {
            assert_ne!(llama_cpp(setting), llama_cpp(""), "{setting}");
        }
    }

    #[test]
    fn ranks_and_devices_are_told() {
        let of_both = |engine: &str| {
            let upstream = "url = \"http://a:9000\"\nengine";
            of_upstream(&format!(
                "{upstream} = {{ gpus = [\"one\", \"two\"], {engine} }}"
            ))
        };
        let shared = of_both(&format!("vllm = {{ {VLLM} }}"));
        assert!(line(&shared).contains("--tensor-parallel-size 2 --pipeline-parallel-size 1"));
        let staged = of_both(&format!("vllm = {{ {VLLM}, pipeline_parallel = 2 }}"));
        assert!(line(&staged).contains("--tensor-parallel-size 1 --pipeline-parallel-size 2"));
        // Of one it is not known which it is.
        assert_eq!(staged.gpus, Gpus::Count(2));
        let split = of_both("llama_cpp = { weights = \"Qwen3-8B\", quantization = \"gguf-q8_0\" }");
        assert!(line(&split).contains("--split-mode layer --tensor-split 1,1"));
    }

    #[test]
    fn a_model_that_embeds_is_run_as_one() {
        let of_release = |version: &str| {
            let weights = "weights = \"intfloat/e5-mistral-7b-instruct\"";
            of(&format!("vllm = {{ version = \"{version}\", {weights} }}"))
        };
        assert!(line(&of_release("0.9.2")).ends_with("--task embed"));
        assert!(line(&of_release("0.19.0")).ends_with("--runner pooling"));
    }

    #[test]
    fn a_checkpoint_that_is_quantised_is_not_quantised_again() {
        let has_form = |weights: &str, form: &str| {
            let settings = format!("weights = \"{weights}\", quantization = \"{form}\"");
            let server = of(&format!("vllm = {{ version = \"0.19.0\", {settings} }}"));
            server
                .args
                .iter()
                .any(|argument| argument == "--quantization")
        };
        assert!(has_form("Qwen/Qwen3-8B", "fp8"));
        assert!(!has_form("Qwen/Qwen3-8B-FP8", "fp8"));
        assert!(!has_form("Qwen/Qwen3-8B-AWQ", "awq-int4"));
    }

    #[test]
    fn a_key_is_handed_on_by_reference_and_never_as_an_argument() {
        let key = "url = \"http://a:9000\"\napi_key = { env = \"A_KEY\" }\nmodel = \"mine\"";
        let vllm = of_upstream(&format!(
            "{key}\nengine = {{ gpus = [\"one\"], vllm = {{ {VLLM} }} }}"
        ));
        let variable = Variable {
            name: "VLLM_API_KEY",
            value: Value::From("A_KEY".to_owned()),
        };
        assert!(vllm.environment.contains(&variable));
        assert!(line(&vllm).contains("--served-model-name mine --dtype"));
        let sglang = of_upstream(&format!(
            "{key}\nengine = {{ gpus = [\"one\"], sglang = {{ weights = \"Qwen3-8B\" }} }}"
        ));
        assert!(!format!("{sglang:?}").contains("A_KEY"));
    }

    #[test]
    fn an_early_release_is_told_what_it_would_not_do_by_itself() {
        let of_release = |version: &str, settings: &str| {
            let weights = "weights = \"Qwen/Qwen2.5-7B-Instruct\"";
            of(&format!(
                "vllm = {{ version = \"{version}\", {weights}{settings} }}"
            ))
        };
        let old = of_release("0.6.3", ", max_num_batched_tokens = 2048");
        assert!(line(&old).contains("--enable-chunked-prefill"));
        let v1 = Variable {
            name: "VLLM_USE_V1",
            value: Value::Text("1"),
        };
        assert!(of_release("0.9.2", "").environment.contains(&v1));
        assert_eq!(of_release("0.19", "").image, "vllm/vllm-openai:v0.19.0");
    }
}
