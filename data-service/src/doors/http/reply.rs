//! Answers: JSON, or the one error word as problem+json.

use crate::doors::dispatch;
use crate::error::Result;
use actix_web::HttpResponse;
use actix_web::body::BoxBody;
use actix_web::http::StatusCode;
use actix_web::http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};
use serde::Serialize;
use serde_json::Value;
use shared::command::Route;
use shared::error::{Problem, Refusal};
use std::borrow::Cow;

/// A JSON answer.
pub(super) fn json(status: StatusCode, body: &impl Serialize) -> Result<HttpResponse> {
    let mut response = HttpResponse::with_body(status, BoxBody::new(dispatch::bytes(body)?));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    Ok(response)
}

/// The answer to a command, as its route describes it.
pub(super) fn command(route: &Route, reply: &impl Serialize) -> Result<HttpResponse> {
    let status = StatusCode::from_u16(route.status).unwrap_or(StatusCode::OK);
    if status == StatusCode::NO_CONTENT {
        return Ok(HttpResponse::NoContent().finish());
    }
    let value = dispatch::value(reply)?;
    let mut response = json(status, dispatch::body(route, &value))?;
    let mut insert = |name: &'static str, text: String| {
        if let Ok(value) = text.parse() {
            response.headers_mut().insert(actix_web::http::header::HeaderName::from_static(name), value);
        }
    };
    if let Some(version) = value.get("version").and_then(Value::as_i64) {
        insert("etag", format!("\"{version}\""));
    }
    if let Some(location) = route.location {
        insert("location", filled(location, &value));
    }
    // What is answered is about one caller: no cache in between may keep it.
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}

/// A path template filled in from a reply.
fn filled(template: &str, reply: &Value) -> String {
    let part = |part: &str| match part.strip_prefix('{').and_then(|part| part.strip_suffix('}')) {
        Some(name) => reply.get(name).and_then(Value::as_str).unwrap_or_default().to_owned(),
        None => part.to_owned(),
    };
    template.split('/').map(part).collect::<Vec<_>>().join("/")
}

/// A refusal as problem+json. Whoever has proved nothing is given one too, so it costs no more than an answer.
pub(super) fn problem(refusal: &Refusal, request_id: String) -> HttpResponse {
    let problem = Problem::new(refusal, request_id);
    let status = StatusCode::from_u16(problem.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = HttpResponse::with_body(status, BoxBody::new(dispatch::bytes(&problem).unwrap_or_default()));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    let challenge = (problem.status == 401).then(|| match problem.challenge() {
        Cow::Borrowed(words) => Ok(HeaderValue::from_static(words)),
        Cow::Owned(words) => HeaderValue::try_from(words),
    });
    if let Some(Ok(challenge)) = challenge {
        headers.insert(WWW_AUTHENTICATE, challenge);
    }
    if let Some(seconds) = refusal.retry_after() {
        headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}
