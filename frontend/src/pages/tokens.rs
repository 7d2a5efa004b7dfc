//! The tokens of a user: what acts in somebody's name. `POST /tokens/end` ends one.

use super::sessions::{Ended, back};
use super::{Answer, EXPIRED, Failure, html, logout, to_login, to_login_without};
use crate::api::{Api, ApiError};
use crate::app::Gate;
use crate::csrf::{self, Form, ProtectedForm};
use crate::session::{self, SignedIn, Visitor};
use crate::site::Frame;
use actix_web::HttpRequest;
use actix_web::http::StatusCode;
use actix_web::web::Data;
use askama::Template;
use serde::Deserialize;
use shared::command::{Limit, ListTokens, RevokeToken, Token};
use shared::id::{TokenKey, TokenRef, UserRef};

/// Pages of tokens that are asked for; nobody reads a longer list.
const MOST_PAGES: usize = 5;

/// The live tokens of a user, newest first.
pub(super) struct List {
    /// The tokens.
    pub(super) tokens: Vec<Token>,
    /// True if there are more.
    pub(super) more: bool,
}

/// Asks for the tokens, page by page.
pub(super) async fn list(api: &Api, who: &SignedIn) -> Result<List, ApiError> {
    let mut list = List { tokens: Vec::new(), more: false };
    let mut after = None;
    for _ in 0..MOST_PAGES {
        let command = ListTokens { id: UserRef::Me, limit: Some(Limit::MOST), after };
        let page = api.call(&command, Some(&who.token)).await?;
        list.tokens.extend(page.items);
        list.more = page.next.is_some();
        after = page.next;
        if !list.more {
            break;
        }
    }
    Ok(list)
}

/// The form as it is sent.
#[derive(Deserialize)]
pub(crate) struct End {
    #[serde(default)]
    token: String,
}

impl Form for End {
    type Kept = ();

    fn kept(self) {}
}

#[derive(Template)]
#[template(path = "error.html")]
struct Expired<'a> {
    frame: &'a Frame,
    title: &'static str,
    text: &'static str,
    request_id: &'static str,
}

/// `POST /tokens/end`.
pub(crate) async fn end(gate: Data<Gate>, request: HttpRequest, sent: ProtectedForm<End>) -> Answer {
    let Ok(form) = sent.open() else { return nothing_ended(&gate, &request) };
    let token: TokenKey = form.token.parse().map_err(|_| Failure::Malformed)?;
    match session::visitor(&gate.api, &request).await? {
        Visitor::Known(who) if who.token.key == token.as_str() => logout::end(&gate, &request).await,
        Visitor::Known(who) => {
            let command = RevokeToken { token: TokenRef::Key(token) };
            back(&gate, gate.api.call(&command, Some(&who.token)).await, Ended::Access)
        }
        Visitor::Stranger => Ok(to_login(&gate.site)),
        Visitor::Gone => to_login_without(&gate.site),
    }
}

/// A form of the account page came without a good token. The page has a fresh form for each button.
pub(super) fn nothing_ended(gate: &Gate, request: &HttpRequest) -> Answer {
    let page = Expired { frame: &gate.site.frame, title: "Nothing was ended", text: EXPIRED, request_id: "" };
    html(StatusCode::FORBIDDEN, &page, csrf::issue(request, &gate.site)?.cookie)
}
