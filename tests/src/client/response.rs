//! A response and its parts.

use serde_json::Value;

/// The status and the headers of a response.
#[derive(Clone, Debug)]
pub struct Head {
    /// The status code.
    pub status: u16,
    /// The headers in their order; names in lower case.
    pub headers: Vec<(String, String)>,
}

impl Head {
    /// The value of the first header of this name (in lower case).
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.as_str())
    }
}

/// A whole response.
#[derive(Clone, Debug)]
pub struct Response {
    /// The status code.
    pub status: u16,
    /// The status and the headers.
    pub head: Head,
    /// The body, without transfer encoding.
    pub body: Vec<u8>,
}

impl Response {
    /// The value of the first header of this name (in lower case).
    pub fn header(&self, name: &str) -> Option<&str> {
        self.head.header(name)
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON.
    ///
    /// # Panics
    /// When it is none.
    pub fn json(&self) -> Value {
        let json = serde_json::from_slice(&self.body);
        json.unwrap_or_else(|error| panic!("no JSON ({error}): {}", self.text()))
    }

    /// The message of the OpenAI error object that the body has to be.
    ///
    /// # Panics
    /// When the body is none, or lacks a field.
    pub fn error_message(&self) -> String {
        assert_eq!(
            self.header("content-type"),
            Some("application/json"),
            "{}",
            self.text()
        );
        let body = self.json();
        let error = body.get("error").and_then(Value::as_object);
        let error = error.unwrap_or_else(|| panic!("no error object: {body}"));
        for field in ["message", "type", "param", "code"] {
            assert!(error.contains_key(field), "no `{field}` in {body}");
        }
        let message = error.get("message").and_then(Value::as_str);
        message
            .unwrap_or_else(|| panic!("the message is no text: {body}"))
            .to_owned()
    }
}
