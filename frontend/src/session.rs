//! The session: its cookie, and who is behind it. The only file that knows the cookie `sessionid`.
//!
//! The cookie lasts as long as the browser runs, or for long if the person wants to be remembered; when the session
//! ends, the data service says. It lies on `/` whatever the base path, because the other services of the site read it
//! too. Its value comes from the data service, new at every login; what a browser brings along is asked about and
//! never made into a session.

use crate::api::{Api, ApiError};
use crate::cookie;
use crate::site::Site;
use actix_web::HttpRequest;
use actix_web::cookie::{Cookie, time::Duration};
use shared::command::{EndSession, ResolveSession, User};
use shared::error::Code;
use shared::oauth1::Credentials;
use shared::secret::Secret;
use uuid::Uuid;

/// The name, the same in every service of the site.
const NAME: &str = "sessionid";

/// Other services read the cookie too.
const PATH: &str = "/";

/// How long a browser that is to remember keeps the cookie: as long as any browser does, because how long the session
/// lasts is not its business.
const LONG: Duration = Duration::days(400);

/// Longer values are not ours.
const MOST_BYTES: usize = 512;

/// The value of the cookie, of which nothing is known before it is resolved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SessionCookie(Secret);

impl SessionCookie {
    /// The one a browser sent.
    pub(crate) fn of(request: &HttpRequest) -> Option<Self> {
        cookie::read(request, NAME).filter(|value| cookie::is_value(value, MOST_BYTES)).map(|v| Self(Secret::new(v)))
    }

    /// The one of a login.
    pub(crate) fn new(sessionid: Secret) -> Self {
        Self(sessionid)
    }

    /// The value, for the login that comes after this session.
    pub(crate) fn secret(&self) -> Secret {
        self.0.clone()
    }

    /// The value, for binding forms to it.
    pub(crate) fn expose(&self) -> &str {
        self.0.expose()
    }

    /// The cookie that starts the session in a browser.
    pub(crate) fn set<'a>(&'a self, site: &Site, remember: bool) -> Cookie<'a> {
        let mut cookie = cookie::write(site, NAME, self.expose(), PATH);
        if remember {
            cookie.set_max_age(LONG);
        }
        cookie
    }

    /// The cookie that takes it away.
    pub(crate) fn removal(site: &Site) -> Cookie<'static> {
        cookie::remove(site, NAME, PATH)
    }

    /// Ends the session everywhere. No error if there was none.
    pub(crate) async fn end(&self, api: &Api) -> Result<(), ApiError> {
        api.call(&EndSession { sessionid: self.0.clone() }, None).await
    }
}

/// Who is behind a request.
#[derive(Debug)]
pub(crate) enum Visitor {
    /// Nobody we know. A session of another service that has no user yet stays as it is.
    Stranger,
    /// Somebody whose session is over: the cookie can go.
    Gone,
    /// A user.
    Known(Box<SignedIn>),
}

/// A user with a live session.
#[derive(Debug)]
pub(crate) struct SignedIn {
    /// The public id of the session.
    pub(crate) session: Uuid,
    /// Who it is.
    pub(crate) user: User,
    /// Signs in the user's name.
    pub(crate) token: Credentials,
    /// The cookie.
    pub(crate) cookie: SessionCookie,
}

/// Asks the data service who is behind a request. Nothing is remembered, so no page is ever older than a logout.
pub(crate) async fn visitor(api: &Api, request: &HttpRequest) -> Result<Visitor, ApiError> {
    let Some(cookie) = SessionCookie::of(request) else { return Ok(Visitor::Stranger) };
    let resolved = match api.call(&ResolveSession { sessionid: cookie.0.clone() }, None).await {
        Ok(resolved) => resolved,
        Err(error) if matches!(error.code(), Some(Code::NotFound | Code::Invalid)) => return Ok(Visitor::Gone),
        Err(error) => return Err(error),
    };
    let Some(user) = resolved.user else { return Ok(Visitor::Stranger) };
    let (Some(token), Some(secret)) = (resolved.token, resolved.secret) else { return Ok(Visitor::Stranger) };
    let token = Credentials { key: token.to_string(), secret };
    Ok(Visitor::Known(Box::new(SignedIn { session: resolved.id, user, token, cookie })))
}

/// True if a token died between being handed out and being used: its session was ended in that moment.
pub(crate) fn is_dead_token(error: &ApiError) -> bool {
    matches!(error.code(), Some(Code::TokenRevoked | Code::TokenExpired | Code::SignatureInvalid))
}
