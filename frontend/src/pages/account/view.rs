//! What the account page shows, in the words of its template.

use crate::pages::tokens::List;
use crate::session::SignedIn;
use crate::site::Frame;
use crate::words::Moment;
use askama::Template;
use shared::command::Token;
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
    services: Option<Vec<Service>>,
    more: bool,
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
    pub(super) fn new(
        frame: &'a Frame,
        csrf: String,
        who: &'a SignedIn,
        list: Option<List>,
        now: Timestamp,
        ended: bool,
    ) -> Self {
        let user = &who.user;
        let name = user.name.as_deref().filter(|name| !name.trim().is_empty());
        Self {
            frame,
            csrf,
            notice: if ended { "That access has been ended." } else { "" },
            greeting: name.unwrap_or(user.username.as_str()),
            username: user.username.as_str(),
            name,
            email: user.email.as_ref().map(|email| email.as_str()),
            since: Moment::by_day(user.created_at),
            more: list.as_ref().is_some_and(|list| list.more),
            services: list.map(|list| services(list.tokens, who, now)),
        }
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

fn place(token: &Token, who: &SignedIn) -> Place {
    match token.session {
        _ if token.token.as_str() == who.token.key => Place::Here,
        Some(session) if session == who.session => Place::ThisLogin,
        Some(_) => Place::OtherLogin,
        None => Place::Job,
    }
}
