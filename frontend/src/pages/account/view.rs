//! What the account page shows, in the words of its template.

use crate::pages::sessions::{self, Ended};
use crate::pages::tokens::List;
use crate::session::SignedIn;
use crate::site::Frame;
use crate::words::Moment;
use askama::Template;
use shared::command::{SessionSeen, Token};
use shared::timestamp::Timestamp;
use std::collections::BTreeMap;

/// The page.
#[derive(Template)]
#[template(path = "account.html")]
pub(super) struct Page<'a> {
    frame: &'a Frame,
    csrf: String,
    notice: &'static str,
    greeting: &'a str,
    username: &'a str,
    name: Option<&'a str>,
    email: Option<&'a str>,
    since: Moment,
    logins: Option<Logins>,
    services: Option<Vec<Service>>,
    more: bool,
    who: &'a SignedIn,
    now: Timestamp,
}

/// Where somebody is logged in.
struct Logins {
    rows: Vec<Login>,
    more: bool,
}

impl Logins {
    /// True if there is another one than this.
    fn others(&self) -> bool {
        self.rows.iter().any(|login| !login.here)
    }
}

/// One login.
struct Login {
    id: String,
    here: bool,
    created: Moment,
    used: Moment,
    expires: Moment,
}

/// The tokens of one service.
struct Service {
    name: String,
    tokens: Vec<Row>,
}

/// One token.
struct Row {
    token: String,
    label: String,
    created: Moment,
    used: Option<Moment>,
    expires: Moment,
    place: Place,
}

/// What a token belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// To this very page: it ends by logging out.
    Here,
    /// To the same login, in another service.
    ThisLogin,
    /// To another login.
    OtherLogin,
    /// To no login: a job that acts for the user.
    Job,
}

impl<'a> Page<'a> {
    /// The page for a user, as of now.
    pub(super) fn new(frame: &'a Frame, csrf: String, who: &'a SignedIn, now: Timestamp) -> Self {
        let user = &who.user;
        let name = user.name.as_deref().filter(|name| !name.trim().is_empty());
        Self {
            frame,
            csrf,
            notice: "",
            greeting: name.unwrap_or(user.username.as_str()),
            username: user.username.as_str(),
            name,
            email: user.email.as_ref().map(|email| email.as_str()),
            since: Moment::by_day(user.created_at),
            logins: None,
            services: None,
            more: false,
            who,
            now,
        }
    }

    /// The same with what the user may see: where they are logged in, and what acts in their name.
    pub(super) fn with(self, logins: Option<sessions::List>, tokens: Option<List>) -> Self {
        let row = |session: SessionSeen| login(session, self.who, self.now);
        Self {
            logins: logins.map(|list| Logins { rows: list.sessions.into_iter().map(row).collect(), more: list.more }),
            more: tokens.as_ref().is_some_and(|list| list.more),
            services: tokens.map(|list| services(list.tokens, self.who, self.now)),
            ..self
        }
    }

    /// The same after something was ended, in the word of the address.
    pub(super) fn after(self, ended: Option<&str>) -> Self {
        Self { notice: ended.map_or("", Ended::notice), ..self }
    }
}

/// By service, in the order of the alphabet; within a service newest first, as they come.
fn services(tokens: Vec<Token>, who: &SignedIn, now: Timestamp) -> Vec<Service> {
    let mut services: BTreeMap<String, Vec<Row>> = BTreeMap::new();
    for token in tokens {
        services.entry(token.service.to_string()).or_default().push(row(token, who, now));
    }
    services.into_iter().map(|(name, tokens)| Service { name, tokens }).collect()
}

fn row(token: Token, who: &SignedIn, now: Timestamp) -> Row {
    Row {
        place: place(&token, who),
        created: Moment::of(token.created_at, now),
        used: token.last_used_at.map(|used| Moment::of(used, now)),
        expires: Moment::of(token.expires_at, now),
        label: token.label,
        token: token.token.to_string(),
    }
}

fn login(session: SessionSeen, who: &SignedIn, now: Timestamp) -> Login {
    Login {
        here: session.id == who.session,
        id: session.id.to_string(),
        created: Moment::of(session.created_at, now),
        used: Moment::of(session.last_used_at, now),
        expires: Moment::of(session.expires_at, now),
    }
}

fn place(token: &Token, who: &SignedIn) -> Place {
    match token.session {
        _ if token.token.as_str() == who.token.key => Place::Here,
        Some(session) if session == who.session => Place::ThisLogin,
        Some(_) => Place::OtherLogin,
        None => Place::Job,
    }
}
