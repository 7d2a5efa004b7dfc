//! `/login`: a name and a password become a session.
//!
//! GET always shows the form and asks nobody, not even whether somebody is logged in: a service that does not accept
//! a session, and sends people here for a new one, gets them back with a new one and not in a circle.

use super::{Answer, EXPIRED, Failure, html, see_other};
use crate::api::{ApiError, WAIT_SECONDS};
use crate::app::Gate;
use crate::csrf::{self, Form, ProtectedForm};
use crate::next::Next;
use crate::session::SessionCookie;
use crate::site::Frame;
use crate::{address, device, words};
use actix_web::HttpRequest;
use actix_web::http::StatusCode;
use actix_web::http::header::RETRY_AFTER;
use actix_web::web::{Data, Query};
use askama::Template;
use serde::Deserialize;
use shared::command::{Authenticate, Authenticated, Client};
use shared::error::{Code, Refusal};
use shared::secret::Secret;

/// One sentence for every reason: a stranger learns nothing from it.
const WRONG: &str = "That name and password do not match. Please check both and try again.";

/// What the address of the form says.
#[derive(Deserialize)]
pub(crate) struct Ask {
    #[serde(default)]
    next: Next,
    /// Set after the first administrator was created.
    made: Option<String>,
}

/// The form as it is sent.
#[derive(Deserialize)]
pub(crate) struct Login {
    #[serde(default)]
    username: String,
    #[serde(default)]
    password: Secret,
    #[serde(default)]
    next: Next,
    /// A ticked box is there, one that is not is not.
    remember: Option<String>,
}

impl Form for Login {
    type Kept = Next;

    fn kept(self) -> Next {
        self.next
    }
}

#[derive(Template)]
#[template(path = "login.html")]
struct Page<'a> {
    frame: &'a Frame,
    csrf: String,
    say: Say<'a>,
}

/// What differs from one showing of the form to the next.
#[derive(Default)]
struct Say<'a> {
    next: &'a str,
    username: &'a str,
    notice: &'a str,
    problem: &'a str,
    remember: bool,
}

/// `GET /login`.
pub(crate) async fn show(gate: Data<Gate>, request: HttpRequest, ask: Query<Ask>) -> Answer {
    let notice = if ask.made.is_some() { "The administrator has been created. You can log in now." } else { "" };
    form(&gate, &request, StatusCode::OK, Say { next: ask.next.or_base(&gate.site.base), notice, ..Say::default() })
}

/// `POST /login`.
pub(crate) async fn submit(gate: Data<Gate>, request: HttpRequest, sent: ProtectedForm<Login>) -> Answer {
    let login = match sent.open() {
        Ok(login) => login,
        Err(next) => {
            let say = Say { next: next.or_base(&gate.site.base), problem: EXPIRED, ..Say::default() };
            return form(&gate, &request, StatusCode::FORBIDDEN, say);
        }
    };
    // Keyboards of phones like to add a space; no name holds one.
    let username = login.username.trim();
    let client = Client { address: address::of(&request, &gate.site.proxies), device: device::of(&request) };
    let remember = login.remember.is_some();
    let command = Authenticate {
        username: username.into(),
        password: login.password,
        client: Some(client),
        // What services keep about a visitor goes on in the login. The session itself ends with it.
        sessionid: SessionCookie::of(&request).map(|session| session.secret()),
        remember,
    };
    let next = login.next.or_base(&gate.site.base);
    match gate.api.call(&command, None).await {
        Ok(done) => welcome(&gate, done, remember, next),
        Err(ApiError::Refused(refusal)) if is_answer(&refusal) => {
            refuse(&gate, &request, &refusal, Say { next, username, remember, ..Say::default() })
        }
        Err(error) => Err(error.into()),
    }
}

/// True for what the person can do something about.
fn is_answer(refusal: &Refusal) -> bool {
    matches!(refusal.code, Code::InvalidCredentials | Code::Invalid | Code::Throttled)
}

/// The form again, with one sentence.
fn refuse(gate: &Gate, request: &HttpRequest, refusal: &Refusal, say: Say<'_>) -> Answer {
    if refusal.code != Code::Throttled {
        return form(gate, request, StatusCode::UNAUTHORIZED, Say { problem: WRONG, ..say });
    }
    let seconds = refusal.retry_after().unwrap_or(WAIT_SECONDS);
    let problem = format!("Too many attempts. Please wait {} and try again.", words::wait(seconds));
    let mut response = form(gate, request, StatusCode::TOO_MANY_REQUESTS, Say { problem: &problem, ..say })?;
    response.headers_mut().insert(RETRY_AFTER, seconds.into());
    Ok(response)
}

/// The session begins.
fn welcome(gate: &Gate, done: Authenticated, remember: bool, next: &str) -> Answer {
    let session = SessionCookie::new(done.sessionid);
    let mut response = see_other(next);
    response.add_cookie(&session.set(&gate.site, remember)).map_err(Failure::internal)?;
    if let Some(cookie) = device::set(&gate.site, &done.device) {
        response.add_cookie(&cookie).map_err(Failure::internal)?;
    }
    Ok(response)
}

fn form(gate: &Gate, request: &HttpRequest, status: StatusCode, say: Say<'_>) -> Answer {
    let issued = csrf::issue(request, &gate.site)?;
    html(status, &Page { frame: &gate.site.frame, csrf: issued.token, say }, issued.cookie)
}
