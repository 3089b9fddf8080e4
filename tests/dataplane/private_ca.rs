//! An issuer of tokens and a store whose certificates are of an authority of one's own.

use end_to_end::{Dataplane, Redis, Request, Start, patiently};
use fake_model::server::FakeModel;
use serde_json::Value;

use crate::jwks::{Signer, ask, publish};
use crate::pki::{Authority, Folder, Identity, TlsFront};

const WEB: &str = "web-secret-1234567890";

/// The gateway of `tests/specs/private-ca.toml`, among neighbours that speak TLS.
struct Scene {
    inner: Authority,
    folder: Folder,
    issuer: FakeModel,
    redis: Redis,
    model: FakeModel,
}

impl Scene {
    async fn new() -> Self {
        let scene = Self {
            inner: Authority::new(),
            folder: Folder::new(),
            issuer: FakeModel::start().await.unwrap(),
            redis: Redis::start().await,
            model: FakeModel::start().await.unwrap(),
        };
        scene.put(&scene.inner, &scene.inner.issue("gateway"));
        scene
    }

    /// Puts what the gateway believes and shows where it finds it.
    fn put(&self, authority: &Authority, identity: &Identity) {
        let files = [
            ("ca.crt", authority.pem.as_str()),
            ("tls.crt", &identity.certificate),
            ("tls.key", &identity.key),
        ];
        self.folder.publish("inner", &files);
    }

    /// TLS before the issuer, with a certificate of this authority.
    async fn issuer(&self, authority: &Authority) -> TlsFront {
        TlsFront::start(self.issuer.address(), &authority.issue("127.0.0.1"), None).await
    }

    /// TLS before Redis, with a certificate for this name, for those whom this authority knows.
    async fn store(&self, name: &str, clients: &Authority) -> TlsFront {
        let shown = self.inner.issue(name);
        TlsFront::start(self.redis.address(), &shown, Some(clients)).await
    }

    fn start(&self, issuer: &TlsFront, redis: &str) -> Start {
        Start::of("private-ca")
            .directory(self.folder.path())
            .env("KEY_WEB", WEB)
            .env("NEXUS_JWKS_URL", format!("{}/keys", issuer.url()))
            .env("REDIS_URL", redis)
            .env("NEXUS_LOG_LEVEL", "debug")
            .upstream("vllm", &self.model)
    }

    fn url(&self, front: &TlsFront) -> String {
        let address = self.redis.address().to_string();
        let url = self.redis.url().replace("redis://", "rediss://");
        url.replace(&address, &front.address().to_string())
    }
}

async fn wait_for_line(dataplane: &Dataplane, part: &str) {
    dataplane.log().wait_for(|line| holds(line, part)).await;
}

fn holds(line: &Value, part: &str) -> bool {
    line["message"].as_str().unwrap().contains(part)
}

#[tokio::test]
async fn an_issuer_is_believed_by_its_own_authority_alone() {
    let (scene, a) = (Scene::new().await, Signer::new("a"));
    publish(&scene.issuer, &[a.published()]);
    let (known, unknown) = (
        scene.issuer(&scene.inner).await,
        scene.issuer(&Authority::new()).await,
    );
    let store = scene.store("redis.internal", &scene.inner).await;
    let url = scene.url(&store);
    let dataplane = scene.start(&known, &url).start().await;
    assert_eq!(ask(&dataplane, &a.token()).await.status, 200);
    let dataplane = scene.start(&unknown, &url).start().await;
    wait_for_line(&dataplane, "the issuer does not give its keys").await;
    assert_eq!(ask(&dataplane, &a.token()).await.status, 503);
}

#[tokio::test]
async fn the_authority_of_an_issuer_may_change_while_the_gateway_runs() {
    let (scene, a) = (Scene::new().await, Signer::new("a"));
    publish(&scene.issuer, &[a.published()]);
    let other = Authority::new();
    let issuer = scene.issuer(&other).await;
    let store = scene.store("redis.internal", &scene.inner).await;
    let dataplane = scene.start(&issuer, &scene.url(&store)).start().await;
    wait_for_line(&dataplane, "the issuer does not give its keys").await;
    scene.put(&other, &scene.inner.issue("gateway"));
    wait_for_line(
        &dataplane,
        "the authorities of the issuer of tokens: renewed",
    )
    .await;
    wait_for_line(&dataplane, "the issuer gave its keys: 1").await;
    assert_eq!(ask(&dataplane, &a.token()).await.status, 200);
}

#[tokio::test]
async fn replicas_count_together_in_a_redis_behind_mutual_tls() {
    let scene = Scene::new().await;
    let issuer = scene.issuer(&scene.inner).await;
    let store = scene.store("redis.internal", &scene.inner).await;
    let url = scene.url(&store);
    let replicas = [
        scene.start(&issuer, &url).start().await,
        scene.start(&issuer, &url).start().await,
    ];
    for replica in &replicas {
        let up = async { while replica.metrics().await.value("gateway_store_up") < 0.5 {} };
        patiently("the store to be there", up).await;
    }
    let mut statuses = Vec::new();
    for replica in replicas.iter().cycle().take(6) {
        let response = replica.send(&Request::chat("chat").key(WEB)).await;
        statuses.push(response.status);
    }
    assert_eq!(statuses, [200, 200, 200, 429, 429, 429]);
    let metrics = replicas[0].metrics().await;
    assert!((metrics.value("gateway_store_up") - 1.0).abs() < 0.1);
    let shown = "gateway_tls_certificate_expiry_seconds{shown_to=\"store\",upstream=\"\"}";
    assert!(metrics.value(shown) > 1e9);
}

#[tokio::test]
async fn a_redis_that_is_somebody_else_or_knows_nobody_is_away() {
    let scene = Scene::new().await;
    let issuer = scene.issuer(&scene.inner).await;
    for (store, reason) in [
        (
            scene.store("somebody.else", &scene.inner).await,
            "away: it comes to no agreement on TLS",
        ),
        // TLS 1.3 has the server look at the client's certificate after the client thinks that all is well.
        (
            scene.store("redis.internal", &Authority::new()).await,
            "away: the connection broke",
        ),
    ] {
        let dataplane = loop {
            let dataplane = scene.start(&issuer, &scene.url(&store)).start().await;
            wait_for_line(&dataplane, "away: ").await;
            let lines = dataplane.log().lines();
            let says = |text: &str| lines.iter().any(|line| holds(line, text));
            // Which is what a machine that stalls makes of it.
            if !says("away: it does not answer within") {
                assert!(says(reason), "{reason}: {lines:#?}");
                break dataplane;
            }
        };
        let refused = dataplane.send(&Request::chat("chat").key(WEB)).await;
        assert_eq!(refused.status, 503);
    }
}

#[tokio::test]
async fn an_address_without_encryption_stops_the_start_where_an_authority_is_set() {
    let scene = Scene::new().await;
    let issuer = scene.issuer(&scene.inner).await;
    let url = scene.redis.url();
    let start = scene.start(&issuer, &url);
    let start = start.env("NEXUS_JWKS_URL", format!("{}/keys", scene.issuer.url()));
    let output = start.run(&["--check"]).await;
    let errors = String::from_utf8(output.stderr).unwrap();
    for problem in [
        "NEXUS_JWKS_URL: must begin with `https://`",
        "REDIS_URL: must begin with `rediss://`",
    ] {
        assert!(errors.contains(problem), "{errors}");
    }
    assert!(!errors.contains("password"), "{errors}");
}
