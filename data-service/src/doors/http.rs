//! The HTTP door.
//!
//! One service takes every request, because actix's own routing changes what was signed: it decodes and re-quotes
//! the path. Scheme and host of the signed URL come from the settings, never from `Host` or `X-Forwarded-*`.

mod body;
mod reply;
mod router;

use crate::chance;
use crate::doors::House;
use crate::doors::dispatch::echo;
use crate::error::{Error, Fault, Result};
use crate::guard::Proved;
use actix_http::Request;
use actix_web::HttpResponse;
use actix_web::dev::{AppConfig, Payload, RequestHead, ServiceFactory, fn_service};
use actix_web::http::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap};
use actix_web::http::{ConnectionType, StatusCode};
use actix_web::web::Bytes;
use router::{Incoming, Router};
use shared::command::Echo;
use shared::error::{Code, Refusal};
use shared::oauth1::{Authorization, BaseUrl, Message, is_form, limits};
use std::convert::Infallible;
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

/// What stands before the house: until it is open, everybody is told to come again.
#[derive(Default)]
pub(crate) struct Porch(OnceLock<Door>);

impl Porch {
    /// Opens the house.
    pub(crate) fn open(&self, house: Arc<House>, bases: Vec<BaseUrl>) {
        let _ = self.0.set(Door::new(house, bases));
    }

    /// The house, if it is open.
    pub(crate) fn house(&self) -> Option<&Arc<House>> {
        self.0.get().map(|door| &door.house)
    }

    /// From now on this instance is not ready, and asks for no connection to be kept. False if it never was ready.
    pub(crate) fn drain(&self) -> bool {
        self.0.get().inspect(|door| door.draining.store(true, Ordering::Relaxed)).is_some()
    }
}

/// The house, and what this door alone needs.
struct Door {
    house: Arc<House>,
    bases: Vec<BaseUrl>,
    router: Router,
    /// Made when it is first asked for: it is large, and few ask.
    openapi: OnceLock<String>,
    /// This instance is about to stop.
    draining: AtomicBool,
}

impl Door {
    fn new(house: Arc<House>, bases: Vec<BaseUrl>) -> Self {
        let (openapi, draining) = (OnceLock::new(), AtomicBool::new(false));
        Self { house, bases, router: Router::default(), openapi, draining }
    }

    /// An instance that is about to stop lets go of each connection with its next answer, so that nobody sends a
    /// request into one that is being closed.
    fn letting_go(&self, mut response: HttpResponse) -> HttpResponse {
        if self.draining.load(Ordering::Relaxed) {
            response.head_mut().set_connection_type(ConnectionType::Close);
        }
        response
    }
}

/// The one service of the door, which stands where actix's `App` would. That matches a path to a route and makes each
/// request something that many handlers and extractors can share; here is one handler, and nothing to be shared.
pub(crate) fn service(
    porch: &Arc<Porch>,
) -> impl ServiceFactory<Request, Config = AppConfig, Response = HttpResponse, Error = Infallible, InitError = ()> + use<>
{
    // One for each worker, which its requests share without a word to the others.
    let porch = Rc::new(Arc::clone(porch));
    fn_service(move |request: Request| {
        let porch = Rc::clone(&porch);
        async move {
            let (head, payload) = request.into_parts();
            Ok(match porch.0.get() {
                Some(door) => door.letting_go(serve(&head, payload, door).await),
                None => Box::pin(before_opening(&head, payload)).await,
            })
        }
    })
}

/// Every request.
async fn serve(request: &RequestHead, payload: Payload, door: &Door) -> HttpResponse {
    let path = request.uri.path();
    match (request.method.as_str(), path) {
        ("GET" | "HEAD", "/healthz") => return HttpResponse::Ok().content_type("text/plain").body("ok"),
        ("GET" | "HEAD", "/readyz") => return Box::pin(ready(door)).await,
        ("GET" | "HEAD", "/openapi.json") => {
            let document = || serde_json::to_string_pretty(&shared::openapi::document()).unwrap_or_default();
            let document = door.openapi.get_or_init(document).clone();
            return HttpResponse::Ok().content_type("application/json").body(document);
        }
        _ => {}
    }
    match answer(request, payload, door).await {
        Ok(response) => response,
        Err(error) => {
            let request_id = chance::request_id();
            log(request, &error, &request_id);
            reply::problem(&error.refusal(), request_id)
        }
    }
}

/// The database has not come yet.
async fn before_opening(request: &RequestHead, mut payload: Payload) -> HttpResponse {
    if let ("GET" | "HEAD", "/healthz") = (request.method.as_str(), request.uri.path()) {
        return HttpResponse::Ok().content_type("text/plain").body("ok");
    }
    body::drain(&request.headers, &mut payload).await;
    let refusal = Refusal::retry(Code::Unavailable, "the data service waits for its store", 2);
    reply::problem(&refusal, chance::request_id())
}

/// Identify, then call.
async fn answer(request: &RequestHead, payload: Payload, door: &Door) -> Result<HttpResponse> {
    let house = &*door.house;
    let (proved, body) = identify(request, payload, door).await?;
    let (method, path) = (request.method.as_str(), request.uri.path());
    if path.strip_prefix(Echo::PATH).is_some_and(|rest| rest.is_empty() || rest.starts_with('/')) {
        return echo(&house.rooms, &proved, method, path, body.len(), |reply| reply::json(StatusCode::OK, reply));
    }
    let (handler, fields) = door.router.find(method, path)?;
    let (query, content_type) = (request.uri.query(), content_type(&request.headers));
    let if_match = request.headers.get("if-match").and_then(|value| value.to_str().ok());
    let incoming = Incoming { fields, query, content_type, if_match, body: &body };
    handler(&house.rooms, &proved.caller, incoming).await
}

/// Signature first, on the head alone unless the body is a form; then the body, then the nonce.
async fn identify<'d>(request: &RequestHead, mut payload: Payload, door: &'d Door) -> Result<(Proved<'d>, Bytes)> {
    let (guard, limit) = (&door.house.guard, door.house.body_limit);
    body::check_length(&request.headers, limit)?;
    check_target(request)?;
    let identified = if is_form(content_type(&request.headers)) {
        let form = body::read(&mut payload, limits::FORM_BYTES.min(limit)).await?;
        Box::pin(guard.identify(&door.bases, || message(request, &form), async || Ok(form.clone()))).await
    } else {
        let body = async || body::read(&mut payload, limit).await;
        guard.identify(&door.bases, || message(request, b""), body).await
    };
    if identified.is_err() {
        // A body that nobody reads costs the connection, and the next request a new one.
        Box::pin(body::drain(&request.headers, &mut payload)).await;
    }
    identified
}

fn message<'m>(request: &'m RequestHead, form: &'m [u8]) -> Message<'m> {
    Message {
        method: request.method.as_str(),
        path: request.uri.path(),
        query: request.uri.query(),
        authorization: authorization(&request.headers),
        content_type: content_type(&request.headers),
        form,
    }
}

fn content_type(headers: &HeaderMap) -> Option<&str> {
    headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok())
}

fn authorization(headers: &HeaderMap) -> Authorization<'_> {
    let mut fields = headers.get_all(AUTHORIZATION);
    match (fields.next(), fields.next()) {
        (None, _) => Authorization::Absent,
        (Some(field), None) => Authorization::One(field.as_bytes()),
        (Some(_), Some(_)) => Authorization::Several,
    }
}

/// A target in absolute form (`GET http://other/ HTTP/1.1`) must name the host the request is for.
fn check_target(request: &RequestHead) -> Result<(), Refusal> {
    let Some(authority) = request.uri.authority().filter(|_| request.version < actix_web::http::Version::HTTP_2) else {
        return Ok(());
    };
    let host = request.headers.get("host").and_then(|value| value.to_str().ok());
    if host.is_some_and(|host| host.eq_ignore_ascii_case(authority.as_str())) {
        return Ok(());
    }
    Err(Refusal::new(Code::ParameterRejected, "the request target names another host than the Host header"))
}

async fn ready(door: &Door) -> HttpResponse {
    let house = &door.house;
    if door.draining.load(Ordering::Relaxed) {
        let refusal = Refusal::retry(Code::Unavailable, "this instance is about to stop", 1);
        return reply::problem(&refusal, chance::request_id());
    }
    if house.rooms.store.answers().await && house.guard.freshness.is_fresh() {
        return HttpResponse::Ok().content_type("text/plain").body("ready");
    }
    let refusal = Refusal::retry(Code::Unavailable, "the store does not answer", 1);
    reply::problem(&refusal, chance::request_id())
}

/// One line for each refusal or fault: who, what, why; never a header, a secret or a base string.
fn log(request: &RequestHead, error: &Error, request_id: &str) {
    let (method, path) = (request.method.as_str(), request.uri.path());
    match error {
        Error::Refused(refusal) => {
            let code = refusal.code.word();
            tracing::info!(request_id, method, path, code, detail = %refusal.detail, "refused");
        }
        // That the store is away was said when it went.
        Error::Fault(fault @ Fault::Away(_)) => tracing::debug!(request_id, method, path, %fault, "unavailable"),
        Error::Fault(fault) => tracing::error!(request_id, method, path, %fault, "failed"),
    }
}
