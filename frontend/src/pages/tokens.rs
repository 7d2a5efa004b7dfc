//! The tokens of a user: where somebody is logged in. `POST /tokens/end` ends one.

use super::{Answer, EXPIRED, Failure, html, logout, see_other, to_login, to_login_without};
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
use shared::error::Code;
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
    let Ok(form) = sent.open() else {
        // The account page has a fresh form for each token.
        let page = Expired { frame: &gate.site.frame, title: "Nothing was ended", text: EXPIRED, request_id: "" };
        return html(StatusCode::FORBIDDEN, &page, csrf::issue(&request, &gate.site)?.cookie);
    };
    let token: TokenKey = form.token.parse().map_err(|_| Failure::Malformed)?;
    match session::visitor(&gate.api, &request).await? {
        Visitor::Known(who) if who.token.key == token.as_str() => logout::end(&gate, &request).await,
        Visitor::Known(who) => revoke(&gate, &who, token).await,
        Visitor::Stranger => Ok(to_login(&gate.site)),
        Visitor::Gone => to_login_without(&gate.site),
    }
}

async fn revoke(gate: &Gate, who: &SignedIn, token: TokenKey) -> Answer {
    let command = RevokeToken { token: TokenRef::Key(token) };
    match gate.api.call(&command, Some(&who.token)).await {
        Ok(_) => Ok(see_other(&gate.site.base.at("?ended=1"))),
        // Already over.
        Err(error) if error.code() == Some(Code::NotFound) => Ok(see_other(&gate.site.base.at("?ended=1"))),
        // Then the account page finds out who is logged in.
        Err(error) if session::is_dead_token(&error) => Ok(see_other(gate.site.base.as_str())),
        Err(error) => Err(error.into()),
    }
}
