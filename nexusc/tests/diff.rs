//! The laws of small diffs: one-line edits of a spec, each with the diff that a reviewer sees.
//!
//! References are names, one field stands on a line, entries are sorted, one fact stands in one place; so a
//! small edit stays small. Each case is an edit `before => after` of `diff/base.toml`, or of `diff/operated.toml` for what
//! is operated beside a gateway.

use std::sync::OnceLock;

use nexusc::emit::FileSet;
use nexusc::{Source, compile};
use similar::TextDiff;

static BASE: Base = Base::of(include_str!("diff/base.toml"));
static OPERATED: Base = Base::of(include_str!("diff/operated.toml"));

/// What is edited, and what it becomes before that, compiled once for all edits.
struct Base {
    text: &'static str,
    files: OnceLock<FileSet>,
}

impl Base {
    const fn of(text: &'static str) -> Self {
        let files = OnceLock::new();
        Self { text, files }
    }

    fn files(&self) -> &FileSet {
        self.files.get_or_init(|| files(self.text))
    }
}

fn files(text: &str) -> FileSet {
    let compilation = compile(&Source::new("specs/base.toml", text));
    let output = compilation.output;
    output
        .unwrap_or_else(|| panic!("{:#?}", compilation.diagnostics))
        .files
}

/// The unified diff of the output when `before`, which stands once in the base, becomes `after`.
fn diff(base: &Base, before: &str, after: &str) -> String {
    assert_eq!(
        base.text.matches(before).count(),
        1,
        "`{before}` stands once in the base"
    );
    let (old, new) = (base.files(), files(&base.text.replace(before, after)));
    let mut paths: Vec<&str> = old.iter().chain(new.iter()).map(|(path, _)| path).collect();
    paths.sort_unstable();
    paths.dedup();
    let mut output = String::new();
    for path in paths {
        let texts = (
            old.get(path).unwrap_or_default(),
            new.get(path).unwrap_or_default(),
        );
        let diff = TextDiff::from_lines(texts.0, texts.1);
        let diff = diff
            .unified_diff()
            .context_radius(1)
            .header(path, path)
            .to_string();
        output.push_str(&diff);
    }
    output
}

macro_rules! edits {
    ($base:ident: $($name:ident: $before:literal => $after:literal;)*) => {
        $(#[test]
        fn $name() {
            insta::with_settings!({
                snapshot_path => "diff/snapshots",
                prepend_module_to_snapshot => false,
                description => concat!($before, "\n=>\n", $after),
                omit_expression => true,
            }, {
                insta::assert_snapshot!(stringify!($name), diff(&$base, $before, $after));
            });
        })*
    };
}

edits! {
    BASE:
    accept_tokens_of_changing_keys: "[overlays.staging.upstreams]" => "[auth.jwt]\nalgorithm = \"ES256\"\njwks = { url = \"https://login.example.com/keys\" }\nissuer = \"https://login.example.com\"\naudience = \"nexus\"\nmodels = [\"small\"]\n\n[overlays.staging.upstreams]";
    sample_the_log: "[timeouts]" => "[log]\nsample = \"10%\"\n\n[timeouts]";
    record_who_asked: "[timeouts]" => "[audit]\nsalt = { env = \"AUDIT_SALT\" }\nwhen_failing = \"admit\"\n\n[privacy]\nmask = [\"client_ip\"]\n\n[timeouts]";
    send_spans: "[timeouts]" => "[telemetry.otlp]\nendpoint = \"http://collector:4318\"\nsample = \"10%\"\n\n[timeouts]";
    add_a_fallback: "fallback = [\"small\"]" => "fallback = [\"small\", \"cloud\"]";
    accept_tokens: "[overlays.staging.upstreams]" => "[auth.jwt]\nalgorithm = \"ES256\"\npublic_key = { env = \"ISSUER_KEY\" }\nissuer = \"https://login.example.com\"\naudience = \"nexus\"\nmodels = [\"small\"]\n\n[overlays.staging.upstreams]";
    add_a_key: "[keys.web]" => "[keys.app]\nsecret = { env = \"KEY_APP\" }\nmodels = [\"small\"]\n\n[keys.web]";
    add_a_model: "[models.cloud]" => "[models.cloud]\n\n[models.code]\n\n[routes.code]\nmodels = [\"code\"]\ndirect = { upstream = \"small-a\" }";
    add_an_alias: "aliases = [\"gpt-4o\"]" => "aliases = [\"gpt-4o\", \"gpt-4\"]";
    add_an_upstream_to_a_route: "small-b = 1" => "small-b = 1, chat-a = 1";
    administer_with_a_key: "secret = { env = \"KEY_OPS\" }" => "secret = { env = \"KEY_OPS\" }\nadmin = true";
    allow_a_key_another_model: "models = [\"chat\", \"small\"]" => "models = [\"chat\", \"cloud\", \"small\"]";
    change_a_default_parameter: "temperature = 0.7" => "temperature = 0.2";
    change_a_default_timeout: "first_byte = \"60s\"" => "first_byte = \"90s\"";
    change_a_weight: "small-a = 3" => "small-a = 4";
    change_the_body_limit: "max_body = \"8MiB\"" => "max_body = \"16MiB\"";
    change_the_connection_limit: "max_connections = 20_000" => "max_connections = 50_000";
    change_the_listen_address: "0.0.0.0:8080" => "0.0.0.0:8090";
    give_unknown_models_a_default: "max_connections = 20_000" => "max_connections = 20_000\ndefault_model = \"small\"";
    give_an_upstream_a_key: "url = \"http://chat-b:8000\"" => "url = \"http://chat-b:8000\"\napi_key = { env = \"CHAT_B_KEY\" }";
    give_all_upstreams_a_breaker: "[timeouts]" => "[breaker]\nfailures = 3\n\n[timeouts]";
    give_an_upstream_a_breaker: "url = \"http://small-a:8000\"" => "url = \"http://small-a:8000\"\nbreaker = { reset = \"10s\" }";
    check_the_health_of_an_upstream: "url = \"http://small-a:8000\"" => "url = \"http://small-a:8000\"\nhealth = { unhealthy_after = 3 }";
    probe_the_model_of_an_upstream: "url = \"http://small-a:8000\"" => "url = \"http://small-a:8000\"\nmodel = \"served\"\nhealth = { probe = \"chat\" }";
    limit_a_key: "models = [\"chat\", \"small\"]" => "models = [\"chat\", \"small\"]\nlimit = \"standard\"\n\n[limits.standard]\nrequests = \"600/min\"\ntokens = \"200_000/min\"\nconcurrent = 16";
    let_requests_wait: "models = [\"chat\", \"small\"]" => "models = [\"chat\", \"small\"]\nlimit = \"busy\"\n\n[limits.busy]\nconcurrent = 16\nqueue = { wait = \"10s\" }";
    let_a_key_use_everything: "models = [\"chat\", \"small\"]" => "models = [\"*\"]";
    let_a_web_page_in: "[timeouts]" => "[gateway.cors]\norigins = [\"https://chat.example.com\"]\n\n[timeouts]";
    keep_streams_alive: "[timeouts]" => "[gateway.stream]\nkeep_alive = \"15s\"\n\n[timeouts]";
    ask_an_upstream_for_usage: "url = \"http://small-a:8000\"" => "url = \"http://small-a:8000\"\nstream_usage = true";
    keep_answers: "[timeouts]" => "[gateway.idempotency]\n\n[timeouts]";
    forbid_words: "[timeouts]" => "[gateway.input]\nforbidden_words = { file = \"/etc/nexus/words\" }\n\n[timeouts]";
    limit_the_messages: "[timeouts]" => "[gateway.input]\nmax_messages = 512\n\n[timeouts]";
    make_a_canary_sticky: "percent = \"5%\"" => "percent = \"5%\", sticky = \"session\"";
    move_a_canary_from_5_to_10_percent: "percent = \"5%\"" => "percent = \"10%\"";
    move_a_secret_into_a_file: "{ env = \"KEY_WEB\" }" => "{ file = \"/run/secrets/key-web\" }";
    move_an_environment: "http://chat-a.staging:8000" => "http://chat-a.stage:8000";
    move_an_upstream: "http://chat-a:8000" => "http://chat-a:9000";
    override_a_timeout: "url = \"http://small-b:8000\"" => "url = \"http://small-b:8000\"\ntimeouts = { connect = \"500ms\" }";
    remove_a_fallback: "fallback = [\"small\"]\n" => "";
    remove_a_key: "[keys.ops]\nsecret = { env = \"KEY_OPS\" }\nmodels = [\"*\"]\n" => "";
    hedge_a_route: "weighted.targets = { small-a = 3, small-b = 1 }" => "weighted.targets = { small-a = 3, small-b = 1 }\nhedge = { after = \"2s\" }";
    try_a_route_again: "weighted.targets = { small-a = 3, small-b = 1 }" => "weighted.targets = { small-a = 3, small-b = 1 }\nretry = {}";
    bound_a_whole_request: "first_byte = \"60s\"" => "first_byte = \"60s\"\ntotal = \"5m\"";
    rename_a_served_model: "Qwen/Qwen2.5-14B-Instruct\" # a" => "Qwen/Qwen3-14B\" # a";
    put_upstreams_in_order: "weighted.targets = { small-a = 3, small-b = 1 }" => "priority.targets = { small-a = 1, small-b = 2 }";
    shadow_a_route: "direct = { upstream = \"cloud\" }" => "direct = { upstream = \"cloud\" }\nshadow = { upstream = \"small-a\", percent = \"1%\" }";
    serve_over_tls: "[timeouts]" => "[gateway.tls]\ncertificate = { file = \"/run/secrets/tls.crt\" }\nprivate_key = { file = \"/run/secrets/tls.key\" }\n\n[timeouts]";
    speak_http_1_alone: "max_connections = 20_000" => "max_connections = 20_000\nhttp2 = false";
    trust_an_authority_of_ones_own: "url = \"https://api.openai.com\"" => "url = \"https://api.openai.com\"\ntls.ca = { file = \"/run/secrets/ca.crt\" }";
    turn_a_canary_into_direct: "canary = { primary = \"chat-a\", canary = \"chat-b\", percent = \"5%\" }" => "weighted.targets = { chat-a = 1, chat-b = 1 }";
    turn_weights_into_least_in_flight: "weighted.targets = { small-a = 3, small-b = 1 }" => "least_in_flight.upstreams = [\"small-a\", \"small-b\"]";
    turn_weights_into_prefix: "weighted.targets = { small-a = 3, small-b = 1 }" => "prefix.upstreams = [\"small-a\", \"small-b\"]";
    share_limits_with_replicas: "[models.cloud]" => "[models.cloud]\nlimit = \"standard\"\n\n[limits.standard]\nrequests = \"600/min\"\n\n[store.redis]\nurl = { env = \"REDIS_URL\" }\nwhen_away = \"admit\"";
    deploy_to_another_namespace: "[timeouts]" => "[deploy.kubernetes]\nnamespace = \"llm\"\n\n[timeouts]";
    give_an_environment_more_replicas: "[overlays.staging.upstreams]" => "[overlays.staging.kubernetes]\nreplicas = { min = 3, max = 9 }\n\n[overlays.staging.upstreams]";
    use_a_mock_for_an_upstream: "url = \"http://small-b:8000\"" => "url = \"mock://local\"";
}

edits! {
    OPERATED:
    give_an_engine_more_of_its_gpu: "gpu_memory_utilization = \"85%\"" => "gpu_memory_utilization = \"90%\"";
    name_another_image: "llm/gateway" => "llm/front";
    open_kibana_at_another_port: "kibana = 5601" => "kibana = 5602";
    promise_more: "objective = \"99.5%\"" => "objective = \"99.9%\"";
    put_a_mock_in_the_place_of_engines: "servers = \"real\"" => "servers = \"mock\"";
    raise_a_threshold: "threshold = \"30s\"" => "threshold = \"45s\"";
    run_another_version_of_an_engine: "version = \"0.19.0\"" => "version = \"0.19.1\"";
    scale_an_environment: "{ min = 1, max = 2 }" => "{ min = 2, max = 4 }";
    tell_another_channel: "#on-call" => "#llm";
}

#[test]
fn rename_a_model() {
    let old = BASE.files();
    let renamed = BASE
        .text
        .replace("\"small\"", "\"mini\"")
        .replace("[models.small]", "[models.mini]");
    let new = files(&renamed);
    let mut output = String::new();
    for (path, text) in old.iter() {
        let diff = TextDiff::from_lines(text, new.get(path).unwrap());
        output.push_str(
            &diff
                .unified_diff()
                .context_radius(1)
                .header(path, path)
                .to_string(),
        );
    }
    insta::with_settings!({ snapshot_path => "diff/snapshots", prepend_module_to_snapshot => false, omit_expression => true }, {
        insta::assert_snapshot!("rename_a_model", output);
    });
}

#[test]
fn comments_order_and_spelling_of_the_spec_leave_no_trace() {
    let spelled = BASE
        .text
        .replace("\"60s\"", "\"1m\"")
        .replace("20_000", "20000")
        .replace("[gateway]", "# a comment\n[gateway]");
    assert_eq!(*BASE.files(), files(&spelled));
}
