//! `GET /`: who somebody is, and where they are logged in.

mod view;

use super::{Answer, html, sessions, to_login, to_login_without, tokens};
use crate::api::ApiError;
use crate::app::Gate;
use crate::session::{self, Visitor};
use crate::{clock, csrf};
use actix_web::HttpRequest;
use actix_web::http::StatusCode;
use actix_web::web::{Data, Query};
use serde::Deserialize;
use shared::error::Code;
use view::Page;

/// What the address says.
#[derive(Deserialize)]
pub(crate) struct Ask {
    /// Set after something was ended; says what.
    ended: Option<String>,
}

/// How often a token may die between being handed out and being used. Twice is no coincidence.
const ATTEMPTS: usize = 2;

/// The page.
pub(crate) async fn show(gate: Data<Gate>, request: HttpRequest, ask: Query<Ask>) -> Answer {
    for _ in 0..ATTEMPTS {
        let who = match session::visitor(&gate.api, &request).await? {
            Visitor::Known(who) => who,
            Visitor::Stranger => return Ok(to_login(&gate.site)),
            Visitor::Gone => break,
        };
        let lists =
            async { Ok((seen(sessions::list(&gate.api, &who).await)?, seen(tokens::list(&gate.api, &who).await)?)) };
        let (logins, tokens) = match lists.await {
            Ok(lists) => lists,
            // Logged out in another place, in this moment: asking again tells.
            Err(error) if session::is_dead_token(&error) => continue,
            Err(error) => return Err(error.into()),
        };
        let issued = csrf::issue_for(&request, &gate.site, Some(&who.cookie))?;
        let ended = ask.ended.as_deref();
        let page = Page::new(&gate.site.frame, issued.token, &who, clock::now()).with(logins, tokens).after(ended);
        return html(StatusCode::OK, &page, issued.cookie);
    }
    to_login_without(&gate.site)
}

/// Some users may not see their own logins or tokens. They may see the rest.
fn seen<T>(list: Result<T, ApiError>) -> Result<Option<T>, ApiError> {
    match list {
        Err(error) if error.code() == Some(Code::Forbidden) => Ok(None),
        list => list.map(Some),
    }
}
