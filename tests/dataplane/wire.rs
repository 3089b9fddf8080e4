//! A client of HTTP/1.1 or HTTP/2 over any connection, by hyper: for what the harness's own client, which speaks
//! HTTP/1.1 on a socket, cannot do.

use std::convert::Infallible;

use bytes::Bytes;
use end_to_end::patiently;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::{http1, http2};
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HOST, HeaderValue};
use hyper::{Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};

/// A connection that requests can be sent over.
pub(crate) enum Wire {
    One(http1::SendRequest<Full<Bytes>>),
    Two(http2::SendRequest<Full<Bytes>>),
}

impl Wire {
    pub(crate) async fn one<S>(stream: S) -> Self
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let (sender, connection) = http1::handshake(TokioIo::new(stream)).await.unwrap();
        tokio::spawn(connection);
        Self::One(sender)
    }

    /// Every stream may send `window` bytes before somebody reads them.
    pub(crate) async fn two<S>(stream: S, window: u32) -> Self
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let (sender, connection) = http2::Builder::new(TokioExecutor::new())
            .timer(TokioTimer::new())
            .initial_stream_window_size(window)
            .handshake(TokioIo::new(stream))
            .await
            .unwrap();
        tokio::spawn(connection);
        Self::Two(sender)
    }

    pub(crate) async fn send(
        &mut self,
        mut request: Request<Full<Bytes>>,
    ) -> hyper::Result<Response<Incoming>> {
        match self {
            Self::One(sender) => {
                // HTTP/2 says it in other words.
                let host = HeaderValue::from_static("gateway.test");
                request.headers_mut().insert(HOST, host);
                patiently("the connection", sender.ready()).await?;
                patiently("a response", sender.send_request(request)).await
            }
            Self::Two(sender) => {
                patiently("the connection", sender.ready()).await?;
                patiently("a response", sender.send_request(request)).await
            }
        }
    }

    /// Waits until the other side has closed, or said that it will take no more.
    pub(crate) async fn closed(&mut self) -> Result<Infallible, hyper::Error> {
        loop {
            let ready = match self {
                Self::One(sender) => sender.ready().await,
                Self::Two(sender) => sender.ready().await,
            };
            ready?;
            tokio::task::yield_now().await;
        }
    }
}

/// A chat request with a key; `body` is the whole body.
pub(crate) fn post(key: &str, body: &str) -> Request<Full<Bytes>> {
    Request::post("http://gateway.test/v1/chat/completions")
        .header(AUTHORIZATION, format!("Bearer {key}"))
        .header(CONTENT_TYPE, "application/json")
        .body(Full::new(Bytes::from(body.to_owned())))
        .unwrap()
}

/// A chat request for `model`.
pub(crate) fn chat(key: &str, model: &str) -> Request<Full<Bytes>> {
    post(
        key,
        &format!(r#"{{"model":"{model}","messages":[{{"role":"user","content":"Hi"}}]}}"#),
    )
}

/// A chat request for a stream of `model`.
pub(crate) fn chat_stream(key: &str, model: &str) -> Request<Full<Bytes>> {
    post(
        key,
        &format!(
            r#"{{"model":"{model}","messages":[{{"role":"user","content":"Hi"}}],"stream":true}}"#
        ),
    )
}

/// The whole body as text.
pub(crate) async fn text(response: Response<Incoming>) -> String {
    let body = patiently("the body", response.into_body().collect()).await;
    String::from_utf8(body.unwrap().to_bytes().to_vec()).unwrap()
}
