//! A browser as far as these stories need one: it keeps cookies, follows nothing by itself and finds fields in forms.

use reqwest::header::{CONTENT_TYPE, COOKIE, HeaderMap, LOCATION, SET_COOKIE};
use reqwest::{Client, Method, redirect};
use std::collections::BTreeMap;

pub struct Browser {
    client: Client,
    origin: String,
    /// By name: value and path.
    pub cookies: BTreeMap<String, (String, String)>,
    /// Sent with every request.
    pub headers: Vec<(&'static str, String)>,
}

pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: String,
}

impl Browser {
    pub fn new(origin: &str) -> Self {
        rustls::crypto::ring::default_provider().install_default().ok();
        let client = Client::builder().redirect(redirect::Policy::none()).no_proxy().tls_certs_only([]);
        let client = client.build().unwrap();
        Self { client, origin: origin.into(), cookies: BTreeMap::new(), headers: Vec::new() }
    }

    pub async fn get(&mut self, path: &str) -> Answer {
        self.send(Method::GET, path, None).await
    }

    pub async fn head(&mut self, path: &str) -> Answer {
        self.send(Method::HEAD, path, None).await
    }

    pub async fn post(&mut self, path: &str, fields: &[(&str, impl AsRef<str>)]) -> Answer {
        let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (*name, value.as_ref())).collect();
        let body = serde_urlencoded::to_string(fields).unwrap();
        self.send(Method::POST, path, Some(("application/x-www-form-urlencoded", body))).await
    }

    pub async fn send(&mut self, method: Method, path: &str, body: Option<(&str, String)>) -> Answer {
        let mut request = self.client.request(method, format!("{}{path}", self.origin));
        let cookies: Vec<String> = self
            .cookies
            .iter()
            .filter(|(_, (_, cookie_path))| matches_path(path, cookie_path))
            .map(|(name, (value, _))| format!("{name}={value}"))
            .collect();
        if !cookies.is_empty() {
            request = request.header(COOKIE, cookies.join("; "));
        }
        for (name, value) in &self.headers {
            request = request.header(*name, value);
        }
        if let Some((media, body)) = body {
            request = request.header(CONTENT_TYPE, media).body(body);
        }
        let response = request.send().await.unwrap();
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let answer = Answer { status, headers, body: response.text().await.unwrap() };
        self.keep(&answer);
        answer
    }

    fn keep(&mut self, answer: &Answer) {
        for cookie in answer.cookies() {
            let (pair, attributes) = cookie.split_once(';').unwrap();
            let (name, value) = pair.split_once('=').unwrap();
            let attribute = |name: &str| attributes.split(';').find_map(|a| a.trim().strip_prefix(name));
            if attribute("Max-Age=") == Some("0") {
                self.cookies.remove(name);
            } else {
                let path = attribute("Path=").unwrap().to_owned();
                self.cookies.insert(name.into(), (value.into(), path));
            }
        }
    }

    /// The value of a cookie that was kept.
    pub fn cookie(&self, name: &str) -> Option<&str> {
        self.cookies.get(name).map(|(value, _)| value.as_str())
    }

    /// Puts a cookie there by hand.
    pub fn plant(&mut self, name: &str, value: &str) {
        self.cookies.insert(name.into(), (value.into(), "/".into()));
    }
}

/// RFC 6265, section 5.1.4.
fn matches_path(path: &str, cookie_path: &str) -> bool {
    let path = path.split('?').next().unwrap();
    path == cookie_path
        || path.strip_prefix(cookie_path).is_some_and(|rest| cookie_path.ends_with('/') || rest.starts_with('/'))
}

impl Answer {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    pub fn location(&self) -> &str {
        self.headers.get(LOCATION).map_or("", |value| value.to_str().unwrap())
    }

    pub fn cookies(&self) -> Vec<&str> {
        self.headers.get_all(SET_COOKIE).iter().map(|value| value.to_str().unwrap()).collect()
    }

    /// The `Set-Cookie` of this name.
    pub fn set_cookie(&self, name: &str) -> Option<&str> {
        self.cookies().into_iter().find(|cookie| cookie.starts_with(&format!("{name}=")))
    }

    /// The value of the first field of this name.
    pub fn field(&self, name: &str) -> String {
        let (_, after) = self.body.split_once(&format!("name=\"{name}\"")).unwrap_or_else(|| panic!("{}", self.body));
        let tag = after.split_once('>').unwrap().0;
        let value = tag.split_once("value=\"").unwrap().1.split_once('"').unwrap().0;
        value.replace("&#38;", "&").replace("&#34;", "\"").replace("&#60;", "<").replace("&#62;", ">")
    }

    pub fn csrf(&self) -> String {
        self.field("csrf")
    }
}
