//! A sound file of each kind, and faults that its tool finds: what is written instead of what, and words of the tool.

/// A file as the compiler emits it, in little. The block of each fault comes from `[upstreams.a]`.
pub(crate) struct Sample {
    /// As messages call the tool.
    pub(crate) tool: &'static str,
    /// Below `deploy/sample/`.
    pub(crate) path: &'static str,
    pub(crate) text: &'static str,
    /// Other files that it needs.
    pub(crate) beside: &'static [(&'static str, &'static str)],
    /// A text in it, what to write instead, and a part of what is said then.
    pub(crate) faults: &'static [(&'static str, &'static str, &'static str)],
}

const RULES: &str = "# @generated
groups:
  # [gateway]
  - name: gateway
    rules:
      - record: job:requests:rate5m
        expr: sum(rate(gateway_requests_total[5m]))
  # [upstreams.a]
  - name: upstreams
    rules:
      - alert: UpstreamDown
        expr: up == 0
        annotations:
          summary: '{{ $labels.job }} is down'
";

const BASE: &str = "kubernetes/base/kustomization.yaml";
const KUSTOMIZATION: &str = "# [upstreams.a]
apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization
resources:
  - deployment.yaml
";

const DEPLOYMENT: &str = "# [gateway]
apiVersion: v1
kind: ConfigMap
metadata:
  name: gateway
---
# [upstreams.a]
apiVersion: apps/v1
kind: Deployment
metadata:
  name: gateway
spec:
  replicas: 1
  selector:
    matchLabels:
      app: gateway
  template:
    metadata:
      labels:
        app: gateway
    spec:
      containers:
        - name: gateway
          image: nexus/sample
";

pub(crate) const SAMPLES: &[Sample] = &[
    Sample {
        tool: "promtool",
        path: "prometheus/prometheus.yml",
        text: "# [upstreams.a]
scrape_configs:
  - job_name: sample
    scrape_interval: 15s
",
        beside: &[],
        faults: &[
            (
                "scrape_interval",
                "scrape_intervall",
                "field scrape_intervall not found",
            ),
            ("15s", "soon", "not a valid duration string"),
        ],
    },
    Sample {
        tool: "promtool",
        path: "prometheus/rules/a.yml",
        text: RULES,
        beside: &[],
        faults: &[
            ("up == 0", "up ==", "could not parse expression"),
            ("annotations", "annotationz", "field annotationz not found"),
            ("$labels.job", "$label.job", "undefined variable"),
        ],
    },
    Sample {
        tool: "promtool",
        path: "prometheus/tests/a.yml",
        text: "# @generated
rule_files: [../rules/a.yml]
tests:
  # [upstreams.a]
  - name: down
    interval: 1m
    input_series:
      - series: up{job=\"sample\"}
        values: 0x10
    alert_rule_test:
      - alertname: UpstreamDown
        eval_time: 5m
        exp_alerts:
          - exp_labels:
              job: sample
            exp_annotations:
              summary: sample is down
",
        beside: &[("prometheus/rules/a.yml", RULES)],
        faults: &[
            (
                "sample is down",
                "sample is up",
                "the test fails: name: down alertname: UpstreamDown",
            ),
            ("0x10", "1x10", "got:[]"),
        ],
    },
    Sample {
        tool: "amtool",
        path: "alertmanager/alertmanager.yml",
        text: "# @generated
route:
  receiver: web
receivers:
  # [upstreams.a]
  - name: web
    webhook_configs:
      - url: http://127.0.0.1:9
",
        beside: &[],
        faults: &[
            (
                "webhook_configs",
                "webhook_configz",
                "field webhook_configz not found",
            ),
            ("http://127", "htp://127", "unsupported scheme"),
        ],
    },
    Sample {
        tool: "docker compose",
        path: "compose.yaml",
        text: "# @generated
name: sample
services:
  # [gateway]
  gateway:
    image: nexus/sample:${NEXUS_TAG:?which version}
  # [upstreams.a]
  vllm:
    image: vllm/vllm-openai
    depends_on:
      - gateway
    read_only: true
    profiles: [phase-1]
",
        beside: &[(
            "overlays/staging/compose.yaml",
            "# [gateway]\nservices:\n  gateway:\n    restart: always\n",
        )],
        faults: &[
            ("read_only", "read_onlyy", "read_onlyy"),
            ("- gateway", "- redis", "depends on undefined service"),
            (
                "read_only: true",
                "restart: [1]",
                "restart must be a string",
            ),
        ],
    },
    Sample {
        tool: "docker compose",
        path: "overlays/staging/compose.yaml",
        text: "# [upstreams.a]
services:
  gateway:
    restart: always
",
        beside: &[(
            "compose.yaml",
            "services:\n  gateway:\n    image: nexus/sample\n",
        )],
        faults: &[("restart", "restrat", "restrat")],
    },
    Sample {
        tool: "hadolint",
        path: "Dockerfile",
        text: "# [upstreams.a]
FROM debian:13-slim
USER 65532:65532
",
        beside: &[],
        faults: &[
            ("FROM debian:13-slim", "FROM debian", "DL3006"),
            ("USER", "USERR", "DL1000"),
        ],
    },
    Sample {
        tool: "kustomize",
        path: BASE,
        text: KUSTOMIZATION,
        beside: &[("kubernetes/base/deployment.yaml", DEPLOYMENT)],
        faults: &[
            ("deployment.yaml", "deploy.yaml", "deploy.yaml"),
            ("resources", "resourcez", "resourcez"),
        ],
    },
    Sample {
        tool: "kubernetes-validate",
        path: "kubernetes/base/deployment.yaml",
        text: DEPLOYMENT,
        beside: &[(BASE, KUSTOMIZATION)],
        faults: &[
            ("replicas: 1", "replica: 1", "replica"),
            ("replicas: 1", "replicas: two", "is not of type"),
            ("image: nexus", "img: nexus", "img"),
        ],
    },
    Sample {
        tool: "nginx",
        path: "nginx/nginx.conf",
        text: "# @generated
events {}
http {
    # [upstreams.a]
    server {
        listen 8443 ssl;
        http2 on;
        ssl_certificate /run/secrets/tls.crt;
        ssl_certificate_key /run/secrets/tls.key;
        proxy_buffering off;
    }
}
",
        beside: &[],
        faults: &[
            ("proxy_buffering", "proxy_bufering", "unknown directive"),
            ("off;", "never;", "invalid value"),
        ],
    },
    Sample {
        tool: "systemd-analyze",
        path: "systemd/sample@.service",
        text: "# @generated
[Unit]
Description=sample

# [upstreams.a]
[Service]
ExecStart=/opt/%i/sample
Restart=always
DynamicUser=yes
NoNewPrivileges=yes
CapabilityBoundingSet=
AmbientCapabilities=
ProtectSystem=strict
ProtectHome=yes
PrivateDevices=yes
PrivateUsers=yes
ProtectClock=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
ProtectControlGroups=yes
ProtectProc=invisible
ProcSubset=pid
RestrictAddressFamilies=AF_INET AF_INET6
RestrictNamespaces=yes
RestrictRealtime=yes
LockPersonality=yes
MemoryDenyWriteExecute=yes
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallFilter=~@privileged @resources
UMask=0077
",
        beside: &[],
        faults: &[
            ("LockPersonality", "LockPersonalty", "Unknown key"),
            ("Restart=always", "Restart=sometimes", "sometimes"),
        ],
    },
    Sample {
        tool: "redocly",
        path: "openapi.json",
        text: OPENAPI,
        beside: &[],
        faults: &[("\"responses\"", "\"responsez\"", "responsez")],
    },
    Sample {
        tool: "openapi-spec-validator",
        path: "openapi.json",
        text: OPENAPI,
        beside: &[],
        faults: &[("\"responses\"", "\"responsez\"", "responsez")],
    },
    Sample {
        tool: "grafana-foundation-sdk",
        path: "grafana/dashboards/a.json",
        text: DASHBOARD,
        beside: &[],
        faults: &[
            ("gridPos", "gridPoz", "Grafana has no such field"),
            ("\"unit\"", "\"unitt\"", "Grafana has no such field"),
            ("\"expr\"", "\"exprr\"", "Grafana has no such field"),
        ],
    },
    Sample {
        tool: "node",
        path: "load/smoke.js",
        text: "// @generated
import http from \"k6/http\";

// [upstreams.a]
export default function () {
  http.get(\"http://127.0.0.1:8080/health\");
}
",
        beside: &[],
        faults: &[("http.get(", "http.get((", "SyntaxError")],
    },
    Sample {
        tool: "sh",
        path: "alertmanager/test-alert.sh",
        text: "#!/bin/sh
# [upstreams.a]
if true; then
    echo yes
fi
",
        beside: &[],
        faults: &[("fi\n", "done\n", "yntax error")],
    },
    Sample {
        tool: "promtool",
        path: "grafana/dashboards/a.json",
        text: DASHBOARD,
        beside: &[],
        faults: &[("\"up\"", "\"up[\"", "could not parse expression")],
    },
    Sample {
        tool: "yamllint",
        path: "logs/a.yaml",
        text: YAML,
        beside: &[],
        faults: &[("b: 2", "a: 2", "duplication of key")],
    },
    Sample {
        tool: "YAML 1.1 and 1.2",
        path: "logs/a.yaml",
        text: YAML,
        beside: &[],
        faults: &[("b: 2", "b: 1:20", "needs quotes"), ("b: 2", "b: [", "")],
    },
    Sample {
        tool: "JSON",
        path: "a.json",
        text: "{\n  \"from\": \"[upstreams.a]\",\n  \"a\": 1\n}\n",
        beside: &[],
        faults: &[("\"a\": 1", "\"a\": one", "expected value")],
    },
    Sample {
        tool: "CloudWatch",
        path: "cloudwatch/dashboard.json",
        text: r#"{
  "widgets": [
    {
      "type": "metric",
      "x": 0,
      "y": 0,
      "width": 12,
      "height": 6,
      "properties": {
        "title": "[upstreams.a] requests",
        "region": "eu-central-1",
        "metrics": [["Nexus", "requests", "model", "chat"]]
      }
    }
  ]
}
"#,
        beside: &[],
        faults: &[
            ("\"width\": 12", "\"width\": 25", "24 columns"),
            ("\"region\"", "\"regio\"", "no `region`"),
        ],
    },
    Sample {
        tool: "Kibana",
        path: "logs/kibana.ndjson",
        text: r#"{"type":"index-pattern","id":"logs","attributes":{"title":"[upstreams.a] logs"},"coreMigrationVersion":"8.8.0","typeMigrationVersion":"8.0.0","references":[]}
"#,
        beside: &[],
        faults: &[("\"id\"", "\"di\"", "an object has")],
    },
];

const YAML: &str = "---
# [upstreams.a]
a: 1
b: 2
";

const DASHBOARD: &str = r#"{
  "title": "sample",
  "uid": "sample",
  "panels": [
    {
      "type": "timeseries",
      "title": "requests",
      "description": "[upstreams.a]",
      "gridPos": { "h": 8, "w": 12, "x": 0, "y": 0 },
      "fieldConfig": { "defaults": { "unit": "s" }, "overrides": [] },
      "targets": [
        {
          "refId": "A",
          "datasource": { "type": "prometheus", "uid": "p" },
          "expr": "up"
        }
      ]
    }
  ]
}
"#;

const OPENAPI: &str = r#"{
  "openapi": "3.1.0",
  "info": { "title": "sample", "version": "1" },
  "paths": {
    "/health": {
      "get": {
        "summary": "[upstreams.a]",
        "responses": { "200": { "description": "it runs" } }
      }
    }
  }
}
"#;
