//! Reading a form: its size, its type, its time, its token. Only then what is in it.

use super::{browser, source};
use crate::app::Gate;
use crate::pages::Failure;
use crate::session::SessionCookie;
use actix_web::dev::Payload;
use actix_web::http::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderMap};
use actix_web::rt::time::timeout;
use actix_web::web::{self, Data};
use actix_web::{FromRequest, HttpRequest};
use serde::{Deserialize, de::DeserializeOwned};
use shared::oauth1::is_form;
use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

/// Bytes of a form.
const MOST_BYTES: usize = 8 * 1024;

/// How long a browser may take to send that little.
const PATIENCE: Duration = Duration::from_secs(15);

/// The fields of one form.
pub(crate) trait Form: DeserializeOwned + 'static {
    /// What a fresh form may show again of one that had no good token. Nothing is done with it.
    type Kept;

    /// Keeps that and drops the rest.
    fn kept(self) -> Self::Kept;
}

/// A form that was sent and whose fields cannot be reached before [`ProtectedForm::open`].
pub(crate) struct ProtectedForm<T> {
    form: T,
    genuine: bool,
}

impl<T: Form> ProtectedForm<T> {
    /// The fields of a genuine form; else what a fresh form may show again.
    pub(crate) fn open(self) -> Result<T, T::Kept> {
        if self.genuine { Ok(self.form) } else { Err(self.form.kept()) }
    }
}

#[derive(Deserialize)]
struct Token {
    #[serde(default)]
    csrf: String,
}

impl<T: Form> FromRequest for ProtectedForm<T> {
    type Error = Failure;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Failure>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (request, payload) = (request.clone(), web::Payload::from_request(request, payload));
        Box::pin(async move {
            let payload = payload.await.map_err(|_| Failure::Malformed)?;
            let body = timeout(PATIENCE, read(request.headers(), payload)).await.map_err(|_| Failure::Slow)??;
            let token: Token = serde_urlencoded::from_bytes(&body).map_err(|_| Failure::Malformed)?;
            let form = serde_urlencoded::from_bytes(&body).map_err(|_| Failure::Malformed)?;
            Ok(Self { form, genuine: is_genuine(&request, &token.csrf)? })
        })
    }
}

fn is_genuine(request: &HttpRequest, token: &str) -> Result<bool, Failure> {
    let gate = request.app_data::<Data<Gate>>().ok_or_else(|| Failure::internal("a form outside the application"))?;
    let session = SessionCookie::of(request);
    let fits = browser(request)
        .is_some_and(|browser| gate.site.csrf.fits(token, browser, session.as_ref().map(SessionCookie::expose)));
    Ok(fits && source::is_ours(request, &gate.site))
}

async fn read(headers: &HeaderMap, payload: web::Payload) -> Result<web::Bytes, Failure> {
    // Said first, so that nobody sends a film before they are told.
    let announced = headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<usize>().ok());
    if announced.is_some_and(|bytes| bytes > MOST_BYTES) {
        return Err(Failure::TooLarge);
    }
    if !is_form(headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok())) {
        return Err(Failure::NoForm);
    }
    let body = payload.to_bytes_limited(MOST_BYTES).await.map_err(|_| Failure::TooLarge)?;
    body.map_err(|_| Failure::Malformed)
}
