//! The pages: one page, one file, one template. A page opens its form, asks the data service, and answers.
//!
//! What goes wrong is a [`Failure`]; `errors` makes a page of it, in one place.

pub(crate) mod account;
pub(crate) mod assets;
pub(crate) mod errors;
pub(crate) mod health;
pub(crate) mod login;
pub(crate) mod logout;
pub(crate) mod sessions;
pub(crate) mod setup;
pub(crate) mod tokens;
pub(crate) mod verify;

pub(crate) use errors::Failure;

use crate::app::Gate;
use crate::session::SessionCookie;
use crate::site::Site;
use actix_web::HttpResponse;
use actix_web::cookie::Cookie;
use actix_web::http::StatusCode;
use actix_web::http::header::{ContentType, LOCATION};
use actix_web::web::Data;
use askama::Template;
use shared::oauth1::percent;

/// What a handler returns.
pub(crate) type Answer = Result<HttpResponse, Failure>;

/// For forms that came without a good token.
pub(crate) const EXPIRED: &str = "This form has expired, please try again.";

/// A rendered page, with a cookie if the browser is to keep one.
pub(crate) fn html(status: StatusCode, template: &impl Template, cookie: Option<Cookie<'_>>) -> Answer {
    let body = template.render().map_err(Failure::internal)?;
    let mut builder = HttpResponse::build(status);
    builder.content_type(ContentType::html());
    if let Some(cookie) = cookie {
        builder.cookie(cookie);
    }
    Ok(builder.body(body))
}

/// On to another page, to be fetched by GET.
pub(crate) fn see_other(location: &str) -> HttpResponse {
    HttpResponse::SeeOther().insert_header((LOCATION, location)).finish()
}

/// On to the login form, and back to the account page after it.
pub(crate) fn to_login(site: &Site) -> HttpResponse {
    let next = percent::encode(site.base.as_str().as_bytes());
    see_other(&site.base.at(&format!("login?next={next}")))
}

/// The same, and the cookie of a session that is over goes.
pub(crate) fn to_login_without(site: &Site) -> Answer {
    let mut response = to_login(site);
    response.add_cookie(&SessionCookie::removal(site)).map_err(Failure::internal)?;
    Ok(response)
}

/// The base path without its slash is a slip of the hand.
pub(crate) async fn add_slash(gate: Data<Gate>) -> HttpResponse {
    HttpResponse::PermanentRedirect().insert_header((LOCATION, gate.site.base.as_str())).finish()
}
