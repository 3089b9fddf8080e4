//! Compose files: what is in them whatever a spec says, read by a parser of YAML.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use nexusc::{Source, compile};
use serde_json::{Value, json};

/// Engines of two profiles, awkward names, and everything that compose has.
const SPEC: &str = include_str!("compose/everything.toml");

fn file(spec: &str, path: &str) -> String {
    let compilation = compile(&Source::new("specs/no.toml", spec));
    let diagnostics = compilation.diagnostics;
    let files = compilation
        .output
        .unwrap_or_else(|| panic!("{diagnostics:#?}"))
        .files;
    let text = files.get(&format!("deploy/no/{path}"));
    text.unwrap_or_else(|| panic!("{path} is emitted"))
        .to_owned()
}

fn compose(path: &str) -> Value {
    serde_saphyr::from_str(&file(SPEC, path)).unwrap()
}

#[test]
fn no_name_is_read_as_anything_but_a_name() {
    let compose = compose("compose.yaml");
    assert_eq!(compose["name"], "no");
    let services: Vec<&String> = compose["services"].as_object().unwrap().keys().collect();
    for name in ["y", "null", "e1", "gateway", "redis", "nginx", "grafana"] {
        assert!(services.iter().any(|known| *known == name), "{services:?}");
    }
}

#[test]
fn a_secret_is_a_reference_and_no_value() {
    let gateway = &compose("compose.yaml")["services"]["gateway"];
    let environment = &gateway["environment"];
    assert_eq!(environment["KEY_WEB"], "${KEY_WEB:?set it in .env}");
    // There is one here, so its address has a default.
    assert_eq!(environment["REDIS_URL"], "${REDIS_URL:-redis://redis:6379}");
    let file = &gateway["secrets"][0];
    assert_eq!(file["target"], "/etc/nexus/wörter $$1");
    let name = file["source"].as_str().unwrap();
    let secrets = &compose("compose.yaml")["secrets"];
    assert_eq!(secrets[name]["file"], format!("./secrets/{name}"));
}

#[test]
fn an_address_of_the_machine_is_not_that_of_the_container() {
    let gateway = &compose("compose.yaml")["services"]["gateway"];
    let environment = &gateway["environment"];
    assert_eq!(environment["NEXUS_LISTEN"], "0.0.0.0:8080");
    assert_eq!(
        environment["UPSTREAM_LOCAL_URL"],
        "${UPSTREAM_LOCAL_URL:-http://host.docker.internal:11434/engine}"
    );
    // An engine of this machine is a container, by the name of its upstream.
    assert_eq!(
        environment["UPSTREAM_NULL_URL"],
        "${UPSTREAM_NULL_URL:-http://null:8000}"
    );
    assert_eq!(
        gateway["extra_hosts"],
        json!(["host.docker.internal:host-gateway"])
    );
}

#[test]
fn prometheus_asks_an_engine_of_this_machine_by_the_name_of_its_container() {
    let prometheus: Value =
        serde_saphyr::from_str(&file(SPEC, "prometheus/prometheus.yml")).unwrap();
    let of_engines = &prometheus["scrape_configs"][1]["static_configs"];
    let targets = of_engines.as_array().unwrap().iter();
    let targets: Vec<&Value> = targets.map(|engine| &engine["targets"][0]).collect();
    assert!(targets.contains(&&json!("null:8000")), "{targets:?}");
    let gateway = &compose("compose.yaml")["services"]["gateway"];
    let address = gateway["environment"]["UPSTREAM_NULL_URL"]
        .as_str()
        .unwrap();
    assert!(address.contains("//null:8000"), "{address}");
}

#[test]
fn the_way_of_logs_leads_where_its_files_say() {
    let compose = compose("compose.yaml");
    let of_logs: Vec<(&String, &Value)> = compose["services"]
        .as_object()
        .unwrap()
        .iter()
        .filter(|(_, service)| service["profiles"] == json!(["logging"]))
        .collect();
    assert_eq!(of_logs.len(), 6);
    for (name, service) in &of_logs {
        let limits = &service["deploy"]["resources"]["limits"];
        assert!(limits["memory"].is_string(), "{name} has a bound");
        for volume in service["volumes"].as_array().into_iter().flatten() {
            // What is mounted of this folder is emitted.
            let Some(emitted) = volume.as_str().and_then(|volume| volume.strip_prefix("./")) else {
                continue;
            };
            let (path, _) = emitted.split_once(':').unwrap();
            let path = if path == "logs" {
                "logs/bootstrap.sh"
            } else {
                path
            };
            assert!(!file(SPEC, path).is_empty());
        }
        for (first, dependency) in service["depends_on"].as_object().into_iter().flatten() {
            let is_there = of_logs.iter().any(|(other, _)| *other == first);
            assert!(is_there, "{name} waits for {first} of another profile");
            // `up --wait` takes an end for a failure, unless somebody waits for it.
            let ends = first == "log-bootstrap";
            let expected = if ends {
                "service_completed_successfully"
            } else {
                "service_healthy"
            };
            assert_eq!(dependency["condition"], expected);
        }
    }
    let is_there = |name: &str| of_logs.iter().any(|(other, _)| *other == name);
    let shipper: Value = serde_saphyr::from_str(&file(SPEC, "logs/shipper.yaml")).unwrap();
    let indexer: Value = serde_saphyr::from_str(&file(SPEC, "logs/indexer.yaml")).unwrap();
    for brokers in [
        &shipper["sinks"]["kafka"]["bootstrap_servers"],
        &indexer["sources"]["kafka"]["bootstrap_servers"],
    ] {
        assert_eq!(brokers, "${KAFKA:-kafka:9092}");
        assert!(is_there("kafka"));
    }
    let search = &indexer["sinks"]["elasticsearch"]["endpoints"][0];
    assert_eq!(search, "${ELASTICSEARCH:-http://elasticsearch:9200}");
    assert!(is_there("elasticsearch"));
    let labels = &shipper["sources"]["docker"]["include_labels"];
    let project = compose["name"].as_str().unwrap();
    assert_eq!(labels[0], format!("com.docker.compose.project={project}"));
    assert!(compose["services"]["gateway"].is_object());
    assert_eq!(labels[1], "com.docker.compose.service=gateway");
}

#[test]
fn dashboards_link_to_the_kibana_that_runs_here() {
    let spec = format!("{SPEC}\n[deploy.compose.ports]\nkibana = 5602\n");
    let compose: Value = serde_saphyr::from_str(&file(&spec, "compose.yaml")).unwrap();
    let ports = &compose["services"]["kibana"]["ports"];
    assert_eq!(ports, &json!(["127.0.0.1:5602:5601"]));
    let dashboard = file(&spec, "grafana/dashboards/gateway.json");
    assert!(dashboard.contains("http://localhost:5602/app/"));
}

#[test]
fn a_server_of_which_the_spec_says_what_starts_it_starts_by_its_image() {
    let compose = compose("compose.yaml");
    let bento = &compose["services"]["bento"];
    assert_eq!(bento["image"], "registry.example.com/bentovllm:1.2.0");
    assert_eq!(bento["entrypoint"], Value::Null);
    assert_eq!(
        bento["command"],
        json!(["serve", "--name", "$$no: \"1e3\""])
    );
    // Its volume is of its user: the others are of root.
    assert_eq!(bento["volumes"][0]["source"], "bento_data");
    assert!(compose["volumes"].get("bento_data").is_some());
    let health = bento["healthcheck"]["test"][1].as_str().unwrap();
    assert!(health.contains("http://localhost:3000/readyz"), "{health}");
}

#[test]
fn a_gateway_may_open_the_files_that_it_asks_for() {
    for http2 in [true, false] {
        let spec = format!(
            "edition = 1\nmodels.m = {{}}\nupstreams.u.url = \"mock://local\"\nroutes.r = {{ models = [\"m\"], \
             direct = {{ upstream = \"u\" }} }}\ngateway = {{ development = true, max_connections = 3000, http2 = {http2} }}\n"
        );
        // As it says when it starts with fewer: `runtime/src/server/descriptors.rs` asks the same function.
        let asked = decide::descriptors::needed(3000, http2);
        assert_eq!(asked, if http2 { 9064 } else { 6064 });
        let compose: Value = serde_saphyr::from_str(&file(&spec, "compose.yaml")).unwrap();
        let of_compose = &compose["services"]["gateway"]["ulimits"]["nofile"];
        assert!(of_compose.as_u64() >= Some(asked), "{of_compose}");
        let unit = file(&spec, "systemd/no@.service");
        let mut lines = unit.lines();
        let of_systemd = lines.find_map(|line| line.strip_prefix("LimitNOFILE="));
        let of_systemd: u64 = of_systemd.unwrap().parse().unwrap();
        assert!(of_systemd >= asked, "{of_systemd}");
    }
}

#[test]
fn nobody_is_reached_past_nginx() {
    let services = &compose("compose.yaml")["services"];
    assert_eq!(services["gateway"]["ports"], Value::Null);
    assert_eq!(services["nginx"]["ports"], json!(["8443:8443"]));
    let conf = file(SPEC, "nginx/nginx.conf");
    for line in [
        "proxy_buffering off;",
        "proxy_http_version 1.1;",
        "resolver 127.0.0.11",
        "proxy_pass $gateway;",
    ] {
        assert!(conf.contains(line), "{line} in\n{conf}");
    }
}

#[test]
fn nginx_may_open_as_many_files_as_it_may_have_connections() {
    let conf = file(SPEC, "nginx/nginx.conf");
    let figure = |directive: &str| -> u64 {
        let mut lines = conf.lines().map(str::trim);
        let line = lines.find_map(|line| line.strip_prefix(directive));
        let figure = line.unwrap_or_else(|| panic!("{directive} in\n{conf}"));
        figure.trim().trim_end_matches(';').parse().unwrap()
    };
    let files = figure("worker_rlimit_nofile");
    assert!(files > figure("worker_connections"), "{conf}");
    // A process without rights raises no limit beyond what its container has.
    let nginx = &compose("compose.yaml")["services"]["nginx"];
    assert_eq!(nginx["ulimits"]["nofile"], files);
}

#[test]
fn what_is_required_is_of_no_profile_that_may_be_off() {
    let services = &compose("compose.yaml")["services"];
    assert_eq!(services["y"]["profiles"], json!(["all", "phase-1"]));
    assert_eq!(services["null"]["profiles"], json!(["all"]));
    // `y` starts with every profile with which `null` does, and not the other way round.
    assert_eq!(
        services["null"]["depends_on"]["y"],
        json!({ "condition": "service_healthy", "required": true })
    );
    assert_eq!(
        services["y"]["depends_on"]["e1"],
        json!({ "condition": "service_healthy", "required": false })
    );
}

#[test]
fn an_engine_has_the_gpus_that_were_planned() {
    let services = &compose("compose.yaml")["services"];
    let devices =
        |name: &str| services[name]["deploy"]["resources"]["reservations"]["devices"][0].clone();
    assert_eq!(devices("y")["device_ids"], json!(["1"]));
    assert_eq!(devices("e1")["count"], 1);
    assert_eq!(services["y"]["environment"]["HF_TOKEN"], Value::Null);
    // The gateway tells of those that have a number.
    let gateway = &services["gateway"];
    assert_eq!(gateway["runtime"], "nvidia");
    assert_eq!(gateway["environment"]["NVIDIA_VISIBLE_DEVICES"], "0,1");
    assert!(file(SPEC, "Dockerfile").contains("FROM gcr.io/distroless/cc"));
}

#[test]
fn a_dollar_sign_of_a_service_reaches_its_shell() {
    let services = &compose("compose.yaml")["services"];
    assert_eq!(
        services["vectors"]["healthcheck"]["test"],
        json!(["CMD-SHELL", "test \"$$(cat /etc/'no')\" # : yes"])
    );
    assert_eq!(
        services["vectors"]["environment"]["VECTORS_KEY"],
        "${VECTORS_KEY:?set it in .env}"
    );
    assert_eq!(
        services["rag"]["depends_on"]["vectors"]["condition"],
        "service_healthy"
    );
}

#[test]
fn an_overlay_of_mocks_starts_no_engine_and_asks_no_server() {
    let overlay = compose("overlays/mock/compose.yaml");
    let services = overlay["services"].as_object().unwrap();
    for name in ["y", "null", "e1"] {
        assert_eq!(services[name], json!({ "scale": 0 }));
    }
    let environment = services["gateway"]["environment"].as_object().unwrap();
    let others: Vec<&Value> = environment
        .values()
        .filter(|url| **url != "http://mock:8000")
        .collect();
    assert!(others.is_empty(), "{others:?}");
    // Nor needs the gateway a driver there.
    assert_eq!(services["gateway"]["runtime"], "runc");
    assert_eq!(services["mock"]["build"]["target"], "mock");
    assert!(file(SPEC, "Dockerfile").contains("FROM scratch AS mock"));
}

#[test]
fn production_chooses_its_tag() {
    let overlay = compose("overlays/production/compose.yaml");
    assert_eq!(
        overlay["services"]["gateway"]["image"],
        "${NEXUS_IMAGE:-nexus/no}:${NEXUS_TAG:?set it in .env}"
    );
    let sample = file(SPEC, "overlays/production/.env.sample");
    assert!(sample.contains("\nNEXUS_TAG=\n"), "{sample}");
}

#[test]
fn grafana_has_every_file_that_it_reads_to_tell_of_alerts() {
    let spec = format!(
        "{SPEC}\n[deploy.grafana]\nalerting = true\n[receivers.chat]\nslack = {{ channel = \"#llm\", url = {{ file = \"/run/secrets/chat $x\" }} }}\n\
         webhook = {{ file = \"/run/secrets/pager\" }}\n\
         email = {{ to = \"a@example.com\", from = \"b@example.com\", server = \"mail.example.com:25\", \
         user = \"b\", password = {{ file = \"/run/secrets/mail\" }} }}\n"
    );
    let points = file(&spec, "grafana/provisioning/alerting/notifications.yaml");
    let named = points.split("$__file{").skip(1);
    let named: Vec<String> = named
        .map(|rest| rest.split('}').next().unwrap().replace('$', "$$"))
        .collect();
    assert_eq!(named, ["/run/secrets/chat $$x", "/run/secrets/pager"]);
    let compose: Value = serde_saphyr::from_str(&file(&spec, "compose.yaml")).unwrap();
    let grafana = &compose["services"]["grafana"];
    let mail = grafana["environment"]["GF_SMTP_PASSWORD__FILE"].as_str();
    let files = grafana["secrets"].as_array().unwrap().iter();
    let targets: Vec<&str> = files.map(|it| it["target"].as_str().unwrap()).collect();
    assert_eq!(targets, [&named[0], mail.unwrap(), &named[1]]);
    assert_eq!(mail, Some("/run/secrets/mail"));
}

#[test]
fn no_variable_is_in_the_sample_twice() {
    let spec = r#"
edition = 1
models.chat = {}
upstreams.a = { url = "https://a.example.com", api_key = { env = "CLOUD" } }
upstreams.b = { url = "https://b.example.com", api_key = { env = "CLOUD" } }
routes.chat = { models = ["chat"], weighted.targets = { a = 1, b = 1 } }
keys.web = { secret = { env = "KEY_WEB" }, models = ["*"] }
deploy.compose.services.one = { image = "one:1", environment = ["CLOUD", "SHARED"] }
deploy.compose.services.two = { image = "two:1", environment = ["SHARED"] }
"#;
    let sample = file(spec, ".env.sample");
    for name in ["CLOUD", "SHARED"] {
        let line = format!("{name}=");
        let lines = sample.lines().filter(|found| *found == line);
        assert_eq!(lines.count(), 1, "{sample}");
    }
    assert!(
        sample.contains("# [upstreams.a]\n# [upstreams.b]\nCLOUD=\n"),
        "{sample}"
    );
}

#[test]
fn a_spec_with_the_name_of_a_library_is_built_by_its_place() {
    // `--package redis` would mean the library as well, and build nothing.
    let compilation = compile(&Source::new("specs/redis.toml", SPEC));
    let files = compilation.output.unwrap().files;
    let dockerfile = files.get("deploy/redis/Dockerfile").unwrap();
    assert!(
        dockerfile.contains(" --manifest-path generated/redis/Cargo.toml "),
        "{dockerfile}"
    );
    assert!(!dockerfile.contains("--package redis"), "{dockerfile}");
}

#[test]
fn an_issuer_on_the_machine_is_found_from_a_container() {
    let spec = r#"
edition = 1
models.chat = {}
upstreams.a.url = "http://a:8000"
routes.chat = { models = ["chat"], direct.upstream = "a" }
[auth.jwt]
algorithm = "RS256"
issuer = "https://issuer.example.com"
audience = "nexus"
models = ["chat"]
jwks.url = "http://localhost:8180/realms/llm/jwks.json"
"#;
    let compose: Value = serde_saphyr::from_str(&file(spec, "compose.yaml")).unwrap();
    let gateway = &compose["services"]["gateway"];
    assert_eq!(
        gateway["environment"]["NEXUS_JWKS_URL"],
        "${NEXUS_JWKS_URL:-http://host.docker.internal:8180/realms/llm/jwks.json}"
    );
    assert_eq!(
        gateway["extra_hosts"],
        json!(["host.docker.internal:host-gateway"])
    );
}

#[test]
fn an_audit_log_has_a_folder_that_its_writer_owns() {
    let dockerfile = file(SPEC, "Dockerfile");
    let line = r#"COPY --from=build --chown=65532:65532 ["/out/audit", "/var/log/no \\$x"]"#;
    assert!(dockerfile.contains(line), "{dockerfile}");
    let unit = file(SPEC, "systemd/no@.service");
    assert!(unit.contains("LogsDirectory=\"no $x\""), "{unit}");
}

#[test]
fn nothing_is_emitted_for_what_is_not_selected() {
    let spec = format!("{SPEC}\n[deploy]\nartifacts = [\"openapi\"]\n");
    let output = compile(&Source::new("specs/no.toml", spec)).output.unwrap();
    let paths: Vec<&str> = output.files.iter().map(|(path, _)| path).collect();
    for part in ["compose", "Dockerfile", "nginx", "systemd"] {
        assert!(!paths.iter().any(|path| path.contains(part)), "{paths:?}");
    }
}
