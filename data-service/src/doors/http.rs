//! The HTTP door.
//!
//! One service takes every request, because actix's own routing changes what was signed: it decodes and re-quotes
//! the path. Scheme and host of the signed URL come from the settings, never from `Host` or `X-Forwarded-*`.

mod body;
mod reply;
mod router;

use crate::chance;
use crate::commands::Rooms;
use crate::error::{Error, Fault, Result};
use crate::guard::{Guard, Proved};
use actix_web::dev::{Payload, ServiceFactory, ServiceRequest, ServiceResponse, fn_service};
use actix_web::http::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap};
use actix_web::http::{ConnectionType, StatusCode};
use actix_web::{HttpRequest, HttpResponse};
use router::{Incoming, Router};
use shared::command::{Echo, Echoed};
use shared::error::{Code, Refusal};
use shared::oauth1::{Authorization, Message, is_form, limits};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

/// What stands before the house: until it is open, everybody is told to come again.
#[derive(Default)]
pub(crate) struct Porch(OnceLock<Arc<House>>);

impl Porch {
    /// Opens the house.
    pub(crate) fn open(&self, house: Arc<House>) {
        let _ = self.0.set(house);
    }

    /// The house, if it is open.
    pub(crate) fn house(&self) -> Option<&Arc<House>> {
        self.0.get()
    }
}

/// What the door leads to.
pub(crate) struct House {
    pub(crate) guard: Guard,
    pub(crate) rooms: Rooms,
    pub(crate) body_limit: usize,
    router: Router,
    openapi: String,
    /// This instance is about to stop.
    draining: AtomicBool,
}

impl House {
    pub(crate) fn new(guard: Guard, rooms: Rooms, body_limit: usize) -> Self {
        let openapi = serde_json::to_string_pretty(&shared::openapi::document()).unwrap_or_default();
        Self { guard, rooms, body_limit, router: Router::default(), openapi, draining: AtomicBool::new(false) }
    }

    /// From now on this instance is not ready, and asks for no connection to be kept.
    pub(crate) fn drain(&self) {
        self.draining.store(true, Ordering::Relaxed);
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

/// The one service of the door. Without actix's extractors: each would be a future of its own in every request.
pub(crate) fn service(
    porch: &Arc<Porch>,
) -> impl ServiceFactory<ServiceRequest, Config = (), Response = ServiceResponse, Error = actix_web::Error, InitError = ()>
+ use<> {
    let porch = Arc::clone(porch);
    fn_service(move |request: ServiceRequest| {
        let porch = Arc::clone(&porch);
        async move {
            let (request, payload) = request.into_parts();
            let response = match porch.house() {
                Some(house) => house.letting_go(serve(&request, payload, house).await),
                None => Box::pin(before_opening(&request, payload)).await,
            };
            Ok(ServiceResponse::new(request, response))
        }
    })
}

/// Every request.
async fn serve(request: &HttpRequest, payload: Payload, house: &House) -> HttpResponse {
    let path = request.uri().path();
    match (request.method().as_str(), path) {
        ("GET" | "HEAD", "/healthz") => return HttpResponse::Ok().content_type("text/plain").body("ok"),
        ("GET" | "HEAD", "/readyz") => return Box::pin(ready(house)).await,
        ("GET" | "HEAD", "/openapi.json") => {
            return HttpResponse::Ok().content_type("application/json").body(house.openapi.clone());
        }
        _ => {}
    }
    match answer(request, payload, house).await {
        Ok(response) => response,
        Err(error) => {
            let request_id = chance::request_id();
            log(request, &error, &request_id);
            reply::problem(&error.refusal(), &request_id)
        }
    }
}

/// The database has not come yet.
async fn before_opening(request: &HttpRequest, mut payload: Payload) -> HttpResponse {
    if let ("GET" | "HEAD", "/healthz") = (request.method().as_str(), request.uri().path()) {
        return HttpResponse::Ok().content_type("text/plain").body("ok");
    }
    body::drain(request.headers(), &mut payload).await;
    let refusal = Refusal::retry(Code::Unavailable, "the data service waits for its store", 2);
    reply::problem(&refusal, &chance::request_id())
}

/// Identify, then call. Signature first, on the head alone unless the body is a form; then the body, then the nonce.
async fn answer(request: &HttpRequest, mut payload: Payload, house: &House) -> Result<HttpResponse> {
    let headers = request.headers();
    body::check_length(headers, house.body_limit)?;
    check_target(request)?;
    let (path, query, content_type) = (request.uri().path(), request.uri().query(), content_type(headers));
    let mut message = Message {
        method: request.method().as_str(),
        path,
        query,
        authorization: authorization(headers),
        content_type,
        form: b"",
    };
    let form;
    let identified = if is_form(content_type) {
        form = body::read(&mut payload, limits::FORM_BYTES.min(house.body_limit)).await?;
        message.form = &form;
        house.guard.identify(&message, async || Ok(form.clone())).await
    } else {
        house.guard.identify(&message, async || body::read(&mut payload, house.body_limit).await).await
    };
    if identified.is_err() {
        // A body that nobody reads costs the connection, and the next request a new one.
        Box::pin(body::drain(headers, &mut payload)).await;
    }
    let (proved, body) = identified?;
    if path.strip_prefix(Echo::PATH).is_some_and(|rest| rest.is_empty() || rest.starts_with('/')) {
        house.rooms.counters.count_echo();
        return echo(request, &proved, body.len());
    }
    let (handler, fields) = house.router.find(message.method, path)?;
    let if_match = headers.get("if-match").and_then(|value| value.to_str().ok());
    let incoming = Incoming { fields, query, content_type, if_match, body: &body };
    handler(&house.rooms, &proved.caller, incoming).await
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
fn check_target(request: &HttpRequest) -> Result<(), Refusal> {
    let Some(authority) = request.uri().authority().filter(|_| request.version() < actix_web::http::Version::HTTP_2)
    else {
        return Ok(());
    };
    let host = request.headers().get("host").and_then(|value| value.to_str().ok());
    if host.is_some_and(|host| host.eq_ignore_ascii_case(authority.as_str())) {
        return Ok(());
    }
    Err(Refusal::new(Code::ParameterRejected, "the request target names another host than the Host header"))
}

fn echo(request: &HttpRequest, proved: &Proved<'_>, body_bytes: usize) -> Result<HttpResponse> {
    let token = proved.caller.token();
    let echoed = Echoed {
        consumer: proved.caller.consumer_key()?.as_str().into(),
        user: token.map(|token| token.user),
        token: token.map(|token| token.token.as_str().into()),
        method: request.method().as_str().into(),
        url: proved.base.with_path(request.uri().path()).into(),
        parameters: proved.plain_parameters,
        signature_method: proved.signature_method,
        body_hash: proved.body_hash,
        body_bytes,
    };
    reply::json(StatusCode::OK, &echoed)
}

async fn ready(house: &House) -> HttpResponse {
    if house.draining.load(Ordering::Relaxed) {
        let refusal = Refusal::retry(Code::Unavailable, "this instance is about to stop", 1);
        return reply::problem(&refusal, &chance::request_id());
    }
    if house.rooms.store.answers().await && house.guard.freshness.is_fresh() {
        return HttpResponse::Ok().content_type("text/plain").body("ready");
    }
    let refusal = Refusal::retry(Code::Unavailable, "the store does not answer", 1);
    reply::problem(&refusal, &chance::request_id())
}

/// One line for each refusal or fault: who, what, why; never a header, a secret or a base string.
fn log(request: &HttpRequest, error: &Error, request_id: &str) {
    let (method, path) = (request.method().as_str(), request.uri().path());
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
