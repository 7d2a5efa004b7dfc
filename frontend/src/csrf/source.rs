//! Where a form was sent from, as far as the browser says it.

use crate::site::Site;
use actix_web::HttpRequest;
use actix_web::http::header::{HOST, HeaderMap, ORIGIN};

/// False if the browser says that the form comes from another place. A browser that says nothing is not refused: the
/// token is there for that.
pub(super) fn is_ours(request: &HttpRequest, site: &Site) -> bool {
    let headers = request.headers();
    if let Some(fetch_site) = text(headers, "sec-fetch-site") {
        // `none` is the person's own doing, such as sending a form again from the history.
        return matches!(fetch_site, "same-origin" | "none");
    }
    match text(headers, ORIGIN.as_str()) {
        // `null` is what our own forms say, because our pages ask that no referrer be sent.
        None | Some("null") => true,
        Some(origin) => origin == site.origin || same_host(origin, text(headers, HOST.as_str())),
    }
}

/// People may come by another name than the public URL, `localhost` for instance. No foreign page can make a browser
/// send our `Host` together with its own `Origin` as if they were one.
fn same_host(origin: &str, host: Option<&str>) -> bool {
    let origin_host = origin.split_once("://").map(|(_, host)| host);
    host.is_some_and(|host| origin_host.is_some_and(|origin_host| origin_host.eq_ignore_ascii_case(host)))
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    // What is not text is no word we know.
    headers.get(name).map(|value| value.to_str().unwrap_or("?"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::Settings;
    use actix_web::test::TestRequest;
    use shared::oauth1::Credentials;
    use std::net::SocketAddr;

    #[test]
    fn only_a_foreign_origin_is_refused() {
        let mut settings = Settings::new("http://127.0.0.1:8000", Credentials::new("k", "s"));
        settings.public_url = Some("https://example.com".into());
        let site = Site::new(&settings, SocketAddr::from(([127, 0, 0, 1], 4444))).unwrap();
        for (headers, ours) in [
            (&[][..], true),
            (&[("origin", "null")], true),
            (&[("origin", "https://example.com"), ("host", "backend:4444")], true),
            (&[("origin", "http://localhost:4444"), ("host", "localhost:4444")], true),
            (&[("origin", "https://evil.example"), ("host", "example.com")], false),
            (&[("origin", "http://example.com:81"), ("host", "example.com")], false),
            (&[("origin", "nonsense"), ("host", "example.com")], false),
            (&[("sec-fetch-site", "same-origin"), ("origin", "null")], true),
            (&[("sec-fetch-site", "none")], true),
            (&[("sec-fetch-site", "same-site")], false),
            (&[("sec-fetch-site", "cross-site"), ("origin", "https://example.com")], false),
        ] {
            let mut request = TestRequest::post();
            for pair in headers {
                request = request.insert_header(*pair);
            }
            assert_eq!(is_ours(&request.to_http_request(), &site), ours, "{headers:?}");
        }
    }
}
