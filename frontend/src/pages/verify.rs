//! `GET /verify`: what a proxy asks before it lets a request through. nginx calls it `auth_request`, Traefik and Caddy
//! forward auth.
//!
//! 204 and who it is, or 401 and where to log in; a data service that is away is 503 and never "not logged in". Nothing
//! is remembered between two questions, so a logout anywhere is seen by the next request. Cookies are left alone: many
//! requests ask at once, and an answer that comes late must not take away the cookie of a newer login.

use super::{Answer, Failure, html};
use crate::app::Gate;
use crate::next::Next;
use crate::session::{self, Visitor};
use crate::site::{Frame, Site};
use actix_web::http::StatusCode;
use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue, LOCATION};
use actix_web::web::{Data, Query};
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;
use serde::Deserialize;
use shared::command::User;
use shared::oauth1::percent;

/// Where proxies write what was asked for: nginx by our example, Traefik and Caddy by themselves. Who sends a false one
/// leads nobody but themselves astray, and not off this site.
const ASKED_FOR: [&str; 2] = ["x-original-uri", "x-forwarded-uri"];

/// What the address says.
#[derive(Deserialize)]
pub(crate) struct Ask {
    redirect: Option<Redirect>,
}

/// For proxies that hand the answer to the browser as it is. nginx would make a 500 of a redirect.
#[derive(Clone, Copy, Deserialize)]
enum Redirect {
    #[serde(rename = "302")]
    Found,
}

#[derive(Template)]
#[template(path = "verify.html")]
struct Page<'a> {
    frame: &'a Frame,
    login: &'a str,
}

/// The answer.
pub(crate) async fn show(gate: Data<Gate>, request: HttpRequest, ask: Query<Ask>) -> Answer {
    match session::visitor(&gate.api, &request).await? {
        Visitor::Known(who) => welcome(&who.user),
        Visitor::Stranger | Visitor::Gone => refuse(&gate.site, request.headers(), ask.redirect),
    }
}

/// All headers always, empty if there is nothing to say: a proxy that copies them overwrites what the client sent under
/// the same names.
fn welcome(user: &User) -> Answer {
    let name = user.username.as_str();
    let email = user.email.as_ref().map_or("", |email| email.as_str());
    let mut response = HttpResponse::NoContent().finish();
    for (header, value) in [
        ("x-auth-request-user", user.id.to_string().as_str()),
        ("x-auth-request-email", email),
        ("x-auth-request-preferred-username", name),
        ("remote-user", name),
    ] {
        let value = HeaderValue::from_str(&ascii(value)).map_err(Failure::internal)?;
        response.headers_mut().insert(HeaderName::from_static(header), value);
    }
    Ok(response)
}

/// A text as a header can carry it: what is not visible ASCII is percent-encoded, and so is the percent sign, so that
/// no two texts become one.
fn ascii(text: &str) -> String {
    let (mut out, mut utf8) = (String::with_capacity(text.len()), [0; 4]);
    for c in text.chars() {
        match c.is_ascii_graphic() && c != '%' {
            true => out.push(c),
            false => percent::encode_into(&mut out, c.encode_utf8(&mut utf8).as_bytes()),
        }
    }
    out
}

fn refuse(site: &Site, headers: &HeaderMap, redirect: Option<Redirect>) -> Answer {
    let asked_for = ASKED_FOR.iter().find_map(|name| headers.get(*name)?.to_str().ok());
    let next = asked_for.map(Next::parse).unwrap_or_default();
    let next = percent::encode(next.or_base(&site.base).as_bytes()).into_owned();
    let login = site.base.at(&format!("login?next={next}"));
    let (mut response, location) = match redirect {
        None => (html(StatusCode::UNAUTHORIZED, &Page { frame: &site.frame, login: &login }, None)?, login),
        // Traefik would resolve a mere path against the address at which it reaches us.
        Some(Redirect::Found) => (HttpResponse::Found().finish(), site.absolute(login)),
    };
    let location = HeaderValue::from_str(&location).map_err(Failure::internal)?;
    response.headers_mut().insert(LOCATION, location);
    Ok(response)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_ascii_and_no_two_become_one() {
        for (text, wanted) in [
            ("ada", "ada"),
            ("", ""),
            ("ada+news@example.com", "ada+news@example.com"),
            ("jürgen@example.com", "j%C3%BCrgen@example.com"),
            ("j%C3%BCrgen@example.com", "j%25C3%25BCrgen@example.com"),
            ("a\r\nX-Evil: 1", "a%0D%0AX-Evil:%201"),
            ("日本", "%E6%97%A5%E6%9C%AC"),
            ("%%", "%25%25"),
        ] {
            assert_eq!(ascii(text), wanted);
        }
    }
}
