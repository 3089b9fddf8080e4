//! The GPU plan of a spec: servers on cards, the order in which they start, and whatever numbers are written.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

use nexusc::diagnostic::code::Code;
use nexusc::plan::advice::Change;
use nexusc::plan::architecture::Architecture;
use nexusc::plan::estimate::estimate;
use nexusc::plan::quantisation::{Dtype, KvDtype, Quantisation};
use nexusc::plan::report::{Profile, Report, Use};
use nexusc::plan::service::{Card, Engine, Media, Service, Vllm};
use nexusc::plan::verdict::Verdict;
use nexusc::{Source, catalogue, compile};
use proptest::prelude::*;

const MIB: u64 = 1 << 20;

/// The plan of a spec with these tables, and the codes of what is said about it.
fn plan(tables: &str) -> (Report, Vec<Code>) {
    let text = format!(
        "edition = 1\ngateway.development = true\nmodels.chat = {{}}\nupstreams.a.url = \"http://a:8000\"\n\
         upstreams.b.url = \"http://b:8000\"\n\
         routes.chat = {{ models = [\"chat\"], weighted.targets = {{ a = 1, b = 1 }} }}\n{tables}"
    );
    let compilation = compile(&Source::new("gpus.toml", text));
    let codes = compilation
        .diagnostics
        .iter()
        .map(|found| found.code)
        .collect();
    (compilation.plan.unwrap(), codes)
}

fn only(report: &Report) -> &Profile {
    assert_eq!(report.profiles.len(), 1);
    &report.profiles[0]
}

/// Tokens that the server of an upstream has room for.
fn tokens(report: &Report, upstream: &str) -> u64 {
    let mut servers = only(report).services.iter();
    let server = servers.find(|server| server.upstream == upstream).unwrap();
    server.capacity.as_ref().unwrap().tokens.likely
}

#[test]
fn two_stated_budgets_and_an_overhead_are_added_up() {
    let (report, codes) = plan(
        "gpus.laptop = { memory = \"6141MiB\", reserved = \"512MiB\" }\n\
         upstreams.a.engine = { gpus = [\"laptop\"], other.memory = \"2253MiB\" }\n\
         upstreams.b.engine = { gpus = [\"laptop\"], other.memory = \"2560MiB\" }\n",
    );
    let gpu = &only(&report).gpus[0];
    assert_eq!(gpu.free, i64::try_from((6141 - 5325) * MIB).unwrap());
    assert_eq!((gpu.verdict, codes), (Verdict::Fits, vec![]));
}

fn beside_sglang(after_of_a: &str, after_of_b: &str) -> (Report, Vec<Code>) {
    plan(&format!(
        "gpus.one.model = \"l40s\"\n\
         upstreams.a.engine = {{ gpus = [\"one\"], {after_of_a} vllm = {{ version = \"0.19\", weights = \"Qwen3-4B\", \
         max_model_len = 8192, gpu_memory_utilization = \"40%\" }} }}\n\
         upstreams.b.engine = {{ gpus = [\"one\"], {after_of_b} sglang = {{ weights = \"Qwen3-4B\", \
         context_length = 8192, mem_fraction_static = \"45%\" }} }}\n"
    ))
}

#[test]
fn sglang_takes_its_part_of_what_it_finds() {
    let (first, codes) = beside_sglang("after = [\"b\"],", "");
    assert_eq!(codes, []);
    let (second, codes) = beside_sglang("", "after = [\"a\"],");
    assert_eq!(codes, []);
    assert!(tokens(&first, "b") > 2 * tokens(&second, "b"));
    // vLLM's part is of the whole card, whoever else is on it.
    assert_eq!(tokens(&first, "a"), tokens(&second, "a"));
}

#[test]
fn an_order_that_matters_and_is_not_said_is_warned_of() {
    assert_eq!(beside_sglang("", "").1, [Code::NX0611]);
}

fn two_of_vllm(version: &str, parts: [u64; 2]) -> (Report, Vec<Code>) {
    let engine = |part: u64| {
        format!(
            "engine = {{ gpus = [\"one\"], vllm = {{ version = \"{version}\", weights = \"Qwen3-4B\", \
             max_model_len = 8192, gpu_memory_utilization = \"{part}%\" }} }}"
        )
    };
    plan(&format!(
        "gpus.one.model = \"a100-80gb\"\nupstreams.a.{}\nupstreams.b.{}\n",
        engine(parts[0]),
        engine(parts[1])
    ))
}

#[test]
fn two_servers_that_want_more_than_the_card_are_refused() {
    assert_eq!(two_of_vllm("0.19.0", [45, 45]).1, []);
    assert_eq!(two_of_vllm("0.19.0", [60, 60]).1, [Code::NX0610]);
}

#[test]
fn versions_that_charge_neighbours_have_less_room_beside_them() {
    let second = |version| tokens(&two_of_vllm(version, [40, 50]).0, "b");
    assert!(second("0.8.5") < second("0.9.2") / 2);
}

#[test]
fn servers_of_different_profiles_do_not_meet() {
    let engine = |profile: &str| {
        format!(
            "engine = {{ gpus = [\"one\"], profile = \"{profile}\", vllm = {{ version = \"0.19.0\", \
             weights = \"Qwen3-4B\", max_model_len = 8192 }} }}"
        )
    };
    let tables = format!(
        "gpus.one.model = \"l40s\"\nupstreams.a.{}\nupstreams.b.{}\n",
        engine("day"),
        engine("night")
    );
    let (report, codes) = plan(&tables);
    assert_eq!((report.profiles.len(), codes), (2, vec![]));
}

#[test]
fn what_the_help_offers_fits() {
    let spec = |settings: &str| {
        format!(
            "gpus.one.model = \"rtx-3090\"\nupstreams.b.engine = {{ gpus = [\"one\"], vllm = {{ version = \"0.19.0\", \
             weights = \"Llama-3.1-8B\", max_num_seqs = 64{settings} }} }}\n"
        )
    };
    let text = |settings: &str| {
        format!(
            "edition = 1\ngateway.development = true\nmodels.chat = {{}}\nupstreams.b.url = \"http://b:8000\"\n\
             routes.chat = {{ models = [\"chat\"], direct.upstream = \"b\" }}\n{}",
            spec(settings)
        )
    };
    let found = compile(&Source::new("gpus.toml", text(""))).diagnostics;
    let help = found[0].help.clone().unwrap();
    assert_eq!(found[0].code, Code::NX0607);
    let offered = help.split('`').nth(1).unwrap();
    assert!(offered.starts_with("max_model_len = "), "{help}");
    let mended = compile(&Source::new("gpus.toml", text(&format!(", {offered}"))));
    assert!(mended.diagnostics.is_empty(), "{:#?}", mended.diagnostics);
}

/// The plan of a server of llama.cpp on one card, and the codes of what is said about it.
fn llama_cpp(card: &str, settings: &str) -> (Report, Vec<Code>) {
    plan(&format!(
        "gpus.one.model = \"{card}\"\nupstreams.a.engine = {{ gpus = [\"one\"], llama_cpp = {{ {settings} }} }}\n"
    ))
}

#[test]
fn llama_cpp_keeps_windows_since_it_does() {
    let kv = |version: &str| {
        let settings = "weights = \"gemma-3-27b\", quantization = \"gguf-q4_0\", ctx_size = 32768";
        let (report, _) = llama_cpp("a100-80gb", &format!("version = \"{version}\", {settings}"));
        let capacity = only(&report).services[0].capacity.clone().unwrap();
        (capacity.kv.likely, capacity.tokens.likely)
    };
    let row = 2 * 16 * 128 * 2;
    assert_eq!(kv("b5000"), (62 * 32_768 * row, 32_768));
    let windows = 52 * (4 * 1024 + 512);
    assert_eq!(kv("b6000"), ((10 * 32_768 + windows) * row, 32_768));
}

#[test]
fn what_is_too_large_for_a_card_is_offered_in_part() {
    let weights = "weights = \"Qwen2.5-32B\", quantization = \"gguf-q8_0\", ctx_size = 8192";
    let (report, codes) = llama_cpp("rtx-3090", weights);
    assert_eq!(codes, [Code::NX0610]);
    let answers = only(&report).services[0].answers().unwrap();
    let offered = answers
        .changes
        .iter()
        .find(|change| change.setting.starts_with("n_gpu_layers"));
    let offered = offered.unwrap().setting.clone();
    assert_eq!(
        llama_cpp("rtx-3090", &format!("{weights}, {offered}")).1,
        []
    );
}

#[test]
fn a_state_of_unknown_size_is_never_certain() {
    let codes = |state: &str| {
        plan(&format!(
            "gpus.one.model = \"a100-80gb\"\narchitectures.hybrid = {{ num_hidden_layers = 32, hidden_size = 4096, \
             num_attention_heads = 32, num_key_value_heads = 8, intermediate_size = 14336, vocab_size = 32000, \
             max_position_embeddings = 8192, linear_attention_layers = 28{state} }}\n\
             upstreams.a.engine = {{ gpus = [\"one\"], vllm = {{ version = \"0.19.0\", weights = \"hybrid\" }} }}\n"
        ))
        .1
    };
    assert_eq!(codes(""), [Code::NX0608]);
    assert_eq!(codes(", linear_attention_state = 500_000"), []);
}

#[test]
fn what_another_setting_would_give_leaves_room_for_those_that_start_later() {
    let (report, codes) = two_of_vllm("0.19.0", [45, 45]);
    assert_eq!(codes, []);
    let answers = only(&report).services[0].answers().unwrap();
    let more = answers
        .changes
        .iter()
        .find(|change| change.setting.ends_with("\"95%\""));
    assert_eq!(more.unwrap().verdict, Verdict::DoesNotFit);
}

/// What a server of vLLM takes of a card: the use of the only GPU.
fn of_vllm(settings: &str) -> Use {
    let (report, _) = plan(&format!(
        "gpus.one.model = \"h200\"\nupstreams.a.engine = {{ gpus = [\"one\"], vllm = {{ version = \"0.19.0\", \
         max_num_seqs = 64, max_num_batched_tokens = 2048, {settings} }} }}\n"
    ));
    only(&report).gpus[0].services[0].clone()
}

#[test]
fn a_video_is_as_long_as_a_sequence_allows_and_costs_nothing_where_none_may_come() {
    let peak =
        |settings: &str| of_vllm(&format!("weights = \"Qwen2.5-VL-7B\", {settings}")).activation;
    let image = peak("max_model_len = 8192");
    let long = peak("max_model_len = 128_000");
    // Seven images' worth of frames.
    assert!((6.5..7.5).contains(&(long as f64 / image as f64)));
    let limit = |most: &str| {
        peak(&format!(
            "max_model_len = 128_000, limit_mm_per_prompt = {most}"
        ))
    };
    assert_eq!(limit("{ video = 0 }"), image);
    assert_eq!(limit("{ image = 3 }"), long);
    assert!(limit("{ image = 0, video = 0 }") < image / 4);
    let (_, codes) = plan(
        "gpus.one.model = \"h200\"\nupstreams.a.engine = { gpus = [\"one\"], vllm = { version = \"0.19.0\", \
         weights = \"Qwen3-8B\", limit_mm_per_prompt = { image = 1 } } }\n",
    );
    assert_eq!(codes, [Code::NX0616]);
}

#[test]
fn weights_that_stay_in_the_memory_of_the_machine_are_not_on_the_card() {
    let weights = |settings: &str| of_vllm(&format!("weights = \"Qwen3-8B\"{settings}")).weights;
    let all = weights("");
    assert_eq!(weights(", cpu_offload = \"4GiB\""), all - (4 << 30));
    // It is offered where nothing less helps.
    let (report, _) = plan(
        "gpus.one.model = \"rtx-4090\"\nupstreams.a.engine = { gpus = [\"one\"], vllm = { version = \"0.19.0\", \
         weights = \"Qwen2.5-14B\", max_model_len = 4096, max_num_seqs = 16 } }\n",
    );
    let answers = only(&report).services[0].answers().unwrap();
    let offered = |change: &&Change| change.setting.starts_with("cpu_offload = ");
    let offered = answers.changes.iter().find(offered).unwrap();
    assert_eq!(offered.verdict, Verdict::Fits);
    // Embeddings and the output layer stay on the card.
    let least = 2 * 151_936 * 4096 * 2;
    assert!(weights(", cpu_offload = \"100GiB\"") >= least);
}

fn service(architecture: Architecture, settings: [u64; 6], fraction: f64) -> Service {
    let [
        max_len,
        max_seqs,
        batched_tokens,
        tensor_parallel,
        pipeline_parallel,
        lora_rank,
    ] = settings;
    Service {
        engine: Engine::Vllm(Vllm {
            minor: 19,
            v1: true,
            sampler: None,
        }),
        architecture,
        file_bytes: None,
        dtype: Dtype::Bfloat16,
        quantisation: Quantisation::NONE,
        kv_dtype: KvDtype::AUTO,
        tensor_parallel,
        pipeline_parallel,
        max_len,
        max_seqs,
        batched_tokens,
        memory_fraction: fraction,
        eager: false,
        lora_rank,
        cpu_offload: 0,
        media: Media::default(),
    }
}

fn card(total: f64) -> Card {
    Card {
        total,
        is_exact: true,
        occupied: 0.0,
        later: 0.0,
        free: None,
        is_hopper: false,
    }
}

/// A number that people write, or any other.
fn any_number() -> impl Strategy<Value = u64> {
    prop_oneof![1..65_536_u64, 1..1_u64 << 40, Just(1)]
}

proptest! {
    #[test]
    fn more_length_never_gives_more_sequences(
        name in prop::sample::select(vec!["Qwen2.5-14B", "gemma-3-27b", "DeepSeek-V2-Lite", "gpt-oss-20b"]),
        length in 1..100_000_u64, more in 1..100_000_u64, gib in 1..200_u64,
    ) {
        let model = catalogue::architecture(name).unwrap();
        let card = card(gib as f64 * 1_073_741_824.0);
        let of = |length| estimate(&service(model.clone(), [length, 64, 2048, 1, 1, 0], 0.9), &card);
        let (short, long) = (of(length), of(length + more));
        prop_assert!(long.sequences.likely <= short.sequences.likely);
        prop_assert!(long.needed >= short.needed);
        prop_assert_eq!(long.tokens, short.tokens);
    }

    #[test]
    fn a_larger_card_or_part_never_holds_less(
        gib in 1..200_u64, percent in 1..100_u32, more in 0..100_u64,
    ) {
        let model = catalogue::architecture("Qwen2.5-7B").unwrap();
        let tokens = |gib: u64, percent: u32| {
            let service = service(model.clone(), [8192, 64, 2048, 1, 1, 0], f64::from(percent) / 100.0);
            estimate(&service, &card(gib as f64 * 1_073_741_824.0)).tokens.likely
        };
        // Engines take more of cards from 70 GiB on.
        prop_assume!((gib < 70) == (gib + more < 70));
        prop_assert!(tokens(gib + more, percent) >= tokens(gib, percent));
        prop_assert!(tokens(gib, percent + 1) >= tokens(gib, percent));
    }

    #[test]
    fn any_numbers_have_an_answer(
        figures in prop::array::uniform9(any_number()),
        settings in prop::array::uniform6(any_number()),
        total in any_number(), fraction in 0.0..1.0_f64,
    ) {
        let [layers, hidden, heads, kv_heads, head_dim, intermediate, vocabulary, positions, window] = figures;
        let model = catalogue::architecture("gemma-3-27b").unwrap();
        let local = model.local.map(|local| nexusc::plan::architecture::Local { window, ..local });
        let model = Architecture {
            layers, hidden, heads, kv_heads, head_dim, intermediate, vocabulary, positions, local, ..model
        };
        for engine in [Engine::Sglang, Engine::LlamaCpp { build: None, flash_attention: false, gpu_layers: None },
                       Engine::Vllm(Vllm { minor: 19, v1: true, sampler: None })] {
            let service = Service { engine, ..service(model.clone(), settings, fraction) };
            let estimate = estimate(&service, &card(total as f64));
            prop_assert!(!estimate.kv.likely.is_nan() && !estimate.tokens.likely.is_nan());
            prop_assert!(estimate.tokens.likely >= 0.0 && estimate.kv.low <= estimate.kv.high);
        }
    }

    #[test]
    fn any_written_numbers_are_answered(
        length in any::<i64>(), ranks in any::<i64>(), layers in any::<i64>(), percent in "[0-9.%-]{0,6}",
    ) {
        let (_, codes) = plan(&format!(
            "gpus.one.model = \"l4\"\narchitectures.mine = {{ num_hidden_layers = {layers}, hidden_size = 64, \
             num_attention_heads = 8, num_key_value_heads = 8, intermediate_size = 64, vocab_size = 64, \
             max_position_embeddings = 4096 }}\nupstreams.b.engine = {{ gpus = [\"one\"], vllm = {{ version = \"0.19\", \
             weights = \"mine\", max_model_len = {length}, tensor_parallel = {ranks}, \
             gpu_memory_utilization = \"{percent}\" }} }}\n"
        ));
        prop_assert!(!codes.is_empty());
    }
}
