//! What the little data service knows, and the commands it does.

use super::{Mood, now};
use actix_web::http::Uri;
use serde::Serialize;
use shared::command::{
    Authenticate, Authenticated, ClaimSetup, Client, Command, EndOtherSessions, EndSession, Ended, EndedSessions,
    ListSessions, ListTokens, Page, Receipt, ResolveSession, RevokeSession, RevokeToken, SessionData, SessionSeen,
    SessionState, Token, User, decode,
};
use shared::error::{Code, Refusal};
use shared::id::TokenRef;
use shared::secret::Secret;
use shared::timestamp::Timestamp;
use std::collections::{BTreeMap, HashSet};
use uuid::Uuid;

/// The one-time link of this installation.
pub const LINK: &str = "one-time-link";

pub struct Memory {
    pub mood: Mood,
    /// By user name: password and user.
    pub users: BTreeMap<String, (String, User)>,
    /// By the secret session id.
    pub sessions: BTreeMap<String, Seat>,
    pub tokens: Vec<Token>,
    /// Tokens that are over, whose secret is still known.
    pub dead: HashSet<String>,
    /// What was said about who is typing, login by login.
    pub clients: Vec<Client>,
    /// What was asked about each login: the session before it, and whether to remember the browser.
    pub logins: Vec<(Option<String>, bool)>,
    /// Requests that were not signed well. There must be none.
    pub refused: Vec<Refusal>,
    pub nonces: HashSet<String>,
    /// Commands that were done.
    pub done: Vec<&'static str>,
    /// How many tokens a page of them holds.
    pub page: usize,
    /// This command is forbidden to everybody.
    pub forbidden: Option<&'static str>,
    link_spent: bool,
    made: u128,
}

/// A session.
pub struct Seat {
    pub id: Uuid,
    pub user: Option<String>,
    pub token: String,
}

type Reply = Result<(u16, String), Refusal>;

impl Memory {
    pub(super) fn new() -> Self {
        let mut memory = Self {
            mood: Mood::Well,
            users: BTreeMap::new(),
            sessions: BTreeMap::new(),
            tokens: Vec::new(),
            dead: HashSet::new(),
            clients: Vec::new(),
            logins: Vec::new(),
            refused: Vec::new(),
            nonces: HashSet::new(),
            done: Vec::new(),
            page: 200,
            forbidden: None,
            link_spent: false,
            made: 0,
        };
        memory.add_user("ada", "correct horse");
        memory
    }

    pub fn add_user(&mut self, name: &str, password: &str) -> &mut User {
        let user = User {
            id: self.fresh(),
            username: name.parse().unwrap(),
            email: None,
            name: None,
            created_at: Timestamp::from_seconds(1_700_000_000),
            disabled_at: None,
            version: 1,
        };
        &mut self.users.entry(name.into()).or_insert((password.into(), user)).1
    }

    pub fn user(&mut self, name: &str) -> &mut User {
        &mut self.users.get_mut(name).unwrap().1
    }

    /// A token of a service for the only user there is.
    pub fn add_token(&mut self, service: &str, label: &str, session: Option<Uuid>) -> String {
        let token = format!("token{}", self.fresh().simple());
        self.tokens.insert(
            0,
            Token {
                token: token.parse().unwrap(),
                consumer: service.parse().unwrap(),
                label: label.into(),
                service: service.parse().unwrap(),
                session,
                created_at: Timestamp::from_seconds(now() - 3 * 86400),
                expires_at: Timestamp::from_seconds(now() + 11 * 86400 + 60),
                last_used_at: None,
            },
        );
        token
    }

    fn fresh(&mut self) -> Uuid {
        self.made += 1;
        Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_0000 + self.made)
    }

    pub(super) fn secret_of(&self, token: &str) -> Option<Secret> {
        let known = self.dead.contains(token) || self.tokens.iter().any(|known| known.token.as_str() == token);
        known.then(|| Secret::new(format!("secret of {token}")))
    }

    pub(super) fn is_live(&self, token: &str) -> bool {
        !self.dead.contains(token)
    }

    /// Ends a session as another service would.
    pub fn end_session(&mut self, sessionid: &str) {
        let Some(seat) = self.sessions.remove(sessionid) else { return };
        self.dead.extend(self.tokens.iter().filter(|t| t.session == Some(seat.id)).map(|t| t.token.to_string()));
        self.tokens.retain(|token| token.session != Some(seat.id));
    }

    pub(super) fn run(&mut self, method: &str, uri: &Uri, body: &[u8], token: Option<&str>) -> Reply {
        let query: Vec<(String, String)> = serde_urlencoded::from_str(uri.query().unwrap_or("")).unwrap();
        let parts: Vec<&str> = uri.path().split('/').skip(1).collect();
        let path = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        match (method, parts.as_slice()) {
            ("POST", ["authenticate"]) => self.authenticate(read([], Vec::new(), body)),
            ("POST", ["sessions", "resolve"]) => self.resolve(&read([], Vec::new(), body)),
            ("POST", ["sessions", "end"]) => {
                let command: EndSession = read([], Vec::new(), body);
                self.end_session(command.sessionid.expose());
                self.reply::<EndSession>(&())
            }
            ("POST", ["setup"]) => self.claim(read([], Vec::new(), body)),
            ("GET", ["users", id, "tokens"]) => {
                self.list(&read([path("id", id)], query, body), token.expect("signed for a user"))
            }
            ("DELETE", ["tokens", id]) => self.revoke(&read([path("token", id)], query, body), token),
            ("GET", ["users", id, "sessions"]) => self.sessions_of(&read([path("id", id)], query, body), token),
            ("DELETE", ["users", id, "sessions"]) => self.end_others(&read([path("id", id)], query, body), token),
            ("DELETE", ["users", id, "sessions", session]) => {
                self.end_one(&read([path("id", id), path("session", session)], query, body), token)
            }
            _ => panic!("the frontend asked for {method} {uri}"),
        }
    }

    fn reply<C: Command>(&mut self, reply: &impl Serialize) -> Reply {
        if self.forbidden == Some(C::NAME) {
            return Err(Refusal::forbidden(C::NAME, "you"));
        }
        self.done.push(C::NAME);
        let body = if C::ROUTE.status == 204 { String::new() } else { serde_json::to_string(reply).unwrap() };
        Ok((C::ROUTE.status, body))
    }

    fn authenticate(&mut self, command: Authenticate) -> Reply {
        self.clients.push(command.client.unwrap_or_default());
        let before = command.sessionid.map(|id| id.expose().to_owned());
        self.logins.push((before.clone(), command.remember));
        let user = match self.users.get(&command.username) {
            Some((password, user)) if password == command.password.expose() => user.clone(),
            _ => return Err(Refusal::new(Code::InvalidCredentials, "wrong name or password")),
        };
        self.end_session(before.as_deref().unwrap_or_default());
        let id = self.fresh();
        let token = self.add_token("accounts", "Account pages", Some(id));
        let sessionid = format!("session-{}", self.fresh().simple());
        let seat = Seat { id, user: Some(command.username), token: token.clone() };
        self.sessions.insert(sessionid.clone(), seat);
        let device = Secret::new(format!("device-{}", self.fresh().simple()));
        self.reply::<Authenticate>(&Authenticated {
            secret: self.secret_of(&token).unwrap(),
            token: token.parse().unwrap(),
            expires_at: Timestamp::from_seconds(now() + 86400),
            user,
            sessionid: Secret::new(sessionid),
            device,
        })
    }

    fn resolve(&mut self, command: &ResolveSession) -> Reply {
        let gone = || Refusal::new(Code::NotFound, "no such session");
        let seat = self.sessions.get(command.sessionid.expose()).ok_or_else(gone)?;
        let user = seat.user.as_ref().map(|name| self.users[name].1.clone());
        let (id, token) = (seat.id, seat.token.clone());
        self.reply::<ResolveSession>(&SessionState {
            id,
            secret: user.is_some().then(|| Secret::new(format!("secret of {token}"))),
            token: user.is_some().then(|| token.parse().unwrap()),
            user,
            data: SessionData::default(),
            version: 1,
            created_at: Timestamp::from_seconds(now()),
            expires_at: Timestamp::from_seconds(now() + 86400),
        })
    }

    /// The user a token acts for, and the session it belongs to.
    fn signer(&self, token: Option<&str>) -> (String, Uuid) {
        let token = token.expect("signed for a user");
        let seat = self.sessions.values().find(|seat| seat.token == token).expect("of a session");
        (seat.user.clone().unwrap(), seat.id)
    }

    fn sessions_of(&mut self, command: &ListSessions, token: Option<&str>) -> Reply {
        assert_eq!(command.id.to_string(), "me");
        let (user, current) = self.signer(token);
        let seen = |seat: &Seat| SessionSeen {
            id: seat.id,
            created_at: Timestamp::from_seconds(now() - 3 * 3600 - 5),
            last_used_at: Timestamp::from_seconds(now() - 5 * 60 - 5),
            expires_at: Timestamp::from_seconds(now() + 12 * 3600 + 60),
            current: seat.id == current,
        };
        let items: Vec<_> = self.sessions.values().filter(|s| s.user.as_ref() == Some(&user)).map(seen).collect();
        let most = usize::try_from(command.limit.unwrap()).unwrap().min(self.page);
        let next = (items.len() > most).then(|| "more".to_owned());
        self.reply::<ListSessions>(&Page { items: items.into_iter().take(most).collect(), next })
    }

    fn end_one(&mut self, command: &RevokeSession, token: Option<&str>) -> Reply {
        let (user, _) = self.signer(token);
        let theirs = |seat: &Seat| seat.id == command.session && seat.user.as_ref() == Some(&user);
        let Some(id) = self.sessions.iter().find(|(_, seat)| theirs(seat)).map(|(id, _)| id.clone()) else {
            return Err(Refusal::new(Code::NotFound, "no such session"));
        };
        self.end_session(&id);
        self.reply::<RevokeSession>(&())
    }

    fn end_others(&mut self, command: &EndOtherSessions, token: Option<&str>) -> Reply {
        assert_eq!(command.id.to_string(), "me");
        let (user, current) = self.signer(token);
        let others = |seat: &Seat| seat.id != current && seat.user.as_ref() == Some(&user);
        let ids: Vec<String> =
            self.sessions.iter().filter(|(_, seat)| others(seat)).map(|(id, _)| id.clone()).collect();
        ids.iter().for_each(|id| self.end_session(id));
        self.reply::<EndOtherSessions>(&EndedSessions { ended: ids.len() as u64 })
    }

    fn claim(&mut self, command: ClaimSetup) -> Reply {
        if self.link_spent || command.link.expose() != LINK {
            return Err(Refusal::new(Code::Gone, "the link is spent or too old"));
        }
        if command.password.expose().len() < 8 {
            return Err(Refusal::invalid("password", "too_short", "at least 8 bytes"));
        }
        if self.users.contains_key(command.username.as_str()) {
            return Err(Refusal::new(Code::Conflict, "taken"));
        }
        self.link_spent = true;
        let user = self.add_user(command.username.as_str(), command.password.expose());
        user.email = command.email;
        let user = user.clone();
        self.reply::<ClaimSetup>(&user)
    }

    fn list(&mut self, command: &ListTokens, token: &str) -> Reply {
        assert_eq!(command.id.to_string(), "me");
        assert!(self.tokens.iter().any(|known| known.token.as_str() == token));
        let from: usize =
            command.after.as_deref().map_or(0, |after| after.strip_prefix("at ").unwrap().parse().unwrap());
        let to = (from + self.page).min(self.tokens.len());
        let next = (from < to && to < self.tokens.len()).then(|| format!("at {to}"));
        let page = Page { items: self.tokens[from..to].to_vec(), next };
        self.reply::<ListTokens>(&page)
    }

    fn revoke(&mut self, command: &RevokeToken, signer: Option<&str>) -> Reply {
        assert!(signer.is_some(), "signed for a user");
        let TokenRef::Key(key) = &command.token else { panic!("the frontend ends sessions by their id") };
        if !self.tokens.iter().any(|token| token.token == *key) {
            return Err(Refusal::new(Code::NotFound, "no such token"));
        }
        self.tokens.retain(|token| token.token != *key);
        let ended = Ended { tokens: 1, sessions: 0 };
        let (sequence, at) = (1, Timestamp::from_seconds(now()));
        self.reply::<RevokeToken>(&Receipt { sequence, at, ended, confirmed: Vec::new(), silent: Vec::new() })
    }
}

fn read<C: Command>(path: impl IntoIterator<Item = (String, String)>, query: Vec<(String, String)>, body: &[u8]) -> C {
    decode(path, query, body, None).unwrap()
}
