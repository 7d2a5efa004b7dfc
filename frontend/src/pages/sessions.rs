//! The logins of a user. `POST /sessions/end` ends one, `POST /sessions/others` all but the one of this browser.

use super::tokens::nothing_ended;
use super::{Answer, Failure, logout, see_other, to_login, to_login_without};
use crate::api::{Api, ApiError};
use crate::app::Gate;
use crate::csrf::{Form, ProtectedForm};
use crate::session::{self, SignedIn, Visitor};
use actix_web::HttpRequest;
use actix_web::web::Data;
use serde::Deserialize;
use shared::command::{EndOtherSessions, Limit, ListSessions, RevokeSession, SessionSeen};
use shared::error::Code;
use shared::id::UserRef;
use uuid::Uuid;

/// The live sessions of a user, newest first: as many as anybody reads.
pub(super) struct List {
    /// The sessions.
    pub(super) sessions: Vec<SessionSeen>,
    /// True if there are more.
    pub(super) more: bool,
}

/// Asks for the sessions.
pub(super) async fn list(api: &Api, who: &SignedIn) -> Result<List, ApiError> {
    let command = ListSessions { id: UserRef::Me, limit: Some(Limit::MOST), after: None };
    let page = api.call(&command, Some(&who.token)).await?;
    Ok(List { sessions: page.items, more: page.next.is_some() })
}

/// What was ended, as the address of the account page says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ended {
    /// A token.
    Access,
    /// A login.
    Login,
    /// All logins but one.
    Others,
}

impl Ended {
    /// Back to the account page, which says so.
    pub(super) const fn address(self) -> &'static str {
        match self {
            Self::Access => "?ended=1",
            Self::Login => "?ended=login",
            Self::Others => "?ended=others",
        }
    }

    /// The sentence for the word in an address.
    pub(super) fn notice(word: &str) -> &'static str {
        match word {
            "login" => "That login has been ended.",
            "others" => "All other logins have been ended.",
            _ => "That access has been ended.",
        }
    }
}

/// The form of one login.
#[derive(Deserialize)]
pub(crate) struct End {
    #[serde(default)]
    session: String,
}

impl Form for End {
    type Kept = ();

    fn kept(self) {}
}

/// The form of all others has no fields but its token.
#[derive(Deserialize)]
pub(crate) struct Others {}

impl Form for Others {
    type Kept = ();

    fn kept(self) {}
}

/// `POST /sessions/end`.
pub(crate) async fn end(gate: Data<Gate>, request: HttpRequest, sent: ProtectedForm<End>) -> Answer {
    let Ok(form) = sent.open() else { return nothing_ended(&gate, &request) };
    let session: Uuid = form.session.parse().map_err(|_| Failure::Malformed)?;
    match session::visitor(&gate.api, &request).await? {
        Visitor::Known(who) if who.session == session => logout::end(&gate, &request).await,
        Visitor::Known(who) => {
            let command = RevokeSession { id: UserRef::Me, session };
            back(&gate, gate.api.call(&command, Some(&who.token)).await, Ended::Login)
        }
        Visitor::Stranger => Ok(to_login(&gate.site)),
        Visitor::Gone => to_login_without(&gate.site),
    }
}

/// `POST /sessions/others`.
pub(crate) async fn end_others(gate: Data<Gate>, request: HttpRequest, sent: ProtectedForm<Others>) -> Answer {
    if sent.open().is_err() {
        return nothing_ended(&gate, &request);
    }
    match session::visitor(&gate.api, &request).await? {
        Visitor::Known(who) => {
            let command = EndOtherSessions { id: UserRef::Me };
            back(&gate, gate.api.call(&command, Some(&who.token)).await, Ended::Others)
        }
        Visitor::Stranger => Ok(to_login(&gate.site)),
        Visitor::Gone => to_login_without(&gate.site),
    }
}

/// Back to the account page.
pub(super) fn back<T>(gate: &Gate, done: Result<T, ApiError>, ended: Ended) -> Answer {
    match done {
        Ok(_) => Ok(see_other(&gate.site.base.at(ended.address()))),
        // Already over.
        Err(error) if error.code() == Some(Code::NotFound) => Ok(see_other(&gate.site.base.at(ended.address()))),
        // Then the account page finds out who is logged in.
        Err(error) if session::is_dead_token(&error) => Ok(see_other(gate.site.base.as_str())),
        Err(error) => Err(error.into()),
    }
}
