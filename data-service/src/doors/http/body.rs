//! The body, once, as it was sent: nothing is decompressed or decoded.

use crate::error::Result;
use actix_web::dev::Payload;
use actix_web::http::header::{CONTENT_LENGTH, HeaderMap};
use actix_web::web::{Bytes, BytesMut};
use futures_util::StreamExt as _;
use shared::error::{Code, Refusal};
use std::future::poll_fn;
use std::task::Poll;
use std::time::Duration;

/// Refuses a body that says it is too large before any of it is read.
pub(super) fn check_length(headers: &HeaderMap, limit: usize) -> Result<(), Refusal> {
    let length = headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    if length.is_some_and(|length| length > limit as u64) { Err(too_large(limit)) } else { Ok(()) }
}

/// Reads the body up to a limit.
pub(super) async fn read(payload: &mut Payload, limit: usize) -> Result<Bytes> {
    let mut first: Option<Bytes> = None;
    let mut rest = BytesMut::new();
    while let Some(chunk) = payload.next().await {
        let chunk = chunk.map_err(|_| Refusal::new(Code::Invalid, "the body ended before its time"))?;
        let so_far = first.as_ref().map_or(0, Bytes::len).max(rest.len());
        if so_far + chunk.len() > limit {
            return Err(too_large(limit).into());
        }
        // Nearly every body comes in one piece, which is then not copied.
        match &first {
            None => first = Some(chunk),
            Some(head) => {
                if rest.is_empty() {
                    rest.extend_from_slice(head);
                }
                rest.extend_from_slice(&chunk);
            }
        }
    }
    Ok(if rest.is_empty() { first.unwrap_or_default() } else { rest.freeze() })
}

/// Bytes of a refused request's body that are thrown away to keep the connection.
const DRAINED: u64 = 16 * 1024;
/// How long that may take.
const PATIENCE: Duration = Duration::from_millis(500);

/// Throws a small body away, as far as it comes soon.
pub(super) async fn drain(headers: &HeaderMap, payload: &mut Payload) {
    let length = headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    if !length.is_some_and(|length| (1..=DRAINED).contains(&length)) {
        return;
    }
    // A timer is for those who let wait. actix-http calls the service before it reads what came along with the head, and polls
    // it again in the same turn: then such a body is here.
    let mut looks = 0;
    let here = poll_fn(|context| {
        while let Poll::Ready(chunk) = payload.poll_next_unpin(context) {
            if !matches!(chunk, Some(Ok(_))) {
                return Poll::Ready(true);
            }
        }
        looks += 1;
        if looks > 1 {
            return Poll::Ready(false);
        }
        context.waker().wake_by_ref();
        Poll::Pending
    });
    if !here.await {
        let _ = tokio::time::timeout(PATIENCE, async { while let Some(Ok(_)) = payload.next().await {} }).await;
    }
}

fn too_large(limit: usize) -> Refusal {
    Refusal::new(Code::BodyTooLarge, format!("a body may have {limit} bytes here"))
}
