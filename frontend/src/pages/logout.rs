//! `POST /logout`: ends the session everywhere. The cookie goes only when the session is over; else the page says
//! that it is not.

use super::{Answer, EXPIRED, Failure, html, see_other};
use crate::api::ApiError;
use crate::app::Gate;
use crate::csrf::{self, Form, ProtectedForm};
use crate::session::SessionCookie;
use crate::site::Frame;
use crate::words;
use actix_web::HttpRequest;
use actix_web::http::StatusCode;
use actix_web::http::header::RETRY_AFTER;
use actix_web::web::Data;
use askama::Template;
use serde::Deserialize;

/// The form has no fields but its token.
#[derive(Deserialize)]
pub(crate) struct Logout {}

impl Form for Logout {
    type Kept = ();

    fn kept(self) {}
}

#[derive(Template)]
#[template(path = "logout.html")]
struct Page<'a> {
    frame: &'a Frame,
    csrf: String,
    title: &'static str,
    problem: &'a str,
}

/// `POST /logout`.
pub(crate) async fn submit(gate: Data<Gate>, request: HttpRequest, sent: ProtectedForm<Logout>) -> Answer {
    if sent.open().is_err() {
        return again(&gate, &request, StatusCode::FORBIDDEN, "Log out", EXPIRED);
    }
    end(&gate, &request).await
}

/// Ends the session behind a request and clears its cookie.
pub(super) async fn end(gate: &Gate, request: &HttpRequest) -> Answer {
    let ended = match SessionCookie::of(request) {
        Some(session) => session.end(&gate.api).await,
        None => Ok(()),
    };
    match ended {
        Ok(()) => goodbye(gate),
        Err(error) => still_in(gate, request, error),
    }
}

fn goodbye(gate: &Gate) -> Answer {
    let mut response = see_other(&gate.site.base.at("login"));
    response.add_cookie(&SessionCookie::removal(&gate.site)).map_err(Failure::internal)?;
    Ok(response)
}

/// Whatever the reason: the session lives, and saying otherwise would be dangerous.
fn still_in(gate: &Gate, request: &HttpRequest, error: ApiError) -> Answer {
    let (status, wait) = match Failure::from(error) {
        Failure::Away(seconds) => (StatusCode::SERVICE_UNAVAILABLE, Some(seconds)),
        _ => (StatusCode::INTERNAL_SERVER_ERROR, None),
    };
    let when = wait.map_or_else(|| "later".into(), |seconds| format!("in {}", words::wait(seconds)));
    let problem = format!("Logging out did not work: accounts cannot be reached right now. Please try again {when}.");
    let mut response = again(gate, request, status, "You are still logged in", &problem)?;
    if let Some(seconds) = wait {
        response.headers_mut().insert(RETRY_AFTER, seconds.into());
    }
    Ok(response)
}

fn again(gate: &Gate, request: &HttpRequest, status: StatusCode, title: &'static str, problem: &str) -> Answer {
    let issued = csrf::issue(request, &gate.site)?;
    html(status, &Page { frame: &gate.site.frame, csrf: issued.token, title, problem }, issued.cookie)
}
