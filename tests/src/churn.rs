//! Requests of all kinds, again and again: what they leave behind in the dataplane's memory.

use std::process::Stdio;

use fake_model::server::{Ending, FakeModel, Rule};

use crate::client::{Connection, Request};
use crate::dataplane::{Dataplane, Start};

const KEY: &str = "churn-secret-1234567890";

/// The requests of a round.
pub const REQUESTS: u64 = 12;

/// How many rounds the model keeps in mind what it has received.
const MEMORY: u64 = 100;

/// How many requests are told apart by their `Idempotency-Key`: their answers are kept.
const REPEATED: u64 = 64;

/// The dataplane of `tests/specs/speed.toml`, which has nearly every policy, and its model. All upstreams are
/// one server: chats are answered, streams of completions break off, and embeddings fail.
#[derive(Debug)]
pub struct Churn {
    dataplane: Dataplane,
    model: FakeModel,
    kept: Connection,
    rounds: u64,
}

impl Churn {
    /// Starts both; the log goes nowhere.
    ///
    /// # Panics
    /// When they do not come up.
    pub async fn start() -> Self {
        let model = FakeModel::start().await.expect("there is a free port");
        let start = Start::of("speed")
            .upstream("chat-a", &model)
            .upstream("chat-b", &model)
            .upstream("small", &model)
            .env("KEY_WEB", KEY)
            .env("KEY_OPS", "another-secret-1234567890")
            .env("FORBIDDEN_WORDS", "unmentionable");
        let dataplane = start.start_unheard(Stdio::null()).await;
        let kept = dataplane.connect().await;
        Self {
            dataplane,
            model,
            kept,
            rounds: 0,
        }
    }

    /// The dataplane.
    pub fn dataplane(&self) -> &Dataplane {
        &self.dataplane
    }

    /// Sends one request of each kind.
    ///
    /// # Panics
    /// When one of them is not answered as its kind is.
    pub async fn round(&mut self) {
        if self.rounds.is_multiple_of(MEMORY) {
            self.model.reset();
            let breaks_off = Rule::stream(["data: {}\n\n"]).ending(Ending::Reset);
            self.model.script([
                on("/v1/completions", breaks_off),
                on("/v1/embeddings", Rule::respond(500, "{}")),
            ]);
        }
        self.rounds += 1;
        self.kept(Request::chat("chat").key(KEY), 200, "You said")
            .await;
        self.kept(Request::chat_stream("chat").key(KEY), 200, "[DONE]")
            .await;
        let repeated = format!("key-{}", self.rounds % REPEATED);
        let repeated = Request::chat("small").header("idempotency-key", &repeated);
        self.kept(repeated.key(KEY), 200, "You said").await;
        let completion = r#"{"model":"chat","prompt":"Hello","stream":true}"#;
        let completion = Request::post("/v1/completions", completion).key(KEY);
        self.kept(completion, 200, "\"error\"").await;
        self.kept(Request::chat("chat").key(KEY), 200, "You said")
            .await;
        let embedding = r#"{"model":"chat","input":"Hello"}"#;
        let embedding = Request::post("/v1/embeddings", embedding).key(KEY);
        self.kept(embedding, 502, "chat-a").await;
        self.kept(
            Request::chat("chat").key("wrong-secret-1234567890"),
            401,
            "",
        )
        .await;
        self.kept(Request::chat("nothing").key(KEY), 404, "nothing")
            .await;
        let words = r#"{"model":"chat","messages":[{"role":"user","content":"unmentionable"}]}"#;
        let words = Request::post("/v1/chat/completions", words).key(KEY);
        self.kept(words, 400, "messages[0]").await;

        // These end their connections.
        let mut malformed = self.dataplane.connect().await;
        malformed
            .write(b"POST / HTTP/1.1\r\nno header\r\n\r\n")
            .await;
        assert_eq!(malformed.read_response().await.status, 400);
        let mut aborted = self.dataplane.connect().await;
        aborted.begin(&Request::chat_stream("chat").key(KEY)).await;
        aborted.read_until("data:").await;
        aborted.reset();
        let mut hasty = self.dataplane.connect().await;
        let request = Request::chat("chat").key(KEY);
        hasty
            .write(&[&request.head(), request.body()].concat())
            .await;
        hasty.reset();
    }

    /// Sends a request over the connection that is kept, and looks whether its answer is right.
    async fn kept(&mut self, request: Request, status: u16, word: &str) {
        let response = self.kept.send(&request).await;
        assert_eq!(response.status, status, "{}", response.text());
        assert!(response.text().contains(word), "{}", response.text());
    }
}

fn on(path: &str, rule: Rule) -> Rule {
    Rule {
        path: Some(path.to_owned()),
        ..rule
    }
}
