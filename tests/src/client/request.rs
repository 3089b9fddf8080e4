//! A request, written down as it is sent.

use serde_json::json;

/// A request. Only `Host` and `Content-Length` are added to what a test says.
#[derive(Clone, Debug)]
pub struct Request {
    method: String,
    path: String,
    headers: Vec<(String, String)>,
    body: Option<Vec<u8>>,
}

impl Request {
    /// A request of this method, without a body.
    pub fn new(method: &str, path: &str) -> Self {
        Self {
            method: method.to_owned(),
            path: path.to_owned(),
            headers: Vec::new(),
            body: None,
        }
    }

    /// A `GET`.
    pub fn get(path: &str) -> Self {
        Self::new("GET", path)
    }

    /// A `POST` of this JSON text.
    pub fn post(path: &str, body: impl AsRef<[u8]>) -> Self {
        let request = Self::new("POST", path).header("content-type", "application/json");
        Self {
            body: Some(body.as_ref().to_vec()),
            ..request
        }
    }

    /// A `PUT` of this JSON text.
    pub fn put(path: &str, body: impl AsRef<[u8]>) -> Self {
        Self {
            method: "PUT".to_owned(),
            ..Self::post(path, body)
        }
    }

    /// A chat request that says hello to `model`.
    pub fn chat(model: &str) -> Self {
        let messages = json!([{"role": "user", "content": "Hello"}]);
        let body = json!({"model": model, "messages": messages});
        Self::post("/v1/chat/completions", body.to_string())
    }

    /// A chat request that asks `model` for a stream.
    pub fn chat_stream(model: &str) -> Self {
        let messages = json!([{"role": "user", "content": "Hello"}]);
        let body = json!({"model": model, "messages": messages, "stream": true});
        Self::post("/v1/chat/completions", body.to_string())
    }

    /// Presents an API key.
    pub fn key(self, secret: &str) -> Self {
        self.header("authorization", &format!("Bearer {secret}"))
    }

    /// Adds a header.
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The head as it goes over the wire.
    pub fn head(&self) -> Vec<u8> {
        let mut head = format!(
            "{} {} HTTP/1.1\r\nhost: gateway.test\r\n",
            self.method, self.path
        );
        for (name, value) in &self.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        if let Some(body) = &self.body {
            head.push_str(&format!("content-length: {}\r\n", body.len()));
        }
        head.push_str("\r\n");
        head.into_bytes()
    }

    /// The body, or nothing.
    pub fn body(&self) -> &[u8] {
        self.body.as_deref().unwrap_or_default()
    }
}
