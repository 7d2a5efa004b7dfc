//! A client that signs, written without a line of ours, and that can be told to do each step wrong.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, Mac};
use sha1::{Digest, Sha1};
use sha2::{Sha256, Sha512};

pub const CONSUMER_SECRET: &str = "consumer+secret/of 32&characters";
pub const TOKEN_SECRET: &str = "token%secret=of~28 characters";

pub type Pair = (String, String);

/// A parameter, decoded and as it is written.
pub type Written = (Pair, Pair);

/// What is sent, and what is signed in its stead.
pub struct Client {
    pub base_url: &'static str,
    pub consumer_secret: &'static str,
    pub token_secret: &'static str,
    pub at: Option<i64>,
    // sent
    pub method: &'static str,
    pub target: String,
    pub headers: Vec<String>,
    pub content_type: Option<&'static str>,
    pub body: Vec<u8>,
    pub oauth: Vec<Pair>,
    pub realm: Option<&'static str>,
    pub write_signature: fn(&[u8]) -> String,
    /// The last word on the bytes of the request.
    pub capture: fn(String) -> String,
    // signed
    pub signed_method: String,
    pub signed_url: String,
    pub edit: fn(&mut Vec<Pair>),
    pub name: fn(&str) -> String,
    pub value: fn(&str) -> String,
    pub outer: fn(&str) -> String,
    pub sort: fn(&mut Vec<Written>),
    pub key: String,
    pub hash: &'static str,
    /// What is put under the body hash; `None` for no body hash.
    pub hashed: Option<Vec<u8>>,
    pub body_hash: &'static str,
    pub write_body_hash: fn(&[u8]) -> String,
}

impl Client {
    /// A GET with a query that is hard to sign, and a token.
    pub fn get() -> Self {
        let oauth = [
            ("oauth_consumer_key", "blog"),
            ("oauth_nonce", "n+1/=x"),
            ("oauth_signature_method", "HMAC-SHA256"),
            ("oauth_timestamp", "1700000000"),
            ("oauth_token", "t0k"),
            ("oauth_version", "1.0"),
        ];
        Self {
            base_url: "http://api.example.com:8000",
            consumer_secret: CONSUMER_SECRET,
            token_secret: TOKEN_SECRET,
            at: None,
            method: "GET",
            target: "/users/me?b5=%3D%253D&a3=x&c%40=&tag=z&tag=%C3%A9&a3=r%20b%21".into(),
            headers: vec!["Host: api.example.com:8000".into()],
            content_type: None,
            body: Vec::new(),
            oauth: oauth.map(|(name, value)| (name.into(), value.into())).into(),
            realm: Some("Countersign, all"),
            write_signature: |mac| STANDARD.encode(mac),
            capture: |text| text,
            signed_method: "GET".into(),
            signed_url: "http://api.example.com:8000/users/me".into(),
            edit: |_| {},
            name: encode,
            value: encode,
            outer: encode,
            sort: |pairs| pairs.sort_by(|a, b| a.1.cmp(&b.1)),
            key: format!("{}&{}", encode(CONSUMER_SECRET), encode(TOKEN_SECRET)),
            hash: "HMAC-SHA256",
            hashed: None,
            body_hash: "HMAC-SHA256",
            write_body_hash: |hash| STANDARD.encode(hash),
        }
    }

    /// A POST of this body.
    pub fn post(content_type: &'static str, body: &str) -> Self {
        let hashed = (!content_type.contains("form")).then(|| body.into());
        let (content_type, body) = (Some(content_type), body.into());
        Self { method: "POST", signed_method: "POST".into(), content_type, body, hashed, ..Self::get() }
    }

    pub fn json() -> Self {
        Self::post("application/json; charset=utf-8", "{\"name\": \"caf\u{e9}/1\", \"list\": [1, {}]}")
    }

    pub fn form() -> Self {
        Self::post("application/x-www-form-urlencoded", "status=Hello+Ladies+%2B+all%21&a3=&x=1")
    }

    /// Without a token.
    pub fn two_legged() -> Self {
        let mut client = Self::get();
        client.drop("oauth_token");
        client.key = format!("{}&", encode(CONSUMER_SECRET));
        client
    }

    pub fn set(&mut self, name: &str, value: &str) {
        self.drop(name);
        self.oauth.push((name.into(), value.into()));
    }

    pub fn drop(&mut self, name: &str) {
        self.oauth.retain(|(known, _)| known != name);
    }

    /// Sent and signed with this method, sound but for what is changed later.
    pub fn signs_with(&mut self, method: &'static str) {
        (self.hash, self.body_hash) = (method, method);
        self.set("oauth_signature_method", method);
    }

    /// The raw HTTP request.
    pub fn request(mut self) -> String {
        if let Some(hashed) = &self.hashed {
            let hash = (self.write_body_hash)(&digest(self.body_hash, hashed));
            self.set("oauth_body_hash", &hash);
        }
        let signature = (self.write_signature)(&mac(self.hash, self.key.as_bytes(), self.base_string().as_bytes()));
        let mut header = format!("Authorization: OAuth realm=\"{}\"", self.realm.unwrap_or(""));
        for (name, value) in self.oauth.iter().chain([&("oauth_signature".into(), signature)]) {
            header.push_str(&format!(", {}=\"{}\"", encode(name), encode(value)));
        }
        let mut lines = vec![format!("{} {} HTTP/1.1", self.method, self.target), header];
        lines.extend(self.headers.clone());
        lines.extend(self.content_type.map(|value| format!("Content-Type: {value}")));
        lines.extend((!self.body.is_empty()).then(|| format!("Content-Length: {}", self.body.len())));
        lines.push(String::new());
        lines.push(String::from_utf8(self.body).unwrap());
        (self.capture)(lines.join("\r\n"))
    }

    pub fn base_string(&self) -> String {
        let mut pairs = self.oauth.clone();
        pairs.extend(self.target.split_once('?').map(|(_, query)| form(query)).unwrap_or_default());
        if self.content_type.is_some_and(|value| value.contains("form-urlencoded")) {
            pairs.extend(form(std::str::from_utf8(&self.body).unwrap()));
        }
        (self.edit)(&mut pairs);
        let mut written: Vec<Written> = pairs
            .into_iter()
            .map(|(name, value)| (((self.name)(&name), (self.value)(&value)), (name, value)))
            .map(|(written, plain)| (plain, written))
            .collect();
        (self.sort)(&mut written);
        let joined: Vec<String> = written.into_iter().map(|(_, (name, value))| format!("{name}={value}")).collect();
        [self.signed_method.as_str(), &self.signed_url, &joined.join("&")].map(self.outer).join("&")
    }
}

pub fn encode(text: &str) -> String {
    let byte = |b: u8| match b {
        b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => char::from(b).to_string(),
        _ => format!("%{b:02X}"),
    };
    text.bytes().map(byte).collect()
}

pub fn decode(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.bytes();
    while let Some(b) = rest.next() {
        bytes.push(match b {
            b'%' => {
                let digits = [rest.next().unwrap(), rest.next().unwrap()];
                u8::from_str_radix(std::str::from_utf8(&digits).unwrap(), 16).unwrap()
            }
            b => b,
        });
    }
    String::from_utf8(bytes).unwrap()
}

pub fn form(text: &str) -> Vec<Pair> {
    let pieces = text.split('&').filter(|piece| !piece.is_empty());
    let pairs = pieces.map(|piece| piece.split_once('=').unwrap_or((piece, "")));
    pairs.map(|(name, value)| (decode(&name.replace('+', " ")), decode(&value.replace('+', " ")))).collect()
}

pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

fn mac(method: &str, key: &[u8], text: &[u8]) -> Vec<u8> {
    match method {
        "HMAC-SHA1" => Hmac::<Sha1>::new_from_slice(key).unwrap().chain_update(text).finalize().into_bytes().to_vec(),
        "HMAC-SHA256" => {
            Hmac::<Sha256>::new_from_slice(key).unwrap().chain_update(text).finalize().into_bytes().to_vec()
        }
        _ => Hmac::<Sha512>::new_from_slice(key).unwrap().chain_update(text).finalize().into_bytes().to_vec(),
    }
}

fn digest(method: &str, text: &[u8]) -> Vec<u8> {
    match method {
        "HMAC-SHA1" => Sha1::digest(text).to_vec(),
        "HMAC-SHA256" => Sha256::digest(text).to_vec(),
        _ => Sha512::digest(text).to_vec(),
    }
}
