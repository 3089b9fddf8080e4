//! The manifests for Kubernetes, as data: what one of them says fits what the others say, and the spec.

#![expect(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use nexusc::emit::FileSet;
use nexusc::{Source, compile};
use serde_json::Value as Json;

/// Names that YAML 1.1 reads as something else, that are as long as may be, or that the gateway has for itself; files
/// in all places.
const AWKWARD: &str = include_str!("kubernetes/awkward.toml");

/// The folder of the base.
const BASE: &str = "deploy/nasty/kubernetes/base";

fn files(name: &str, text: &str) -> FileSet {
    let compilation = compile(&Source::new(format!("specs/{name}.toml"), text));
    let output = compilation.output;
    let files = output.map(|output| output.files);
    files.unwrap_or_else(|| panic!("{:#?}", compilation.diagnostics))
}

/// The objects of a folder, each with its kind and name; kustomizations aside.
fn objects(files: &FileSet, folder: &str) -> Vec<(String, String, Json)> {
    let manifests = files.iter().filter(|(path, _)| {
        path.strip_prefix(folder)
            .is_some_and(|name| name.ends_with(".yaml") && name != "/kustomization.yaml")
    });
    let objects = manifests.flat_map(|(path, text)| {
        let objects: Vec<Json> =
            serde_saphyr::from_multiple(text).unwrap_or_else(|error| panic!("{path}: {error}"));
        objects
    });
    let named = objects.map(|object| {
        let kind = object["kind"].as_str().unwrap().to_owned();
        let name = object["metadata"]["name"].as_str().unwrap().to_owned();
        (kind, name, object)
    });
    named.collect()
}

fn awkward() -> Vec<(String, String, Json)> {
    objects(&files("nasty", AWKWARD), BASE)
}

fn find<'o>(objects: &'o [(String, String, Json)], kind: &str, name: &str) -> &'o Json {
    let mut all = objects.iter();
    let found = all.find(|(of, called, _)| of == kind && called == name);
    &found.unwrap_or_else(|| panic!("no {kind} {name}")).2
}

/// The pods of workloads: their labels as the base gives them, and what runs.
fn pods(objects: &[(String, String, Json)]) -> Vec<(BTreeMap<String, String>, &Json)> {
    let templates = objects
        .iter()
        .map(|(_, _, object)| &object["spec"]["template"])
        .filter(|template| template.is_object());
    let pods = templates.map(|template| {
        let mut labels = text_map(&template["metadata"]["labels"]);
        labels.insert("app.kubernetes.io/part-of".to_owned(), "nasty".to_owned());
        (labels, &template["spec"])
    });
    pods.collect()
}

fn text_map(object: &Json) -> BTreeMap<String, String> {
    let entries = object.as_object().unwrap().iter();
    let texts = entries.map(|(key, value)| (key.clone(), value.as_str().unwrap().to_owned()));
    texts.collect()
}

#[test]
fn a_kustomization_lists_what_lies_beside_it() {
    let files = files("nasty", AWKWARD);
    let kustomizations = files
        .iter()
        .filter_map(|(path, text)| Some((path.strip_suffix("/kustomization.yaml")?, text)));
    let mut count = 0;
    for (folder, text) in kustomizations {
        count += 1;
        let kustomization: Json = serde_saphyr::from_str(text).unwrap();
        let listed = kustomization["resources"].as_array().unwrap().iter();
        let listed: BTreeSet<&str> = listed.filter_map(Json::as_str).collect();
        let beside = files
            .iter()
            .filter_map(|(path, _)| path.strip_prefix(folder)?.strip_prefix('/'))
            .filter(|name| name.ends_with(".yaml") && !name.contains('/'));
        let beside: BTreeSet<&str> = beside
            .filter(|name| *name != "kustomization.yaml")
            .collect();
        let own: BTreeSet<&str> = listed
            .into_iter()
            .filter(|name| *name != "../../base")
            .collect();
        assert_eq!(own, beside, "{folder}");
    }
    assert_eq!(count, 4);
}

#[test]
fn names_are_short_enough_and_never_collide() {
    let mut seen = BTreeSet::new();
    for (kind, name, object) in awkward() {
        assert!(name.len() <= 63, "{kind} {name}");
        let labels = object["metadata"]["labels"].as_object();
        for value in labels
            .into_iter()
            .flatten()
            .filter_map(|(_, value)| value.as_str())
        {
            assert!(value.len() <= 63, "{kind} {name}: {value}");
        }
        assert!(
            seen.insert((kind.clone(), name.clone())),
            "{kind} {name} twice"
        );
    }
    // The upstream of the spec's own name gets another one, and is found by it.
    let service = find(&awkward(), "Service", "nasty-2").clone();
    assert_eq!(service["spec"]["ports"][0]["port"], 8000);
    let files = files("nasty", AWKWARD);
    let kustomization = files.get(&format!("{BASE}/kustomization.yaml")).unwrap();
    assert!(
        kustomization.contains("UPSTREAM_NASTY_URL=http://nasty-2:8000"),
        "{kustomization}"
    );
}

#[test]
fn each_selector_finds_one_kind_of_pods() {
    let objects = awkward();
    let pods = pods(&objects);
    let selectors = objects.iter().filter_map(|(kind, name, object)| {
        let spec = &object["spec"];
        let selector = match kind.as_str() {
            "Service" => &spec["selector"],
            "Deployment" | "StatefulSet" | "PodDisruptionBudget" => {
                &spec["selector"]["matchLabels"]
            }
            "NetworkPolicy" => &spec["podSelector"]["matchLabels"],
            _ => return None,
        };
        Some((kind, name, text_map(selector)))
    });
    let mut count = 0;
    for (kind, name, selector) in selectors {
        count += 1;
        let is_selected = |labels: &BTreeMap<String, String>| {
            selector
                .iter()
                .all(|(key, value)| labels.get(key) == Some(value))
        };
        let found = pods
            .iter()
            .filter(|(labels, _)| is_selected(labels))
            .count();
        let expected = match (kind.as_str(), name.as_str()) {
            ("NetworkPolicy", "nasty-deny") => pods.len(),
            ("NetworkPolicy", "nasty-engines") => 4,
            _ => 1,
        };
        assert_eq!(found, expected, "{kind} {name}");
    }
    assert!(count > 10);
}

#[test]
fn every_pod_keeps_to_the_restricted_standard() {
    let files = files("nasty", AWKWARD);
    let mut objects = objects(&files, BASE);
    objects.extend(self::objects(
        &files,
        "deploy/nasty/kubernetes/overlays/mock",
    ));
    let pods = pods(&objects);
    assert_eq!(
        pods.len(),
        7,
        "the gateway, Redis, four engines and the mock"
    );
    for (labels, pod) in pods {
        assert_eq!(pod["automountServiceAccountToken"], false, "{labels:?}");
        let security = &pod["securityContext"];
        assert_eq!(security["runAsNonRoot"], true, "{labels:?}");
        assert_eq!(
            security["seccompProfile"]["type"], "RuntimeDefault",
            "{labels:?}"
        );
        for container in pod["containers"].as_array().unwrap() {
            let security = &container["securityContext"];
            assert_eq!(security["allowPrivilegeEscalation"], false, "{labels:?}");
            assert_eq!(security["capabilities"]["drop"][0], "ALL", "{labels:?}");
        }
    }
}

/// The files that a pod has of Secrets: the path at which each comes to lie, with its Secret and key.
fn files_of(pod: &Json) -> BTreeMap<String, (String, String)> {
    let text = |value: &Json| value.as_str().unwrap().to_owned();
    let mut files = BTreeMap::new();
    for mount in pod["containers"][0]["volumeMounts"].as_array().unwrap() {
        let mut volumes = pod["volumes"].as_array().unwrap().iter();
        let volume = volumes.find(|volume| volume["name"] == mount["name"]);
        for source in volume.unwrap()["projected"]["sources"].as_array().unwrap() {
            let secret = &source["secret"];
            for item in secret["items"].as_array().unwrap() {
                let path = match mount["subPath"].as_str() {
                    Some(sub_path) if item["path"] == sub_path => text(&mount["mountPath"]),
                    Some(_) => continue,
                    None => format!("{}/{}", text(&mount["mountPath"]), text(&item["path"])),
                };
                files.insert(path, (text(&secret["name"]), text(&item["key"])));
            }
        }
    }
    files
}

#[test]
fn files_come_to_lie_where_the_spec_says() {
    let objects = awkward();
    let deployment = find(&objects, "Deployment", "nasty");
    let files = files_of(&deployment["spec"]["template"]["spec"]);
    let paths: Vec<&str> = files.keys().map(String::as_str).collect();
    assert_eq!(
        paths,
        [
            "/etc/key \"quoted\" 'x' $HOME \u{fc}mlaut #no: y",
            "/run/secrets/a.b/ca.crt",
            "/run/secrets/a/redis",
            "/run/secrets/w\u{f6}rter\u{2028}x",
            "/tls.crt",
        ]
    );
    let keys: BTreeSet<_> = files.values().collect();
    assert_eq!(keys.len(), files.len(), "one key a file: {keys:?}");
    for (_, key) in keys {
        let is_clean = |b: u8| b.is_ascii_alphanumeric() || b"-_.".contains(&b);
        assert!(key.bytes().all(is_clean), "{key}");
    }
}

#[test]
fn no_folder_is_mounted_inside_of_another() {
    let objects = awkward();
    let deployment = find(&objects, "Deployment", "nasty");
    let container = &deployment["spec"]["template"]["spec"]["containers"][0];
    let mounts = container["volumeMounts"].as_array().unwrap().iter();
    let paths: Vec<&str> = mounts
        .filter_map(|mount| mount["mountPath"].as_str())
        .collect();
    for (outer, inner) in paths
        .iter()
        .flat_map(|outer| paths.iter().map(move |inner| (outer, inner)))
    {
        assert!(
            outer == inner || !inner.starts_with(&format!("{outer}/")),
            "{inner} in {outer}"
        );
    }
}

#[test]
fn every_key_of_a_secret_is_in_the_command_that_makes_it() {
    let files = files("nasty", AWKWARD);
    let text = files.get(&format!("{BASE}/deployment.yaml")).unwrap();
    let comment: String = text
        .lines()
        .take_while(|line| line.starts_with('#'))
        .collect();
    let objects = objects(&files, BASE);
    let mut keys = BTreeSet::new();
    for (_, pod) in pods(&objects) {
        let is_optional =
            |variable: &Json| variable["valueFrom"]["secretKeyRef"]["optional"] == true;
        let container = &pod["containers"][0];
        if container["env"].as_array().is_none() {
            continue;
        }
        let variables = container["env"].as_array().unwrap().iter();
        let required = variables.filter(|variable| !is_optional(variable));
        keys.extend(required.filter_map(|variable| {
            let key = variable["valueFrom"]["secretKeyRef"]["key"].as_str();
            key.map(str::to_owned)
        }));
    }
    let deployment = find(&objects, "Deployment", "nasty");
    let mounted = files_of(&deployment["spec"]["template"]["spec"]);
    let own = mounted
        .into_values()
        .filter(|(secret, _)| secret == "nasty-secrets");
    keys.extend(own.map(|(_, key)| key));
    assert!(
        keys.contains("NO") && keys.contains("AUDIT_SALT"),
        "{keys:?}"
    );
    for key in keys {
        let is_given = ["=", "=\""]
            .iter()
            .any(|start| comment.contains(&format!("{start}{key}=")));
        assert!(is_given, "{key} is not in {comment}");
    }
}

#[test]
fn no_path_of_a_secret_is_more_than_one_word_of_the_command_that_makes_it() {
    let files = files("nasty", AWKWARD);
    let text = files.get(&format!("{BASE}/deployment.yaml")).unwrap();
    let commands: String = text
        .lines()
        .take_while(|line| line.starts_with('#'))
        .map(|line| line.trim_start_matches(['#', ' ']))
        .skip_while(|line| !line.starts_with("kubectl"))
        .map(|line| format!("{line}\n"))
        .collect();
    let script = format!("kubectl() {{ printf '%s\\n' \"$@\"; }}\n{commands}");
    let said = Command::new("sh")
        .args(["-c", &script])
        .env("HOME", "/root")
        .env("NO", "a b")
        .output()
        .unwrap();
    let words = String::from_utf8(said.stdout).unwrap();
    let words: Vec<&str> = words.split('\n').collect();
    for word in [
        "--from-literal=NO=a b",
        "--from-file=run.secrets.w_rter_x=/run/secrets/w\u{f6}rter\u{2028}x",
        "--cert=/tls.crt",
        "--key=/etc/key \"quoted\" 'x' $HOME \u{fc}mlaut #no: y",
    ] {
        assert!(words.contains(&word), "{word}: {words:#?}");
    }
}

#[test]
fn a_pod_outlives_the_grace_that_its_streams_have() {
    let objects = awkward();
    let deployment = find(&objects, "Deployment", "nasty");
    let pod = &deployment["spec"]["template"]["spec"];
    let pause = pod["containers"][0]["lifecycle"]["preStop"]["sleep"]["seconds"]
        .as_f64()
        .unwrap();
    let end = pod["terminationGracePeriodSeconds"].as_f64().unwrap();
    assert!(end >= pause + 1.5 + 1.0, "`shutdown_grace` is 1500ms");
}

#[test]
fn a_port_below_1024_is_not_asked_for_by_a_process_without_rights() {
    let objects = awkward();
    let deployment = find(&objects, "Deployment", "nasty");
    let container = &deployment["spec"]["template"]["spec"]["containers"][0];
    assert_eq!(container["ports"][0]["containerPort"], 8443);
    let service = find(&objects, "Service", "nasty");
    assert_eq!(service["spec"]["ports"][0]["port"], 443);
    assert_eq!(
        service["spec"]["ports"][0]["targetPort"],
        container["ports"][0]["name"]
    );
}

/// The ports that a policy lets its pods connect to.
fn egress_ports(rules: &Json) -> BTreeSet<u64> {
    let rules = rules.as_array().unwrap().iter();
    let ports = rules.flat_map(|rule| rule["ports"].as_array().unwrap());
    ports.filter_map(|port| port["port"].as_u64()).collect()
}

#[test]
fn the_gateway_may_connect_to_all_that_it_has_addresses_of() {
    let files = files("nasty", AWKWARD);
    let objects = objects(&files, BASE);
    let policy = find(&objects, "NetworkPolicy", "nasty-gateway");
    let base = egress_ports(&policy["spec"]["egress"]);
    assert_eq!(base, [53, 3000, 6379, 8000, 8001, 9000].into());
    // The overlay moves an upstream to a port of its own.
    let overlay = files.get("deploy/nasty/kubernetes/overlays/on/kustomization.yaml");
    let overlay: Json = serde_saphyr::from_str(overlay.unwrap()).unwrap();
    let mut patches = overlay["patches"].as_array().unwrap().iter();
    let patch = patches.find(|patch| patch["target"]["kind"] == "NetworkPolicy");
    let patch: Json = serde_saphyr::from_str(patch.unwrap()["patch"].as_str().unwrap()).unwrap();
    let ports = egress_ports(&patch[0]["value"]);
    assert!(ports.contains(&7000), "{ports:?}");
}

#[test]
fn an_engine_that_an_overlay_moves_away_is_left_out_there() {
    let files = files("nasty", AWKWARD);
    let overlay = files
        .get("deploy/nasty/kubernetes/overlays/on/kustomization.yaml")
        .unwrap();
    assert!(
        overlay.contains("app.kubernetes.io/instance=nasty-2"),
        "{overlay}"
    );
    assert!(overlay.contains("$patch: delete"), "{overlay}");
    let other = files
        .get("deploy/nasty/kubernetes/overlays/off/kustomization.yaml")
        .unwrap();
    assert!(!other.contains("$patch: delete"), "{other}");
}

#[test]
fn an_environment_of_mocks_has_no_engine_and_asks_for_no_gpu() {
    const OVERLAY: &str = "deploy/nasty/kubernetes/overlays/mock";
    let files = files("nasty", AWKWARD);
    let text = files.get(&format!("{OVERLAY}/kustomization.yaml")).unwrap();
    let kustomization: Json = serde_saphyr::from_str(text).unwrap();
    let base = objects(&files, BASE);
    let engines = base.iter().filter(|(kind, ..)| kind == "StatefulSet");
    let mut count = 0;
    for (_, name, _) in engines {
        count += 1;
        let instance = format!("app.kubernetes.io/instance={name}");
        assert!(text.contains(&instance), "{name} is left out: {text}");
    }
    assert_eq!(count, 4);
    assert_eq!(text.matches("$patch: delete").count(), count);
    // Whom it answers for is found where its service is; who has an address here is not.
    let objects = objects(&files, OVERLAY);
    let service = find(&objects, "Service", "nasty-mock");
    assert_eq!(service["spec"]["ports"][0]["port"], 8000);
    let literals = &kustomization["configMapGenerator"][0]["literals"];
    let literals: Vec<&str> = literals
        .as_array()
        .unwrap()
        .iter()
        .filter_map(Json::as_str)
        .collect();
    for literal in [
        "UPSTREAM_NASTY_URL=http://nasty-mock:8000",
        "UPSTREAM_NO_URL=http://nasty-mock:8000",
        "UPSTREAM_NULL_URL=http://null:9000",
    ] {
        assert!(literals.contains(&literal), "{literals:?}");
    }
    let pod = &find(&objects, "Deployment", "nasty-mock")["spec"]["template"];
    let labels = text_map(&pod["metadata"]["labels"]);
    assert_eq!(text_map(&service["spec"]["selector"]), labels_of(&labels));
    let limits = &pod["spec"]["containers"][0]["resources"]["limits"];
    assert_eq!(limits["nvidia.com/gpu"], Json::Null);
    // The gateway may connect to it, and to no engines.
    let mut patches = kustomization["patches"].as_array().unwrap().iter();
    let patch = patches.find(|patch| patch["target"]["kind"] == "NetworkPolicy");
    let patch: Json = serde_saphyr::from_str(patch.unwrap()["patch"].as_str().unwrap()).unwrap();
    let rules = patch[0]["value"].as_array().unwrap();
    let components: Vec<&Json> = rules
        .iter()
        .map(|rule| &rule["to"][0]["podSelector"]["matchLabels"]["app.kubernetes.io/component"])
        .filter(|component| component.is_string())
        .collect();
    assert_eq!(components, ["mock", "store"]);
    assert_eq!(
        egress_ports(&patch[0]["value"]),
        [53, 6379, 8000, 9000].into()
    );
}

#[test]
fn a_server_of_which_the_spec_says_what_starts_it_is_asked_and_run_as_its_image_wants() {
    let objects = awkward();
    let pod = &find(&objects, "StatefulSet", "off")["spec"]["template"]["spec"];
    let security = &pod["securityContext"];
    for field in ["runAsUser", "runAsGroup", "fsGroup"] {
        assert_eq!(security[field], 1034, "{field}");
    }
    let container = &pod["containers"][0];
    assert_eq!(
        container["image"],
        "registry.example.com:5000/bentovllm:1.2"
    );
    assert_eq!(
        container["command"],
        Json::Null,
        "its image says what starts"
    );
    let args: Vec<&str> = container["args"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(Json::as_str)
        .collect();
    assert_eq!(args, ["serve", "no", "--name=\"1e3\": # $$(HOME)"]);
    for (probe, path) in [
        ("startupProbe", "/readyz"),
        ("readinessProbe", "/readyz"),
        ("livenessProbe", "/livez"),
    ] {
        assert_eq!(container[probe]["httpGet"]["path"], path, "{probe}");
    }
    assert_eq!(container["ports"][0]["containerPort"], 3000);
    assert_eq!(container["resources"]["limits"]["nvidia.com/gpu"], "1");
}

/// The labels that selectors go by.
fn labels_of(labels: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    let mut labels = labels.clone();
    labels.remove("app.kubernetes.io/name");
    labels
}

/// Three servers for one model, of which each environment runs one, and one that runs none.
const SERVERS: &str = r#"
edition = 1
gateway.development = true
models.chat = {}
gpus.one.model = "rtx-3090"
routes.chat = { models = ["chat"], priority.targets = { vllm = 1, sglang = 2, bento = 3 } }

[upstreams.vllm]
url = "http://vllm:8000"
engine = { gpus = ["one"], profile = "gpu", vllm = { version = "0.19.0", weights = "Qwen/Qwen2.5-3B-Instruct", max_model_len = 8192 } }

[upstreams.sglang]
url = "http://sglang:30000"
engine = { gpus = ["one"], profile = "sglang", sglang = { weights = "Qwen/Qwen2.5-3B-Instruct", context_length = 8192 } }

[upstreams.bento]
url = "http://bento:3000"
engine = { gpus = ["one"], profile = "bentoml", other = { memory = "12GiB", container = { image = "bento/chat:1", ready = "/readyz" } } }

[overlays.mock]
servers = "mock"
[overlays.gpu]
profile = "gpu"
[overlays.sglang]
profile = "sglang"
upstreams.vllm.url = "http://sglang:30000"
[overlays.bentoml]
profile = "bentoml"
"#;

#[test]
fn an_environment_runs_the_engines_of_its_profile_and_no_others() {
    let files = files("chat", SERVERS);
    let engines = ["vllm", "sglang", "bento"];
    for (overlay, running) in [
        ("mock", None),
        ("gpu", Some("vllm")),
        ("sglang", Some("sglang")),
        ("bentoml", Some("bento")),
    ] {
        let path = format!("deploy/chat/kubernetes/overlays/{overlay}/kustomization.yaml");
        let text = files.get(&path).unwrap();
        let kustomization: Json = serde_saphyr::from_str(text).unwrap();
        for engine in engines {
            let instance = format!("app.kubernetes.io/instance={engine}\"");
            assert_eq!(
                text.contains(&instance),
                running != Some(engine),
                "{overlay}: {engine}"
            );
        }
        // It waits in the base, since the others would want its GPU.
        let mut patches = kustomization["patches"].as_array().unwrap().iter();
        let scaled = patches.find(|patch| patch["target"]["kind"] == "StatefulSet");
        let selector = scaled.map(|patch| patch["target"]["labelSelector"].as_str().unwrap());
        let expected = running.map(|_| format!("nexus/profile={overlay}"));
        assert_eq!(selector, expected.as_deref(), "{overlay}");
        let compose = files
            .get(&format!("deploy/chat/overlays/{overlay}/compose.yaml"))
            .unwrap();
        let profile = format!("--profile {overlay} ");
        assert_eq!(compose.contains(&profile), running.is_some(), "{compose}");
    }
    let sglang = files
        .get("deploy/chat/kubernetes/overlays/sglang/kustomization.yaml")
        .unwrap();
    assert!(
        sglang.contains("UPSTREAM_VLLM_URL=http://sglang:30000"),
        "{sglang}"
    );
}

#[test]
fn two_environments_never_share_a_namespace_unless_a_spec_says_so() {
    const SPEC: &str = "edition = 1\ngateway.development = true\nmodels.m = {}\nupstreams.u.url = \"mock://local\"\n\
                        routes.r = { models = [\"m\"], direct = { upstream = \"u\" } }\n[overlays.a]\n[overlays.b]\n";
    let files = files("chat", SPEC);
    let namespaces: BTreeSet<String> = ["base", "overlays/a", "overlays/b"]
        .iter()
        .map(|folder| {
            let path = format!("deploy/chat/kubernetes/{folder}/kustomization.yaml");
            let kustomization: Json = serde_saphyr::from_str(files.get(&path).unwrap()).unwrap();
            kustomization["namespace"].as_str().unwrap().to_owned()
        })
        .collect();
    assert_eq!(
        namespaces,
        ["chat", "chat-a", "chat-b"].map(str::to_owned).into()
    );
}

/// The hosts of ingresses in the base and in overlays of these names.
fn hosts(files: &FileSet, spec: &str, overlays: &[&str]) -> Vec<String> {
    let base = objects(files, &format!("deploy/{spec}/kubernetes/base"));
    let ingress = &find(&base, "Ingress", spec)["spec"];
    let usual = ingress["rules"][0]["host"].as_str().unwrap().to_owned();
    let varied = overlays.iter().map(|overlay| {
        let path = format!("deploy/{spec}/kubernetes/overlays/{overlay}/kustomization.yaml");
        let kustomization: Json = serde_saphyr::from_str(files.get(&path).unwrap()).unwrap();
        let patches = kustomization["patches"].as_array();
        let mut patches = patches.into_iter().flatten();
        let of_ingress = patches.find(|patch| patch["target"]["kind"] == "Ingress");
        of_ingress.map_or(usual.clone(), |patch| {
            let patch: Json = serde_saphyr::from_str(patch["patch"].as_str().unwrap()).unwrap();
            let operations = patch.as_array().unwrap();
            let of_host = |operation: &&Json| operation["path"] == "/spec/rules/0/host";
            let operation = operations.iter().find(of_host).unwrap();
            operation["value"].as_str().unwrap().to_owned()
        })
    });
    std::iter::once(usual.clone()).chain(varied).collect()
}

#[test]
fn two_environments_never_share_a_host_unless_a_spec_says_so() {
    const SPEC: &str = "edition = 1\ngateway.development = true\nmodels.m = {}\nupstreams.u.url = \"mock://local\"\n\
                        routes.r = { models = [\"m\"], direct = { upstream = \"u\" } }\n[overlays.a]\n[overlays.b]\n";
    assert_eq!(
        hosts(&files("chat", SPEC), "chat", &["a", "b"]),
        ["gateway.local", "a.gateway.local", "b.gateway.local"]
    );
    let fleet = std::fs::read_to_string("../specs/fleet.toml").unwrap();
    let hosts = hosts(&files("fleet", &fleet), "fleet", &["production", "staging"]);
    let different: BTreeSet<&String> = hosts.iter().collect();
    assert_eq!(different.len(), 3, "{hosts:?}");
}

#[test]
fn one_host_for_two_namespaces_is_told_of() {
    let warnings = |more: &str| {
        let spec = format!(
            "edition = 1\ngateway.development = true\nmodels.m = {{}}\nupstreams.u.url = \"mock://local\"\n\
             routes.r = {{ models = [\"m\"], direct = {{ upstream = \"u\" }} }}\n{more}"
        );
        let compilation = compile(&Source::new("specs/chat.toml", &*spec));
        let diagnostics = compilation.diagnostics.into_iter();
        let found = diagnostics.filter(|it| it.code.name() == "NX0825");
        found.map(|it| it.message).collect::<Vec<String>>()
    };
    let two =
        "[overlays.a.kubernetes]\nhost = \"h.no\"\n[overlays.b.kubernetes]\nhost = \"h.no\"\n";
    assert_eq!(
        warnings(two),
        ["overlay `a` and overlay `b` answer to one host, `h.no`"]
    );
    let inherited = "[deploy.kubernetes]\nhost = \"h.no\"\n[overlays.a]\n";
    assert_eq!(
        warnings(inherited),
        ["the base and overlay `a` answer to one host, `h.no`"]
    );
    // No two ingresses: one namespace has one, a load balancer has none, and so have other kinds of files.
    for apart in ["namespace = \"chat\"\n", ""] {
        let expose = if apart.is_empty() {
            "expose = []\n"
        } else {
            ""
        };
        let spec = format!(
            "[deploy.kubernetes]\nhost = \"h.no\"\n{expose}[overlays.a.kubernetes]\n{apart}"
        );
        assert_eq!(warnings(&spec), [""; 0], "{spec}");
    }
    let other = "[deploy]\nartifacts = [\"compose\"]\nkubernetes.host = \"h.no\"\n[overlays.a]\n";
    assert_eq!(warnings(other), [""; 0]);
}

#[test]
fn prometheus_operator_gets_the_very_rules_that_prometheus_gets() {
    let files = files("nasty", AWKWARD);
    let objects = objects(&files, BASE);
    let rules: Vec<&str> = files
        .iter()
        .filter_map(|(path, _)| path.strip_prefix("deploy/nasty/prometheus/rules/"))
        .collect();
    assert!(rules.contains(&"alerts.yml"), "{rules:?}");
    for file in rules {
        let text = files.get(&format!("deploy/nasty/prometheus/rules/{file}"));
        let written: Json = serde_saphyr::from_str(text.unwrap()).unwrap();
        let name = format!("nasty-{}", file.trim_end_matches(".yml"));
        let object = find(&objects, "PrometheusRule", &name);
        assert_eq!(object["spec"], written, "{file}");
    }
}

#[test]
fn kubernetes_and_compose_limit_the_memory_of_a_gateway_alike() {
    for spec in ["chat-2x3090", "fleet", "quickstart"] {
        let text = std::fs::read_to_string(format!("../specs/{spec}.toml")).unwrap();
        let files = files(spec, &text);
        let objects = objects(&files, &format!("deploy/{spec}/kubernetes/base"));
        let gateway = find(&objects, "Deployment", spec);
        let resources = &gateway["spec"]["template"]["spec"]["containers"][0]["resources"];
        let path = format!("deploy/{spec}/compose.yaml");
        let compose: Json = serde_saphyr::from_str(files.get(&path).unwrap()).unwrap();
        let limits = &compose["services"]["gateway"]["deploy"]["resources"]["limits"];
        let mebibytes = |figure: &Json, unit: &str| {
            let text = figure.as_str().unwrap();
            text.strip_suffix(unit).unwrap().parse::<u64>().unwrap()
        };
        let most = mebibytes(&resources["limits"]["memory"], "Mi");
        assert_eq!(most, mebibytes(&limits["memory"], "m"), "{spec}");
        assert!(
            mebibytes(&resources["requests"]["memory"], "Mi") < most,
            "{spec}"
        );
        // 60 clients with bodies of 8 MiB were measured at 497 MiB, beside 10,000 that do not read.
        assert!(most > 497 + 1250, "{spec}: {most}");
    }
}

#[test]
fn a_gateway_that_is_full_is_not_ready_and_lives() {
    let text = std::fs::read_to_string("../specs/quickstart.toml").unwrap();
    let objects = objects(
        &files("quickstart", &text),
        "deploy/quickstart/kubernetes/base",
    );
    let gateway = &find(&objects, "Deployment", "quickstart")["spec"]["template"]["spec"];
    let container = &gateway["containers"][0];
    // Who asks over HTTP waits for its turn behind `max_connections` others.
    let liveness = &container["livenessProbe"];
    assert_eq!(liveness["httpGet"], Json::Null, "{liveness}");
    assert_eq!(liveness["tcpSocket"]["port"], "http", "{liveness}");
    for probe in ["startupProbe", "readinessProbe"] {
        assert_eq!(container[probe]["httpGet"]["path"], "/ready", "{probe}");
    }
}
