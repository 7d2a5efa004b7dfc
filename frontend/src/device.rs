//! The device a person has logged in from before. The data service counts its failed attempts apart, so that
//! strangers who guess at a name do not keep its owner out. It says nothing about who is logged in, and logout
//! leaves it.

use crate::cookie;
use crate::site::Site;
use actix_web::HttpRequest;
use actix_web::cookie::{Cookie, time::Duration};
use shared::secret::Secret;

const NAME: &str = "device";

/// Longer values are not ours.
const MOST_BYTES: usize = 512;

/// Half a year.
const LIFETIME: Duration = Duration::days(180);

/// What a browser kept of an earlier login.
pub(crate) fn of(request: &HttpRequest) -> Option<Secret> {
    cookie::read(request, NAME).filter(|value| cookie::is_value(value, MOST_BYTES)).map(Secret::new)
}

/// What it keeps of this one. Only the login page gets to see it.
pub(crate) fn set(site: &Site, device: &Secret) -> Option<Cookie<'static>> {
    if !cookie::is_value(device.expose(), MOST_BYTES) {
        return None;
    }
    let path = site.base.at("login");
    let mut cookie = cookie::write(site, NAME, device.expose(), &path).into_owned();
    cookie.set_max_age(LIFETIME);
    Some(cookie)
}
