//! Where a command stands in HTTP, and the way there and back.

use serde_json::{Map, Value};
use std::fmt;

/// HTTP methods that commands use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Method {
    /// GET
    Get,
    /// POST
    Post,
    /// PUT
    Put,
    /// PATCH
    Patch,
    /// DELETE
    Delete,
}

impl Method {
    /// In upper case.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Patch => "PATCH",
            Self::Delete => "DELETE",
        }
    }
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What the body of a request holds. Path parameters never stand in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Body {
    /// No body; fields that are not in the path stand in the query.
    Query,
    /// A JSON object with the fields that are not in the path.
    Fields,
    /// The whole JSON body is this one field: a document, a merge patch.
    Whole(&'static str),
}

/// Method, path template, and what else an HTTP door needs to know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Route {
    /// The method.
    pub method: Method,
    /// The path; `{name}` stands for a field.
    pub path: &'static str,
    /// The status of success.
    pub status: u16,
    /// Where the fields are.
    pub body: Body,
    /// With 201: the path of what was made, filled in from the reply.
    pub location: Option<&'static str>,
    /// The reply is this one field of it, the rest being headers (`version` becomes `ETag`).
    pub reply: Option<&'static str>,
    /// `If-Match` is read into the field `if_match`.
    pub if_match: bool,
}

impl Route {
    const fn new(method: Method, path: &'static str, status: u16, body: Body) -> Self {
        Self { method, path, status, body, location: None, reply: None, if_match: false }
    }

    /// GET, 200.
    pub const fn get(path: &'static str) -> Self {
        Self::new(Method::Get, path, 200, Body::Query)
    }

    /// POST, 200.
    pub const fn post(path: &'static str) -> Self {
        Self::new(Method::Post, path, 200, Body::Fields)
    }

    /// PUT, 200.
    pub const fn put(path: &'static str) -> Self {
        Self::new(Method::Put, path, 200, Body::Fields)
    }

    /// PATCH with a merge patch (RFC 7396) as the whole body, 200, `If-Match` honoured.
    pub const fn patch(path: &'static str) -> Self {
        Self::new(Method::Patch, path, 200, Body::Whole("patch")).with_if_match()
    }

    /// DELETE, 204.
    pub const fn delete(path: &'static str) -> Self {
        Self::new(Method::Delete, path, 204, Body::Query)
    }

    /// With another status of success.
    pub const fn with_status(mut self, status: u16) -> Self {
        self.status = status;
        self
    }

    /// 201, with a `Location`.
    pub const fn creates(mut self, location: &'static str) -> Self {
        self.status = 201;
        self.location = Some(location);
        self
    }

    /// The whole body is one field.
    pub const fn with_whole_body(mut self, field: &'static str) -> Self {
        self.body = Body::Whole(field);
        self
    }

    /// The whole reply is one field.
    pub const fn with_whole_reply(mut self, field: &'static str) -> Self {
        self.reply = Some(field);
        self
    }

    /// `If-Match` is honoured.
    pub const fn with_if_match(mut self) -> Self {
        self.if_match = true;
        self
    }

    /// The names in the path template, in order.
    pub fn path_fields(&self) -> impl Iterator<Item = &'static str> {
        self.path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'))
    }

    /// Takes a command that was made JSON apart into an HTTP request.
    pub(super) fn encode(&self, command: Value) -> Result<HttpRequest, RouteError> {
        let mut fields = match command {
            Value::Object(fields) => fields,
            Value::Null => Map::new(),
            _ => return Err(RouteError::Malformed("a command must be an object".into())),
        };
        fields.retain(|_, value| !value.is_null() || self.body == Body::Fields);
        let if_match = fields.remove("if_match").and_then(|value| value.as_i64());
        let mut path = String::new();
        for part in self.path.split('/').skip(1) {
            path.push('/');
            match part.strip_prefix('{').and_then(|part| part.strip_suffix('}')) {
                Some(name) => {
                    let value = fields.remove(name).unwrap_or_default();
                    crate::oauth1::percent::encode_into(&mut path, text(&value).as_bytes());
                }
                None => path.push_str(part),
            }
        }
        if path.is_empty() {
            path.push('/');
        }
        let body = match self.body {
            Body::Query => {
                let query: Vec<String> = fields.iter().map(|(name, value)| pair(name, &text(value))).collect();
                if !query.is_empty() {
                    path.push('?');
                    path.push_str(&query.join("&"));
                }
                None
            }
            Body::Fields => {
                fields.retain(|_, value| !value.is_null());
                Some(Value::Object(fields))
            }
            Body::Whole(field) => Some(fields.remove(field).unwrap_or_default()),
        };
        let body = body.map(|value| value.to_string().into_bytes());
        Ok(HttpRequest { method: self.method, path_and_query: path, body, if_match })
    }
}

fn pair(name: &str, value: &str) -> String {
    use crate::oauth1::percent::encode;
    format!("{}={}", encode(name.as_bytes()), encode(value.as_bytes()))
}

fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// What a typed client sends, but for the base URL and the signature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpRequest {
    /// The method.
    pub method: Method,
    /// Path and query, encoded.
    pub path_and_query: String,
    /// JSON.
    pub body: Option<Vec<u8>>,
    /// The version for `If-Match`.
    pub if_match: Option<i64>,
}

/// Why HTTP and a command do not come together.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RouteError {
    /// The JSON does not fit the command; says where.
    #[error("{0}")]
    Malformed(String),
}

/// Puts a command together from the path fields, the query pairs and the body of a request.
pub fn decode<C: super::Command>(
    path: impl IntoIterator<Item = (String, String)>,
    query: impl IntoIterator<Item = (String, String)>,
    body: &[u8],
    if_match: Option<i64>,
) -> Result<C, RouteError> {
    let malformed = |e: serde_json::Error| RouteError::Malformed(e.to_string());
    let mut fields = match C::ROUTE.body {
        Body::Query => Map::new(),
        Body::Fields if body.is_empty() => Map::new(),
        Body::Fields => serde_json::from_slice(body).map_err(malformed)?,
        Body::Whole(field) => Map::from_iter([(field.to_owned(), serde_json::from_slice(body).map_err(malformed)?)]),
    };
    if C::ROUTE.body == Body::Query {
        for (name, value) in query {
            let value = value.parse().map(|number: i64| Value::from(number)).unwrap_or(Value::String(value));
            if fields.insert(name.clone(), value).is_some() {
                return Err(RouteError::Malformed(format!("`{name}` is given more than once")));
            }
        }
    }
    // What the path says cannot be overruled by the body.
    fields.extend(path.into_iter().map(|(name, value)| (name, Value::String(value))));
    fields.remove("if_match");
    if let Some(version) = if_match.filter(|_| C::ROUTE.if_match) {
        fields.insert("if_match".into(), version.into());
    }
    serde_json::from_value(Value::Object(fields)).map_err(malformed)
}

/// Reads a command that arrives whole, as message doors carry it: one JSON object with every field. No bytes at all
/// stand for a command without fields.
pub fn decode_whole<C: super::Command>(body: &[u8]) -> Result<C, RouteError> {
    let malformed = |e: serde_json::Error| RouteError::Malformed(e.to_string());
    let fields: Map<String, Value> = match body {
        [] => Map::new(),
        body => serde_json::from_slice(body).map_err(malformed)?,
    };
    serde_json::from_value(Value::Object(fields)).map_err(malformed)
}

#[cfg(test)]
mod tests {
    use crate::command::{Command, CreateUser, GetUser, ListUsers, PutProfile, UpdateUser, decode, decode_whole};
    use crate::id::UserRef;
    use serde_json::json;

    fn pairs(list: &[(&str, &str)]) -> Vec<(String, String)> {
        list.iter().map(|(n, v)| ((*n).into(), (*v).into())).collect()
    }

    #[test]
    fn a_command_goes_over_the_wire_and_back() {
        let sent = GetUser { id: UserRef::Me }.encode().unwrap();
        assert_eq!((sent.method.as_str(), sent.path_and_query.as_str(), sent.body), ("GET", "/users/me", None));

        let list = ListUsers { limit: Some(10), after: Some("a b&c".into()), search: None };
        assert_eq!(list.encode().unwrap().path_and_query, "/users?after=a%20b%26c&limit=10");
        let back: ListUsers = decode([], pairs(&[("limit", "10"), ("after", "a b&c")]), b"", None).unwrap();
        assert_eq!((back.limit, back.after.as_deref()), (Some(10), Some("a b&c")));

        let put = PutProfile { id: UserRef::Me, document: json!({"id": "mine"}), if_match: Some(3) };
        let sent = put.encode().unwrap();
        assert_eq!((sent.body.as_deref(), sent.if_match), (Some(&br#"{"id":"mine"}"#[..]), Some(3)));
        let back: PutProfile = decode(pairs(&[("id", "me")]), [], br#"{"id":"mine"}"#, Some(3)).unwrap();
        assert_eq!((back.id, back.document, back.if_match), (UserRef::Me, json!({"id": "mine"}), Some(3)));
    }

    #[test]
    fn the_body_cannot_overrule_the_path() {
        let patch: UpdateUser = decode(pairs(&[("id", "me")]), [], br#"{"name":"x"}"#, None).unwrap();
        assert_eq!(patch.id, UserRef::Me);
        let made = decode::<CreateUser>([], pairs(&[("username", "eve")]), br#"{"username":"ada","if_match":1}"#, None);
        assert_eq!(made.unwrap().username.as_str(), "ada");
    }

    #[test]
    fn a_command_that_arrives_whole_has_all_its_fields_in_one_object() {
        let put: PutProfile = decode_whole(br#"{"id":"me","document":{"a":1},"if_match":3}"#).unwrap();
        assert_eq!((put.id, put.document, put.if_match), (UserRef::Me, json!({"a": 1}), Some(3)));
        assert!(decode_whole::<ListUsers>(b"").is_ok(), "no bytes are no fields");
        assert!(decode_whole::<GetUser>(b"").is_err());
        assert!(decode_whole::<ListUsers>(b"[]").is_err());
        assert!(decode_whole::<ListUsers>(b"\xff").is_err());
    }

    #[test]
    fn what_does_not_fit_is_said() {
        assert!(decode::<CreateUser>([], [], b"[]", None).is_err());
        assert!(decode::<CreateUser>([], [], br#"{"username":"ada","rank":1}"#, None).is_err());
        assert!(decode::<ListUsers>([], pairs(&[("limit", "1"), ("limit", "2")]), b"", None).is_err());
        assert!(decode::<ListUsers>([], pairs(&[("colour", "red")]), b"", None).is_err());
    }
}
