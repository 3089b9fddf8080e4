//! TLS in both directions: who is let in, who is believed, and certificates that change while requests are served.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use end_to_end::{Dataplane, Metrics, Start, patiently};
use fake_model::server::{FakeModel, Rule};
use hyper::{Request, StatusCode, Version};
use rustls::ClientConfig;
use serde_json::Value;
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;

use crate::pki::{Authority, Folder, Identity, TlsFront, client, shake_hands};
use crate::wire::{Wire, chat, chat_stream, text};

const KEY: &str = "app-secret-1234567890";

/// The authorities of a deployment, and the files of its gateway.
struct Deployment {
    /// Issues the gateway's certificate.
    front: Authority,
    /// Issues those of clients.
    clients: Authority,
    /// Issues those of upstreams, and the one that the gateway shows them.
    inner: Authority,
    folder: Folder,
}

impl Deployment {
    fn new() -> Self {
        let deployment = Self {
            front: Authority::new(),
            clients: Authority::new(),
            inner: Authority::new(),
            folder: Folder::new(),
        };
        deployment.publish_gateway(&deployment.front.issue("gateway.test"));
        deployment.publish_upstream(&deployment.inner.issue("gateway"));
        deployment
    }

    fn publish_gateway(&self, identity: &Identity) {
        self.folder.publish(
            "gateway",
            &[
                ("tls.crt", &identity.certificate),
                ("tls.key", &identity.key),
                ("ca.crt", &self.clients.pem),
            ],
        );
    }

    fn publish_upstream(&self, identity: &Identity) {
        self.folder.publish(
            "upstream",
            &[
                ("tls.crt", &identity.certificate),
                ("tls.key", &identity.key),
                ("ca.crt", &self.inner.pem),
            ],
        );
    }

    fn start(&self) -> Start {
        Start::of("tls")
            .directory(self.folder.path())
            .env("KEY_APP", KEY)
            .env("NEXUS_LOG_LEVEL", "debug")
    }

    /// A client that is let in, and prefers these protocols.
    fn client(&self, protocols: &[&str]) -> ClientConfig {
        let identity = self.clients.issue("a client");
        client(&self.front, Some(&identity), protocols)
    }

    /// A connection of such a client.
    async fn connect(&self, dataplane: &Dataplane) -> Wire {
        let stream = TcpStream::connect(dataplane.address()).await.unwrap();
        let stream = shake_hands(self.client(&["http/1.1"]), stream).await;
        Wire::one(stream.unwrap()).await
    }

    async fn metrics(&self, dataplane: &Dataplane) -> Metrics {
        let request = Request::get("/metrics").body(Default::default()).unwrap();
        let response = self.connect(dataplane).await.send(request).await;
        Metrics::parse(&text(response.unwrap()).await)
    }
}

/// A model behind TLS, and the gateway of `deployment` in front of it as `upstream`.
async fn behind(
    deployment: &Deployment,
    upstream: &str,
    shown: &Identity,
    wanted: Option<&Authority>,
) -> (FakeModel, TlsFront, Dataplane) {
    let model = FakeModel::start().await.unwrap();
    let front = TlsFront::start(model.address(), shown, wanted).await;
    let start = deployment.start().upstream_url(upstream, front.url());
    let dataplane = start.start().await;
    (model, front, dataplane)
}

/// What a chat request for `model` is answered.
async fn asked(
    deployment: &Deployment,
    dataplane: &Dataplane,
    model: &str,
) -> (StatusCode, String) {
    let mut wire = deployment.connect(dataplane).await;
    let response = wire.send(chat(KEY, model)).await.unwrap();
    (response.status(), text(response).await)
}

#[tokio::test]
async fn whoever_shows_another_certificate_is_not_this_gateway() {
    let deployment = Deployment::new();
    let shown = deployment.inner.issue("127.0.0.1");
    let (_model, _front, dataplane) = behind(&deployment, "mutual", &shown, None).await;
    let address = dataplane.address().to_string();
    let health = async |deployment: &Deployment| {
        let start = deployment.start().env("NEXUS_LISTEN", &address);
        start.run(&["--health"]).await.status.code()
    };
    // It asks for a certificate of clients, which it can do only while it works.
    assert_eq!(health(&deployment).await, Some(0));
    assert_eq!(health(&Deployment::new()).await, Some(1));
}

#[tokio::test]
async fn a_client_speaks_the_protocol_that_it_asks_for() {
    let deployment = Deployment::new();
    let shown = deployment.inner.issue("127.0.0.1");
    let (model, _front, dataplane) = behind(&deployment, "mutual", &shown, None).await;
    for (protocols, version) in [
        (&["h2", "http/1.1"][..], Version::HTTP_2),
        (&["http/1.1"], Version::HTTP_11),
        (&[], Version::HTTP_11),
    ] {
        let stream = TcpStream::connect(dataplane.address()).await.unwrap();
        let stream = shake_hands(deployment.client(protocols), stream)
            .await
            .unwrap();
        let mut wire = match version {
            Version::HTTP_2 => Wire::two(stream, 1 << 16).await,
            _ => Wire::one(stream).await,
        };
        model.script([Rule::stream(["data: one\n\n", "data: [DONE]\n\n"])]);
        let response = wire.send(chat_stream(KEY, "mutual")).await.unwrap();
        assert_eq!(
            (response.status(), response.version()),
            (StatusCode::OK, version)
        );
        assert_eq!(text(response).await, "data: one\n\ndata: [DONE]\n\n");
    }
}

#[tokio::test]
async fn spans_tell_that_the_request_came_encrypted() {
    let (deployment, collector) = (Deployment::new(), FakeModel::start().await.unwrap());
    collector.script([Rule::respond(200, "{}")]);
    let start = deployment.start();
    let start = start.env("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url());
    let dataplane = start.start().await;
    asked(&deployment, &dataplane, "named").await;
    let sent = collector.wait_for_requests(1).await;
    let spans = String::from_utf8_lossy(sent[0].body.as_bytes()).into_owned();
    let scheme = r#"{"key":"url.scheme","value":{"stringValue":"https"}}"#;
    assert!(spans.contains(scheme), "{spans}");
}

#[tokio::test]
async fn a_session_is_resumed() {
    let deployment = Deployment::new();
    let dataplane = deployment.start().start().await;
    let configuration = deployment.client(&["http/1.1"]);
    for resumed in [rustls::HandshakeKind::Full, rustls::HandshakeKind::Resumed] {
        let stream = TcpStream::connect(dataplane.address()).await.unwrap();
        let mut stream = shake_hands(configuration.clone(), stream).await.unwrap();
        assert_eq!(stream.get_ref().1.handshake_kind(), Some(resumed));
        // The ticket comes with the first answer.
        tokio::io::AsyncWriteExt::write_all(&mut stream, b"GET /ready HTTP/1.0\r\n\r\n")
            .await
            .unwrap();
        let mut answer = Vec::new();
        patiently("an answer", stream.read_to_end(&mut answer))
            .await
            .unwrap();
        assert!(answer.starts_with(b"HTTP/1.0 200"));
    }
}

#[tokio::test]
async fn a_client_without_a_certificate_of_the_authority_is_not_let_in() {
    let deployment = Deployment::new();
    let dataplane = deployment.start().start().await;
    let stranger = Authority::new().issue("a stranger");
    let configurations = [
        client(&deployment.front, None, &["http/1.1"]),
        client(&deployment.front, Some(&stranger), &["http/1.1"]),
    ];
    for configuration in configurations {
        let stream = TcpStream::connect(dataplane.address()).await.unwrap();
        // In TLS 1.3 the client learns what the server thinks of its certificate when it first reads.
        if let Ok(mut stream) = shake_hands(configuration, stream).await {
            let read = patiently("a refusal", stream.read(&mut [0; 16])).await;
            assert!(matches!(read, Err(_) | Ok(0)), "{read:?}");
        }
    }
    let refused = |line: &Value| {
        line["message"]
            .as_str()
            .is_some_and(|text| text.starts_with("no TLS"))
    };
    // The clients hear of it before it is counted, and then logged.
    dataplane.log().wait_for_many(2, refused).await;
    let metrics = deployment.metrics(&dataplane).await;
    assert!((metrics.value("gateway_tls_handshakes_failed_total") - 2.0).abs() < 1e-9);
}

#[tokio::test]
async fn a_handshake_that_stalls_ends_and_holds_up_nobody() {
    let deployment = Deployment::new();
    let dataplane = deployment.start().env("NEXUS_WORKERS", "1").start().await;
    let mut stalled = TcpStream::connect(dataplane.address()).await.unwrap();
    let mut plain = dataplane.connect().await;
    plain
        .write(b"GET /ready HTTP/1.1\r\nhost: gateway.test\r\n\r\n")
        .await;
    plain.wait_for_close().await;
    deployment.metrics(&dataplane).await;
    let read = patiently("the end", stalled.read(&mut [0; 16])).await;
    assert!(matches!(read, Err(_) | Ok(0)), "{read:?}");
}

#[tokio::test]
async fn an_upstream_and_the_gateway_show_each_other_who_they_are() {
    let deployment = Deployment::new();
    let shown = deployment.inner.issue("127.0.0.1");
    let wanted = Some(&deployment.inner);
    let (model, _front, dataplane) = behind(&deployment, "mutual", &shown, wanted).await;
    let (status, text) = asked(&deployment, &dataplane, "mutual").await;
    assert_eq!(status, StatusCode::OK, "{text}");
    let is_chat = |path: &str| path == "/v1/chat/completions";
    assert!(
        model
            .received()
            .iter()
            .any(|received| is_chat(&received.path))
    );
    // Health checks go the same way.
    model.script([Rule::respond(200, "ok")]);
    let healthy = async {
        loop {
            let metrics = deployment.metrics(&dataplane).await;
            let checked = model
                .received()
                .iter()
                .any(|received| received.path == "/health");
            if checked && metrics.value("gateway_upstream_healthy{upstream=\"mutual\"}") > 0.5 {
                break;
            }
        }
    };
    patiently("a good health check", healthy).await;
}

#[tokio::test]
async fn an_upstream_that_shows_the_wrong_certificate_is_not_believed() {
    let deployment = Deployment::new();
    let stranger = Authority::new();
    for (upstream, shown) in [
        ("mutual", stranger.issue("127.0.0.1")),
        ("mutual", deployment.inner.issue("another.internal")),
        ("mutual", deployment.inner.issue_until("127.0.0.1", 2020)),
        ("named", deployment.inner.issue("127.0.0.1")),
        ("public", deployment.inner.issue("127.0.0.1")),
    ] {
        let (model, _front, dataplane) = behind(&deployment, upstream, &shown, None).await;
        let (status, text) = asked(&deployment, &dataplane, upstream).await;
        assert_eq!(status, StatusCode::BAD_GATEWAY, "{upstream}");
        assert!(text.contains("TLS"), "{text}");
        assert!(model.received().is_empty());
    }
}

#[tokio::test]
async fn an_upstream_that_does_not_believe_the_gateway_is_an_upstream_that_failed() {
    let deployment = Deployment::new();
    let shown = deployment.inner.issue("127.0.0.1");
    let stranger = Authority::new();
    let (model, _front, dataplane) = behind(&deployment, "mutual", &shown, Some(&stranger)).await;
    let (status, _) = asked(&deployment, &dataplane, "mutual").await;
    assert_eq!(status, StatusCode::BAD_GATEWAY);
    assert!(model.received().is_empty());
}

#[tokio::test]
async fn an_upstream_may_have_another_name_than_its_address() {
    let deployment = Deployment::new();
    let shown = deployment.inner.issue("model.internal");
    let (_model, _front, dataplane) = behind(&deployment, "named", &shown, None).await;
    let (status, text) = asked(&deployment, &dataplane, "named").await;
    assert_eq!(status, StatusCode::OK, "{text}");
}

/// Waits for the log to say what came of a change.
async fn told(dataplane: &Dataplane, level: &str, upstream: Option<&str>, count: usize) {
    let is_it = |line: &Value| {
        line["logger"] == "nexus.tls"
            && line["level"] == level
            && line["upstream"].as_str() == upstream
    };
    dataplane.log().wait_for_many(count, is_it).await;
}

#[tokio::test]
async fn certificates_change_without_a_failed_request() {
    let deployment = Arc::new(Deployment::new());
    let shown = deployment.inner.issue("127.0.0.1");
    let wanted = Some(&deployment.inner);
    let (_model, _front, dataplane) = behind(&deployment, "mutual", &shown, wanted).await;
    let dataplane = Arc::new(dataplane);
    let (stop, served) = (
        Arc::new(AtomicBool::new(false)),
        Arc::new(AtomicU32::new(0)),
    );
    let traffic = tokio::spawn({
        let (deployment, dataplane) = (Arc::clone(&deployment), Arc::clone(&dataplane));
        let (stop, served) = (Arc::clone(&stop), Arc::clone(&served));
        async move {
            let mut kept = deployment.connect(&dataplane).await;
            while !stop.load(Ordering::Relaxed) {
                let response = kept.send(chat(KEY, "mutual")).await.unwrap();
                assert_eq!(response.status(), StatusCode::OK);
                text(response).await;
                let (status, _) = asked(&deployment, &dataplane, "mutual").await;
                assert_eq!(status, StatusCode::OK);
                served.fetch_add(1, Ordering::Relaxed);
            }
        }
    });
    for round in 1..=3 {
        let identity = deployment
            .front
            .issue_until("gateway.test", 2040 + i32::try_from(round).unwrap());
        deployment.publish_gateway(&identity);
        deployment.publish_upstream(&deployment.inner.issue("gateway"));
        dataplane.reload().await;
        told(&dataplane, "info", None, round).await;
        told(&dataplane, "info", Some("mutual"), round).await;
        let before = served.load(Ordering::Relaxed);
        let more = async {
            while served.load(Ordering::Relaxed) < before + 3 {
                assert!(!traffic.is_finished(), "a request failed");
                tokio::task::yield_now().await;
            }
        };
        patiently("requests after a change", more).await;
    }
    stop.store(true, Ordering::Relaxed);
    traffic.await.unwrap();
    let metrics = deployment.metrics(&dataplane).await;
    let of_2043 = 2_303_683_200.0;
    let expiry = "gateway_tls_certificate_expiry_seconds{shown_to=\"clients\",upstream=\"\"}";
    assert!(
        (metrics.value(expiry) - of_2043).abs() < 1e-9,
        "{}",
        metrics.text()
    );
    // That of clients, and those of the upstreams `mutual` and `named`, whose authority stayed the same.
    assert!(metrics.value("gateway_tls_renewals_total{result=\"renewed\"}") >= 6.0);
    assert!(metrics.value("gateway_tls_renewals_total{result=\"failed\"}") < 1e-9);
}

#[tokio::test]
async fn files_that_change_are_noticed_without_a_signal() {
    let mut deployment = Deployment::new();
    let dataplane = deployment.start().start().await;
    let other = Authority::new();
    deployment.publish_gateway(&other.issue("gateway.test"));
    told(&dataplane, "info", None, 1).await;
    let stream = TcpStream::connect(dataplane.address()).await.unwrap();
    let refused = shake_hands(deployment.client(&[]), stream).await;
    assert!(refused.is_err(), "the old certificate is still shown");
    deployment.front = other;
    deployment.connect(&dataplane).await;
}

#[tokio::test]
async fn a_client_whose_authority_is_gone_is_not_let_in_by_an_old_session() {
    let mut deployment = Deployment::new();
    let dataplane = deployment.start().start().await;
    let configuration = deployment.client(&["http/1.1"]);
    let get = async |configuration| {
        let stream = TcpStream::connect(dataplane.address()).await.unwrap();
        let mut stream = shake_hands(configuration, stream).await?;
        tokio::io::AsyncWriteExt::write_all(&mut stream, b"GET /ready HTTP/1.0\r\n\r\n").await?;
        let mut answer = Vec::new();
        patiently("an answer", stream.read_to_end(&mut answer)).await?;
        std::io::Result::Ok(answer)
    };
    assert!(
        get(configuration.clone())
            .await
            .unwrap()
            .starts_with(b"HTTP/1.0 200")
    );
    deployment.clients = Authority::new();
    deployment.publish_gateway(&deployment.front.issue("gateway.test"));
    dataplane.reload().await;
    told(&dataplane, "info", None, 1).await;
    let answer = get(configuration).await;
    assert!(answer.is_err() || answer.is_ok_and(|answer| answer.is_empty()));
    let new = get(deployment.client(&["http/1.1"])).await.unwrap();
    assert!(new.starts_with(b"HTTP/1.0 200"));
}

#[tokio::test]
async fn what_does_not_fit_leaves_the_old_certificate_in_place() {
    let deployment = Deployment::new();
    let dataplane = deployment.start().start().await;
    let (one, another) = (
        deployment.front.issue("gateway.test"),
        deployment.front.issue("gateway.test"),
    );
    let mixed = Identity {
        certificate: one.certificate.clone(),
        key: another.key,
    };
    let expired = deployment.front.issue_until("gateway.test", 2020);
    for (count, identity) in [mixed, expired].iter().enumerate() {
        deployment.publish_gateway(identity);
        dataplane.reload().await;
        told(&dataplane, "error", None, count + 1).await;
        deployment.connect(&dataplane).await;
    }
    let metrics = deployment.metrics(&dataplane).await;
    assert!((metrics.value("gateway_tls_renewals_total{result=\"failed\"}") - 2.0).abs() < 1e-9);
    let lines = dataplane.log().lines();
    let messages: Vec<_> = lines
        .iter()
        .filter_map(|line| line["message"].as_str())
        .collect();
    let said = |text: &str| messages.iter().any(|message| message.contains(text));
    assert!(said("does not belong to the certificate"), "{messages:?}");
    assert!(
        said("has expired at 2020-01-01T00:00:00.000Z"),
        "{messages:?}"
    );
    assert!(!format!("{messages:?}").contains("PRIVATE KEY"));
    // The next pair is taken.
    deployment.publish_gateway(&one);
    dataplane.reload().await;
    told(&dataplane, "info", None, 1).await;
}

#[tokio::test]
async fn files_that_cannot_be_used_stop_the_start_and_are_listed_together() {
    let deployment = Deployment::new();
    let other = deployment.front.issue("gateway.test");
    let identity = Identity {
        certificate: deployment.front.issue("gateway.test").certificate,
        key: other.key,
    };
    deployment.publish_gateway(&identity);
    deployment.folder.publish(
        "upstream",
        &[
            ("tls.crt", "no certificate"),
            ("ca.crt", &deployment.inner.pem),
        ],
    );
    for arguments in [&[][..], &["--check"]] {
        let start = deployment
            .start()
            .upstream_url("mutual", "http://127.0.0.1:1");
        let output = start.run(arguments).await;
        assert_eq!(output.status.code(), Some(1));
        let report = String::from_utf8(output.stderr).unwrap();
        for problem in [
            "/gateway/tls.key: the private key does not belong to the certificate in",
            "/upstream/tls.key: cannot be read: there is no such file (TLS to an upstream)",
            "UPSTREAM_MUTUAL_URL: must begin with `https://`",
        ] {
            assert!(report.contains(problem), "{problem} in {report}");
        }
        assert!(!report.contains("BEGIN"), "{report}");
    }
    deployment.publish_gateway(&deployment.front.issue_until("gateway.test", 2020));
    let report = deployment.start().run(&["--check"]).await.stderr;
    let report = String::from_utf8(report).unwrap();
    assert!(report.contains("has expired at 2020-01-01"), "{report}");
}
