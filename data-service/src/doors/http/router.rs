//! From method and path to a command. The table is made from the commands' declarations.

use super::reply;
use crate::caller::Caller;
use crate::commands::{Rooms, Run};
use crate::doors::dispatch::{call, malformed};
use crate::error::Result;
use actix_web::HttpResponse;
use futures_util::future::{FutureExt as _, LocalBoxFuture};
use shared::command::*;
use shared::error::{Code, Refusal};
use shared::oauth1::percent::{self, Plus};

/// The parts of a request a command is made of.
pub(super) struct Incoming<'a> {
    pub(super) fields: Vec<(String, String)>,
    pub(super) query: Option<&'a str>,
    pub(super) content_type: Option<&'a str>,
    pub(super) if_match: Option<&'a str>,
    pub(super) body: &'a [u8],
}

/// Decodes, calls, encodes.
type Handler = for<'a> fn(&'a Rooms, &'a Caller, Incoming<'a>) -> LocalBoxFuture<'a, Result<HttpResponse>>;

/// All routes.
pub(super) struct Router(Vec<(Route, Handler)>);

impl Default for Router {
    fn default() -> Self {
        macro_rules! table {
            ($($command:ident,)*) => { vec![$((<$command as Command>::ROUTE, handle::<$command> as Handler),)*] };
        }
        Self(shared::for_each_command!(table))
    }
}

impl Router {
    /// The handler for a request, and the fields its path holds.
    pub(super) fn find(&self, method: &str, path: &str) -> Result<(Handler, Vec<(String, String)>), Refusal> {
        let method = if method == "HEAD" { "GET" } else { method };
        let mut offered = Vec::new();
        for (route, handler) in &self.0 {
            if let Some(fields) = matches(route.path, path)? {
                if route.method.as_str() == method {
                    return Ok((*handler, fields));
                }
                offered.push(route.method.as_str());
            }
        }
        if offered.is_empty() {
            return Err(Refusal::new(Code::NotFound, "there is nothing at this path"));
        }
        Err(Refusal::new(Code::MethodNotAllowed, format!("offered here: {}", offered.join(", "))))
    }
}

/// The fields of a path that fits a template; `None` if it does not fit.
fn matches(template: &str, path: &str) -> Result<Option<Vec<(String, String)>>, Refusal> {
    let (mut wanted, mut there) = (template.split('/'), path.split('/'));
    let mut raw = Vec::new();
    loop {
        match (wanted.next(), there.next()) {
            (None, None) => break,
            (Some(wanted), Some(part)) => match wanted.strip_prefix('{').and_then(|name| name.strip_suffix('}')) {
                Some(name) if !part.is_empty() => raw.push((name, part)),
                None if wanted == part => {}
                _ => return Ok(None),
            },
            _ => return Ok(None),
        }
    }
    let decode = |(name, part): (&str, &str)| {
        percent::decode(part.as_bytes(), Plus::IsPlus)
            .map(|value| (name.to_owned(), value))
            .map_err(|_| Refusal::new(Code::NotFound, "the path is not percent-encoded UTF-8"))
    };
    raw.into_iter().map(decode).collect::<Result<_, _>>().map(Some)
}

fn handle<'a, C: Run>(
    rooms: &'a Rooms,
    caller: &'a Caller,
    incoming: Incoming<'a>,
) -> LocalBoxFuture<'a, Result<HttpResponse>> {
    async move {
        let command: C = decode_command(incoming)?;
        reply::command(&C::ROUTE, &call(rooms, caller, command).await?)
    }
    .boxed_local()
}

fn decode_command<C: Command>(incoming: Incoming<'_>) -> Result<C, Refusal> {
    if C::ROUTE.body != Body::Query && !incoming.body.is_empty() && !is_json(incoming.content_type) {
        let detail = "the body must be JSON, with Content-Type: application/json";
        return Err(Refusal::new(Code::UnsupportedMediaType, detail));
    }
    let query = pairs(incoming.query.unwrap_or(""))?;
    let if_match = incoming.if_match.map(version).transpose()?.flatten();
    decode(incoming.fields, query, incoming.body, if_match).map_err(|error| malformed(&error))
}

fn pairs(query: &str) -> Result<Vec<(String, String)>, Refusal> {
    let decode = |text: &str| {
        percent::decode(text.as_bytes(), Plus::IsSpace)
            .map_err(|_| Refusal::invalid("query", "malformed", "the query is not percent-encoded UTF-8"))
    };
    query
        .split('&')
        .filter(|piece| !piece.is_empty())
        .map(|piece| piece.split_once('=').unwrap_or((piece, "")))
        // OAuth's own parameters may stand here too; the guard has taken care of them.
        .filter(|(name, _)| !name.starts_with("oauth_"))
        .map(|(name, value)| Ok((decode(name)?, decode(value)?)))
        .collect()
}

/// The version an `If-Match` names; `*` is satisfied by whatever is there.
fn version(text: &str) -> Result<Option<i64>, Refusal> {
    let text = text.trim();
    if text == "*" {
        return Ok(None);
    }
    let number = text.trim_start_matches("W/").trim_matches('"').parse();
    number.map(Some).map_err(|_| Refusal::invalid("If-Match", "malformed", "the version of an ETag, such as \"3\""))
}

fn is_json(content_type: Option<&str>) -> bool {
    let media = content_type.and_then(|value| value.split(';').next()).unwrap_or("").trim().to_ascii_lowercase();
    media == "application/json" || (media.starts_with("application/") && media.ends_with("+json"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_fit_templates_or_not() {
        let fields = |template, path| matches(template, path).unwrap();
        let pair = |name: &str, value: &str| vec![(name.to_owned(), value.to_owned())];
        assert_eq!(fields("/", "/"), Some(vec![]));
        assert_eq!(fields("/users/{id}", "/users/a%20b"), Some(pair("id", "a b")));
        for path in ["/users", "/users/", "/users/a/", "/users/a/b", "//users/a", "/Users/a"] {
            assert_eq!(fields("/users/{id}", path), None, "{path}");
        }
        assert!(matches("/users/{id}", "/users/%ff").is_err());
    }

    #[test]
    fn a_wrong_method_is_not_a_wrong_path() {
        let router = Router::default();
        assert!(router.find("GET", "/users/me").is_ok());
        assert_eq!(router.find("PUT", "/users/me").err().map(|r| r.code), Some(Code::MethodNotAllowed));
        assert_eq!(router.find("GET", "/nowhere").err().map(|r| r.code), Some(Code::NotFound));
    }

    #[test]
    fn versions_in_if_match() {
        assert_eq!(version("\"3\"").unwrap(), Some(3));
        assert_eq!(version("W/\"3\"").unwrap(), Some(3));
        assert_eq!(version("*").unwrap(), None);
        assert!(version("\"abc\"").is_err());
    }

    #[test]
    fn json_is_json_by_its_media_type() {
        assert!(is_json(Some("application/json; charset=utf-8")));
        assert!(is_json(Some("application/merge-patch+json")));
        assert!(!is_json(Some("text/json")));
        assert!(!is_json(None));
    }
}
