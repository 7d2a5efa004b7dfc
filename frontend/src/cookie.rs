//! Reading and writing cookies. Values are taken as they are: services in other languages read `sessionid` too, and
//! not all of them decode the same way.

use crate::site::Site;
use actix_web::HttpRequest;
use actix_web::cookie::{Cookie, SameSite, time::Duration};
use actix_web::http::header::COOKIE;

/// The value of a cookie, the first one if there are several. Cookies of others, however odd, are passed over.
pub(crate) fn read<'a>(request: &'a HttpRequest, name: &str) -> Option<&'a str> {
    let values = request.headers().get_all(COOKIE).flat_map(|header| header.as_bytes().split(|&b| b == b';'));
    let mut ours = values.filter_map(|pair| pair.trim_ascii().strip_prefix(name.as_bytes())?.strip_prefix(b"="));
    ours.find_map(|value| std::str::from_utf8(value).ok())
}

/// A cookie that no script can read and no foreign form can send.
pub(crate) fn write<'a>(site: &Site, name: &'a str, value: &'a str, path: &'a str) -> Cookie<'a> {
    Cookie::build(name, value).path(path).http_only(true).same_site(SameSite::Lax).secure(site.secure).finish()
}

/// The cookie that takes one away. The path must be the one it was set with.
pub(crate) fn remove<'a>(site: &Site, name: &'a str, path: &'a str) -> Cookie<'a> {
    let mut cookie = write(site, name, "", path);
    cookie.set_max_age(Duration::ZERO);
    cookie
}

/// True for a value that may be set: what RFC 6265 allows without quotes.
pub(crate) fn is_value(text: &str, most: usize) -> bool {
    let fine = |b: u8| b.is_ascii_graphic() && !matches!(b, b'"' | b',' | b';' | b'\\');
    !text.is_empty() && text.len() <= most && text.bytes().all(fine)
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::test::TestRequest;

    fn request(cookies: &'static [u8]) -> HttpRequest {
        let value = actix_web::http::header::HeaderValue::from_bytes(cookies).unwrap();
        TestRequest::default().insert_header((COOKIE, value)).to_http_request()
    }

    #[test]
    fn the_cookies_of_others_do_not_hide_ours() {
        for cookies in [
            &b"sessionid=abc"[..],
            b"a=1; sessionid=abc; sessionid=other",
            b"broken; =; \xff=1; xsessionid=no; sessionid=abc",
            b"sessionidx=no;sessionid=abc",
        ] {
            assert_eq!(read(&request(cookies), "sessionid"), Some("abc"));
        }
        assert_eq!(read(&request(b"sessionid"), "sessionid"), None);
        assert_eq!(read(&request(b"sessionid="), "sessionid"), Some(""));
        assert_eq!(read(&request(b"sessionid=%41%3D"), "sessionid"), Some("%41%3D"));
    }

    #[test]
    fn only_plain_values_are_values() {
        assert!(is_value("aZ0-_=.~%", 16));
        for bad in ["", "a b", "a;b", "a,b", "a\"b", "é", "a\r\nb", "0123456789abcdefg"] {
            assert!(!is_value(bad, 16), "{bad}");
        }
    }
}
