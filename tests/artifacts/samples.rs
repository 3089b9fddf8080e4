//! Faults that are put into emitted files: what is written instead of what, what is said of it, and which line of the spec
//! that leads back to.

/// A spec of which files are emitted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Spec {
    pub(crate) name: &'static str,
    pub(crate) text: &'static str,
}

/// Every kind of artifact, of names that files have trouble with, its own among them.
pub(crate) const AWKWARD: Spec = Spec {
    name: "a--b",
    text: include_str!("../specs/awkward.toml"),
};

/// What the other one cannot have.
pub(crate) const PROXIED: Spec = Spec {
    name: "proxied",
    text: include_str!("proxied.toml"),
};

/// A file, and who reads it.
pub(crate) struct Sample {
    /// As messages call the tool.
    pub(crate) tool: &'static str,
    pub(crate) spec: Spec,
    /// Below `deploy/<spec>/`, as are those that it is read with: files, or folders with all below them.
    pub(crate) path: &'static str,
    pub(crate) beside: &'static [&'static str],
    pub(crate) faults: &'static [Fault],
}

pub(crate) struct Fault {
    /// A text that the file has, and what to write instead where it stands first.
    pub(crate) from: &'static str,
    pub(crate) to: &'static str,
    /// A part of what the tool says.
    pub(crate) said: &'static str,
    /// What begins the line of the spec that the block comes from; empty where none of its lines asks for it.
    pub(crate) origin: &'static str,
}

const fn fault(
    from: &'static str,
    to: &'static str,
    said: &'static str,
    origin: &'static str,
) -> Fault {
    Fault {
        from,
        to,
        said,
        origin,
    }
}

pub(crate) const SAMPLES: &[Sample] = &[
    Sample {
        tool: "promtool",
        spec: AWKWARD,
        path: "prometheus/prometheus.yml",
        beside: &["prometheus/rules"],
        faults: &[
            fault(
                "insecure_skip_verify",
                "insecure_skip_verifi",
                "field insecure_skip_verifi not found",
                "[gateway]",
            ),
            fault(
                "- job_name: a--b\n",
                "- job_name: a--b\n    scrape_interval: soon\n",
                "not a valid duration string",
                "[gateway]",
            ),
        ],
    },
    Sample {
        tool: "promtool",
        spec: AWKWARD,
        path: "prometheus/rules/slos.yml",
        beside: &[],
        faults: &[
            fault(
                "  - name: a--b-slo-no\n    rules:\n      - record: slo:sli_error:ratio_rate5m\n        expr: |-\n",
                "  - name: a--b-slo-no\n    rules:\n      - record: slo:sli_error:ratio_rate5m\n        expr: |-\n          (\n",
                "could not parse expression",
                "[slos.no]",
            ),
            fault(
                "  - name: a--b-slo-yes\n    rules:\n",
                "  - name: a--b-slo-yes\n    rulez:\n",
                "field rulez not found",
                "[slos.yes]",
            ),
        ],
    },
    Sample {
        tool: "promtool",
        spec: AWKWARD,
        path: "prometheus/tests/alerts.yml",
        beside: &["prometheus/rules", "runbooks.md"],
        faults: &[fault(
            "summary: Prometheus does not reach",
            "summary: Prometheus reaches",
            "the test fails: name: GatewayDown fires",
            "",
        )],
    },
    Sample {
        tool: "promtool",
        spec: AWKWARD,
        path: "prometheus/tests/slos.yml",
        beside: &["prometheus/rules", "runbooks.md"],
        faults: &[fault(
            "  - name: no, critical, fires\n",
            "  - name: no, critical, fires\n    intervall: 1m\n",
            "field intervall not found",
            "[slos.no]",
        )],
    },
    Sample {
        tool: "promtool",
        spec: AWKWARD,
        path: "grafana/dashboards/gpu.json",
        beside: &[],
        faults: &[fault(
            "max by (gpu) (gateway_gpu_utilization_ratio{",
            "max by (gpu) ((gateway_gpu_utilization_ratio{",
            "could not parse expression",
            "[gpus.on]",
        )],
    },
    Sample {
        tool: "promtool",
        spec: PROXIED,
        path: "grafana/provisioning/alerting/rules.yaml",
        beside: &[],
        faults: &[fault(
            "slo:sli_error:ratio_rate1h{",
            "slo:sli_error:ratio_rate1h{{",
            "could not parse expression",
            "[slos.availability]",
        )],
    },
    Sample {
        tool: "grafana-foundation-sdk",
        spec: PROXIED,
        path: "grafana/provisioning/alerting/notifications.yaml",
        beside: &[],
        faults: &[fault(
            "type: webhook",
            "kind: webhook",
            "Grafana has no such field",
            "[receivers.pager]",
        )],
    },
    Sample {
        tool: "Grafana alerting",
        spec: PROXIED,
        path: "grafana/provisioning/alerting/notifications.yaml",
        beside: &[],
        faults: &[
            fault(
                "uid: pager-webhook",
                "uid: pager.webhook",
                "is not of 1 to 40 letters",
                "[receivers.pager]",
            ),
            fault(
                "- receiver: pager",
                "- receiver: nobody",
                "`nobody`, which is no contact point",
                "[receivers.pager]",
            ),
        ],
    },
    Sample {
        tool: "grafana-foundation-sdk",
        spec: AWKWARD,
        path: "grafana/dashboards/gpu.json",
        beside: &[],
        faults: &[
            fault(
                "\"gridPos\"",
                "\"gridPoz\"",
                "Grafana has no such field",
                "",
            ),
            fault(
                "\"unit\"",
                "\"unitt\"",
                "Grafana has no such field",
                "[gpus.on]",
            ),
            fault(
                "\"legendFormat\"",
                "\"legendFormatt\"",
                "Grafana has no such field",
                "[gpus.on]",
            ),
        ],
    },
    Sample {
        tool: "amtool",
        spec: AWKWARD,
        path: "alertmanager/alertmanager.yml",
        beside: &[],
        faults: &[
            fault(
                "webhook_configs",
                "webhook_configz",
                "field webhook_configz not found",
                "[receivers.on]",
            ),
            fault(
                "- url: http://",
                "- url: htp://",
                "unsupported scheme",
                "[receivers.on]",
            ),
            fault(
                "- receiver: \"null\"\n",
                "- receiver: \"nul\"\n",
                "undefined receiver",
                "[receivers.null]",
            ),
        ],
    },
    Sample {
        tool: "docker compose",
        spec: AWKWARD,
        path: "compose.yaml",
        beside: &[".env.sample"],
        faults: &[
            fault(
                "    stop_grace_period:",
                "    stop_grace_perriod:",
                "stop_grace_perriod",
                "[gateway]",
            ),
            fault(
                "      redis: {condition",
                "      rediz: {condition",
                "depends on undefined service",
                "[gateway]",
            ),
            fault(
                "    command: [redis-server,",
                "    command: [1, redis-server,",
                "must be a",
                "[store.redis]",
            ),
        ],
    },
    Sample {
        tool: "docker compose",
        spec: AWKWARD,
        path: "overlays/on/compose.yaml",
        beside: &["compose.yaml", ".env.sample", "overlays/on"],
        faults: &[fault(
            "    environment:\n",
            "    environmint:\n",
            "environmint",
            "[overlays.on]",
        )],
    },
    Sample {
        tool: "hadolint",
        spec: AWKWARD,
        path: "Dockerfile",
        beside: &[],
        faults: &[
            fault(
                "cc-debian12:nonroot AS",
                "cc-debian12 AS",
                "DL3006",
                "[gpus.on]",
            ),
            fault("EXPOSE 8443", "EXPOZE 8443", "DL1000", "[gateway]"),
        ],
    },
    Sample {
        tool: "kustomize",
        spec: AWKWARD,
        path: "kubernetes/overlays/no/kustomization.yaml",
        beside: &["kubernetes/base"],
        faults: &[
            fault("../../base", "../../bass", "bass", "[overlays.no]"),
            fault(
                "configMapGenerator",
                "configMapGenerated",
                "configMapGenerated",
                "[overlays.no]",
            ),
        ],
    },
    Sample {
        tool: "kubernetes-validate",
        spec: AWKWARD,
        path: "kubernetes/base/redis.yaml",
        beside: &["kubernetes/base"],
        faults: &[
            fault("replicas: 1", "replica: 1", "replica", "[store.redis]"),
            fault(
                "replicas: 1",
                "replicas: two",
                "is not of type",
                "[store.redis]",
            ),
            fault("image: redis", "img: redis", "img", "[store.redis]"),
        ],
    },
    Sample {
        tool: "jsonschema",
        spec: PROXIED,
        path: "kubernetes/base/service-monitor.yaml",
        beside: &["kubernetes/base"],
        faults: &[
            fault(
                "interval: ",
                "intervall: ",
                "'intervall' was unexpected",
                "prometheus_operator",
            ),
            fault(
                "interval: 15s",
                "interval: soon",
                "'soon' does not match",
                "prometheus_operator",
            ),
        ],
    },
    Sample {
        tool: "nginx",
        spec: PROXIED,
        path: "nginx/nginx.conf",
        beside: &[],
        faults: &[
            fault(
                "ssl_protocols",
                "ssl_protocolls",
                "unknown directive",
                "[deploy.compose.nginx]",
            ),
            fault(
                "proxy_buffering off",
                "proxy_buffering never",
                "invalid value",
                "[deploy.compose.nginx]",
            ),
        ],
    },
    Sample {
        tool: "systemd-analyze",
        spec: AWKWARD,
        path: "systemd/a--b@.service",
        beside: &["systemd"],
        faults: &[
            fault(
                "LockPersonality",
                "LockPersonalty",
                "Unknown key",
                "[audit]",
            ),
            fault("Restart=on-failure", "Restart=sometimes", "sometimes", ""),
        ],
    },
    Sample {
        tool: "systemd-analyze",
        spec: AWKWARD,
        path: "systemd/a--b.socket",
        beside: &["systemd"],
        faults: &[fault(
            "Backlog=4096",
            "Backlogg=4096",
            "Unknown key",
            "[gateway]",
        )],
    },
    Sample {
        tool: "systemd-sysusers",
        spec: AWKWARD,
        path: "systemd/a--b.sysusers.conf",
        beside: &[],
        faults: &[fault("u nexus", "uu nexus", "Unknown modifier 'uu'", "")],
    },
    Sample {
        tool: "redocly",
        spec: AWKWARD,
        path: "openapi.json",
        beside: &[],
        faults: &[fault(
            "\"openapi\": \"3.1.0\",\n  \"info\"",
            "\"openapi\": \"3.1.0\",\n  \"infos\": {},\n  \"info\"",
            "infos",
            "",
        )],
    },
    Sample {
        tool: "openapi-spec-validator",
        spec: AWKWARD,
        path: "openapi.json",
        beside: &[],
        faults: &[fault(
            "\"openapi\": \"3.1.0\",\n  \"info\"",
            "\"openapi\": \"3.1.0\",\n  \"infos\": {},\n  \"info\"",
            "infos",
            "",
        )],
    },
    Sample {
        tool: "node",
        spec: AWKWARD,
        path: "load/gateway.js",
        beside: &[],
        faults: &[
            fault(
                "\"gateway_server_errors\": [",
                "\"gateway_server_errors\" [",
                "SyntaxError",
                "[slos.no]",
            ),
            // What is no module would take it.
            fault(
                "export const promises",
                "await = 1;\nexport const promises",
                "SyntaxError",
                "",
            ),
        ],
    },
    Sample {
        tool: "sh",
        spec: AWKWARD,
        path: "alertmanager/test-alert.sh",
        beside: &[],
        faults: &[fault("esac\n", "done\n", "yntax error", "[receivers.null]")],
    },
    Sample {
        tool: "sh",
        spec: AWKWARD,
        path: "logs/bootstrap.sh",
        beside: &[],
        faults: &[fault("set -eu\n", "if true; fi\n", "yntax error", "[log]")],
    },
    Sample {
        tool: "VRL",
        spec: AWKWARD,
        path: "logs/shipper.yaml",
        beside: &[],
        faults: &[
            fault(
                "text = to_string(.message) ?? \"\"",
                "text = to_string(.message)",
                "unhandled fallible assignment",
                "[log]",
            ),
            fault(
                "= parse_json(",
                "= parse_jsan(",
                "undefined function",
                "[log]",
            ),
            fault(
                "assert_eq!(.status, 200)",
                "assert_eq!(.status, 201)",
                "200 == 201",
                "[log]",
            ),
        ],
    },
    Sample {
        tool: "VRL",
        spec: AWKWARD,
        path: "logs/indexer.yaml",
        beside: &[],
        faults: &[fault(
            "del(.offset)\n",
            "delete(.offset)\n",
            "undefined function",
            "[log]",
        )],
    },
    Sample {
        tool: "Vector",
        spec: AWKWARD,
        path: "logs/indexer.yaml",
        beside: &[],
        faults: &[fault(
            "inputs: [kafka]",
            "inputs: [kaffka]",
            "`kaffka`, which is not there",
            "[log]",
        )],
    },
    Sample {
        tool: "expat",
        spec: AWKWARD,
        path: "gpu-plan.svg",
        beside: &[],
        faults: &[
            fault("</text>", "</txt>", "mismatched tag", "[gpus.true]"),
            fault(
                "fill=\"none\"",
                "fill=none",
                "not well-formed",
                "[gpus.true]",
            ),
        ],
    },
    Sample {
        tool: "yamllint",
        spec: AWKWARD,
        path: "logs/shipper.yaml",
        beside: &[],
        faults: &[fault(
            "    compression: zstd\n",
            "    compression: zstd\n    compression: gzip\n",
            "duplication of key",
            "[log]",
        )],
    },
    Sample {
        tool: "YAML 1.1 and 1.2",
        spec: AWKWARD,
        path: "prometheus/prometheus.yml",
        beside: &[],
        faults: &[
            fault(
                "upstream: \"null\"",
                "upstream: 1:20",
                "needs quotes",
                "[upstreams.null.engine]",
            ),
            fault(
                "upstream: \"null\"",
                "upstream: [",
                "",
                "[upstreams.null.engine]",
            ),
        ],
    },
    Sample {
        tool: "JSON",
        spec: AWKWARD,
        path: "gpu-plan.json",
        beside: &[],
        faults: &[fault(
            "\"profiles\": [\n",
            "\"profiles\": (\n",
            "expected value",
            "",
        )],
    },
    Sample {
        tool: "CloudWatch",
        spec: AWKWARD,
        path: "cloudwatch/dashboard.json",
        beside: &[],
        faults: &[fault("\"width\":24", "\"width\":25", "24 columns", "")],
    },
    Sample {
        tool: "Kibana",
        spec: AWKWARD,
        path: "logs/kibana.ndjson",
        beside: &[],
        faults: &[fault(
            "\"coreMigrationVersion\"",
            "\"coreMigrationVersionn\"",
            "without `coreMigrationVersion`",
            "",
        )],
    },
    Sample {
        tool: "links",
        spec: AWKWARD,
        path: "prometheus/rules/slos.yml",
        beside: &["runbooks.md"],
        faults: &[
            fault(
                "#gatewayerrorbudgetburn",
                "#gatewayerrorbudget",
                "has no section `#gatewayerrorbudget`",
                "[slos.an-objective",
            ),
            fault(
                "          runbook_url",
                "          runbook",
                "has no `runbook_url`",
                "[slos.an-objective",
            ),
        ],
    },
    Sample {
        tool: "links",
        spec: AWKWARD,
        path: "runbooks.md",
        beside: &[],
        faults: &[fault(
            "(#gatewayfailurerate)",
            "(#gatewayfailures)",
            "leads nowhere",
            "[slos.no]",
        )],
    },
];
