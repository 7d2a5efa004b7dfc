//! What all doors do alike: the call with its line in the log, the words about what does not fit, and the JSON of a
//! reply. Answers are the same bytes at every door because they are made here.

use crate::caller::Caller;
use crate::clock::Stopwatch;
use crate::commands::{self, Rooms, Run};
use crate::error::{Fault, Result};
use crate::guard::Proved;
use serde::Serialize;
use serde_json::Value;
use shared::command::{Echoed, Method, Route, RouteError};
use shared::error::Refusal;

/// Calls a command. What goes well is logged here; refusals and faults once, with their request id, where they are
/// answered.
pub(super) async fn call<C: Run>(rooms: &Rooms, caller: &Caller, command: C) -> Result<C::Reply> {
    let started = Stopwatch::start();
    let reply = commands::call(rooms, caller, command).await?;
    let consumer = caller.consumer().map_or("operator", |consumer| consumer.key.as_str());
    let (command, millis) = (C::NAME, started.millis());
    match C::ROUTE.method {
        Method::Get => tracing::debug!(command, consumer, millis, "done"),
        _ => tracing::info!(command, consumer, millis, "done"),
    }
    Ok(reply)
}

/// What serde says, with the field it names.
pub(super) fn malformed(RouteError::Malformed(detail): &RouteError) -> Refusal {
    let (before, after) = detail.split_once('`').unwrap_or(("", ""));
    let field = after.split('`').next().unwrap_or("").to_owned();
    let code = match before.trim() {
        "missing field" => "required",
        "unknown field" => "unknown",
        _ => return Refusal::invalid("body", "malformed", detail),
    };
    Refusal::invalid(&field, code, detail)
}

/// A reply as JSON.
pub(super) fn value(reply: &impl Serialize) -> Result<Value> {
    Ok(serde_json::to_value(reply).map_err(|e| Fault::Other(format!("a reply: {e}")))?)
}

/// The part of a reply that is the body of the answer.
pub(super) fn body<'a>(route: &Route, reply: &'a Value) -> &'a Value {
    route.reply.and_then(|field| reply.get(field)).unwrap_or(reply)
}

/// JSON as bytes.
pub(super) fn bytes(json: &impl Serialize) -> Result<Vec<u8>> {
    let mut bytes = Vec::with_capacity(512);
    serde_json::to_writer(&mut bytes, json).map_err(|e| Fault::Other(format!("a reply: {e}")))?;
    Ok(bytes)
}

/// What was verified, for `echo`: `reply` makes the reply of it.
pub(super) fn echo<T>(
    rooms: &Rooms,
    proved: &Proved<'_>,
    method: &str,
    path: &str,
    body_bytes: usize,
    reply: impl FnOnce(&Echoed<'_>) -> Result<T>,
) -> Result<T> {
    rooms.counters.count_echo();
    let token = proved.caller.token();
    let text = token.map(|token| token.token.text());
    reply(&Echoed {
        consumer: proved.caller.consumer_key()?.as_str().into(),
        user: token.map(|token| token.user),
        token: text.as_ref().map(|text| text.as_str().into()),
        method: method.into(),
        url: proved.base.with_path(path).into(),
        parameters: proved.plain_parameters,
        signature_method: proved.signature_method,
        body_hash: proved.body_hash,
        body_bytes,
    })
}
