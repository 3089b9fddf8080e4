//! HTTP/1.1 and 1.0 (RFC 9112): requests one after the other, until either side has enough.
//!
//! A connection is one task. It reads a head, asks the pipeline for a response and writes it; while it waits for the
//! pipeline, and while a response streams, it also waits for the client to go away, which takes the request back. It
//! holds no buffer while it waits, and has one timer, which is put off rather than set anew.

pub(crate) mod incoming;
mod output;
pub(crate) mod request;
mod response;
pub(crate) mod scratch;
mod sending;
mod waiting;
mod wire;

use std::cell::RefCell;
use std::future::poll_fn;
use std::pin::Pin;
use std::rc::Rc;
use std::task::Poll;

use bytes::BytesMut;
use hyper::{Method, StatusCode, Version};
use tokio::time::timeout;

use crate::api::body::Incoming;
use crate::error;
use crate::h1::stream::Stream;
use crate::message::Response;
use crate::pipeline;
use crate::server::client::Client;
use crate::server::drain::Begun;
use crate::server::http1::request::Head;
use crate::server::http1::sending::{Terms, send};
use crate::server::http1::waiting::Waiting;
use crate::server::http1::wire::{Gone, Wire};
use crate::server::refusal::{self, LINGER_BYTES, LINGER_TIME};
use crate::stream::keep_alive::Underway;

/// Serves a connection to its end; `received` is what was read from it already.
pub(super) fn serve(
    client: &Client,
    stream: Stream,
    received: BytesMut,
) -> impl Future<Output = ()> {
    // What is moved around here is not held twice by every connection, as it would be where it waits.
    let wire = Rc::new(RefCell::new(Wire::new(stream, received, &client.scratch)));
    let mut waiting = Waiting::new(client);
    let mut cut = client.worker.cut.begun();
    async move {
        loop {
            let request = match waiting.next(&wire).await {
                Ok(Some(head)) => Ok(begin(client, &wire, head)),
                Ok(None) => break,
                Err(fault) => Err(fault),
            };
            let answered = match request {
                Ok((request, terms)) => answer(client, &wire, request, terms, &mut cut).await,
                // Boxed, as it is rare: every connection would carry its state.
                Err(fault) => Box::pin(refuse(client, &wire, fault)).await,
            };
            match answered {
                Ok(true) => {}
                Ok(false) => break,
                Err(Gone) => return,
            }
        }
        let Some(wire) = Rc::into_inner(wire) else {
            return;
        };
        let wire = wire.into_inner();
        let may_hold_more = wire.may_hold_more();
        Box::pin(refusal::take_leave(wire.into_stream(), may_hold_more)).await;
    }
}

/// Says what is wrong with a head, after which nobody knows where the next one begins.
async fn refuse(client: &Client, wire: &RefCell<Wire>, fault: error::Head) -> Result<bool, Gone> {
    let response = refusal::answer(client, fault);
    let terms = Terms {
        version: Version::HTTP_11,
        wants_no_body: false,
        keeps_alive: false,
    };
    let mut unread = 0;
    let told = timeout(LINGER_TIME, send(wire, response, terms, &mut unread));
    told.await.unwrap_or(Err(Gone))
}

/// The request with this head, whose body follows, and how its response is to go out.
fn begin(client: &Client, wire: &Rc<RefCell<Wire>>, head: Head) -> (Underway, Terms) {
    let terms = Terms {
        version: head.version,
        wants_no_body: head.head.method == Method::HEAD,
        keeps_alive: head.keeps_alive,
    };
    let body = Incoming::One(incoming::Incoming::new(wire));
    let worker = Rc::clone(&client.worker);
    (pipeline::serve(worker, client.ip, head.head, body), terms)
}

/// Answers `request`. Returns whether there may be another one.
async fn answer(
    client: &Client,
    wire: &RefCell<Wire>,
    request: Underway,
    mut terms: Terms,
    cut: &mut Begun,
) -> Result<bool, Gone> {
    let mut unread = LINGER_BYTES;
    let sent = {
        let response = response(request, wire, cut).await?;
        // What is left of a request that was too slow is not waited for (RFC 9110, 15.5.9).
        let is_late = response.status == StatusCode::REQUEST_TIMEOUT;
        terms.keeps_alive &= !is_late && !client.drain.has_begun();
        send(wire, response, terms, &mut unread)
    };
    let keeps_alive = sent.await?;
    if keeps_alive && !wire.borrow().is_at_end() {
        let rest = poll_fn(|cx| wire.borrow_mut().poll_pass_over(&mut unread, cx));
        timeout(LINGER_TIME, rest).await.unwrap_or(Ok(()))?;
    }
    Ok(keeps_alive && wire.borrow().is_at_end())
}

/// What `request` comes to, unless the client goes before. It is polled once more at the `cut`, when it has to come
/// to something.
async fn response(
    mut request: Underway,
    wire: &RefCell<Wire>,
    cut: &mut Begun,
) -> Result<Response, Gone> {
    poll_fn(|cx| {
        if let Poll::Ready(response) = cut.poll_too(Pin::new(&mut request), cx) {
            return Poll::Ready(Ok(response));
        }
        wire.borrow_mut().poll_gone(cx).map(|()| Err(Gone))
    })
    .await
}

#[cfg(test)]
mod tests;
