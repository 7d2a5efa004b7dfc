//! A form and its token as one type: what a form holds cannot be had before the token is checked.
//!
//! A browser gets a random value in the cookie `csrf`, and every form the HMAC of that value and of the session the
//! page was made for. A foreign site can neither read the one nor compute the other, and a token of one session opens
//! no form of another. Nothing is stored: the key follows from the consumer's secret, so forms survive a restart and
//! fit every instance. As a second fence, a browser that says where a form comes from must say "from here".

mod form;
mod source;

pub(crate) use form::{Form, ProtectedForm};

use crate::chance;
use crate::cookie;
use crate::pages::Failure;
use crate::session::SessionCookie;
use crate::site::Site;
use actix_web::HttpRequest;
use actix_web::cookie::Cookie;
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use hmac::{Hmac, Mac};
use sha2::Sha256;
use shared::secret::Secret;

/// The name of the cookie.
const NAME: &str = "csrf";

/// Makes a key for forms out of the consumer's secret, and for nothing else.
const LABEL: &[u8] = b"countersign frontend form token 1";

/// Computes and checks tokens.
#[derive(Clone)]
pub(crate) struct Key(Hmac<Sha256>);

impl Key {
    /// The key that belongs to a consumer secret.
    pub(crate) fn derive(secret: &Secret) -> Self {
        let derived = keyed(secret.expose().as_bytes()).chain_update(LABEL).finalize().into_bytes();
        Self(keyed(&derived))
    }

    /// The token for a browser and a session. The browser's value has one length, so the two cannot run together.
    fn token(&self, browser: &str, session: Option<&str>) -> String {
        URL_SAFE_NO_PAD.encode(self.mac(browser, session).finalize().into_bytes())
    }

    /// Checks a token in constant time.
    fn fits(&self, token: &str, browser: &str, session: Option<&str>) -> bool {
        let token = URL_SAFE_NO_PAD.decode(token).unwrap_or_default();
        self.mac(browser, session).verify_slice(&token).is_ok()
    }

    fn mac(&self, browser: &str, session: Option<&str>) -> Hmac<Sha256> {
        self.0.clone().chain_update(browser).chain_update(b"\0").chain_update(session.unwrap_or_default())
    }
}

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Key")
    }
}

fn keyed(key: &[u8]) -> Hmac<Sha256> {
    // HMAC takes a key of any length; the error arm of the trait is for other MACs.
    <Hmac<Sha256> as Mac>::new_from_slice(key).unwrap_or_else(|_| <Hmac<Sha256> as Mac>::new(&Default::default()))
}

/// What a page with a form needs: the token for the form, and the cookie if the browser has none yet. A cookie that
/// is there is kept, so that forms in other tabs stay good.
pub(crate) struct Issued {
    /// Goes into the field `csrf`.
    pub(crate) token: String,
    /// Goes with the answer.
    pub(crate) cookie: Option<Cookie<'static>>,
}

/// Issues a token for the browser behind a request and for its session.
pub(crate) fn issue(request: &HttpRequest, site: &Site) -> Result<Issued, Failure> {
    issue_for(request, site, SessionCookie::of(request).as_ref())
}

/// Issues a token for a page that the browser will see with this session, or with none.
pub(crate) fn issue_for(
    request: &HttpRequest,
    site: &Site,
    session: Option<&SessionCookie>,
) -> Result<Issued, Failure> {
    let (browser, cookie) = match browser(request) {
        Some(value) => (value.to_owned(), None),
        None => {
            let value = chance::word().map_err(Failure::internal)?;
            let cookie = cookie::write(site, NAME, &value, site.base.as_str()).into_owned();
            (value, Some(cookie))
        }
    };
    Ok(Issued { token: site.csrf.token(&browser, session.map(SessionCookie::expose)), cookie })
}

/// The value of the cookie, if it has the form of one of ours.
fn browser(request: &HttpRequest) -> Option<&str> {
    cookie::read(request, NAME)
        .filter(|value| value.len() == chance::WORD_CHARS && cookie::is_value(value, value.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_fits_one_key_one_browser_and_one_session() {
        let key = Key::derive(&Secret::new("s3cret"));
        let token = key.token("browser", Some("session"));
        assert!(key.fits(&token, "browser", Some("session")));
        assert!(Key::derive(&Secret::new("s3cret")).fits(&token, "browser", Some("session")), "after a restart");
        assert!(!Key::derive(&Secret::new("other")).fits(&token, "browser", Some("session")));
        assert!(!key.fits(&token, "another", Some("session")));
        assert!(!key.fits(&token, "browser", Some("another")));
        assert!(!key.fits(&token, "browser", None));
        for forged in ["", "x", &token[1..], "AAAA"] {
            assert!(!key.fits(forged, "browser", Some("session")));
        }
    }

    #[test]
    fn the_key_is_not_the_consumers_secret() {
        let plain = Key(keyed(b"s3cret")).token("browser", None);
        assert_ne!(plain, Key::derive(&Secret::new("s3cret")).token("browser", None));
    }
}
