//! The body of the request, from the command line, a file or standard input.

use crate::failure::Failure;
use crate::input;
use reqwest::Url;

/// What is sent.
#[derive(clap::Args)]
#[group(skip)]
pub struct Args {
    /// A body of JSON: the text itself, @FILE, or - for standard input
    #[arg(long, value_name = "BODY", conflicts_with = "form")]
    json: Option<String>,
    /// A field of a form body; may be repeated
    #[arg(long, value_name = "NAME=VALUE", value_parser = pair)]
    form: Vec<(String, String)>,
}

/// A body and its `Content-Type`.
pub struct Body {
    /// The very bytes that are sent.
    pub bytes: Vec<u8>,
    /// Unless a header says otherwise.
    pub content_type: &'static str,
}

impl Args {
    /// The body, if there is to be one.
    pub fn read(&self) -> Result<Option<Body>, Failure> {
        if let Some(json) = &self.json {
            let bytes = match (json.as_str(), json.strip_prefix('@')) {
                ("-", _) => input::file("-")?,
                (_, Some(path)) => input::file(path)?,
                (text, None) => text.into(),
            };
            return Ok(Some(Body { bytes, content_type: "application/json" }));
        }
        let bytes = encoded(&self.form);
        Ok((!bytes.is_empty()).then_some(Body { bytes, content_type: "application/x-www-form-urlencoded" }))
    }
}

/// As a browser would write it.
fn encoded(pairs: &[(String, String)]) -> Vec<u8> {
    url::form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish().into_bytes()
}

fn pair(text: &str) -> Result<(String, String), String> {
    text.split_once('=').map(|(name, value)| (name.into(), value.into())).ok_or_else(|| "no = in it".into())
}

/// A URL that a request can be sent to.
pub fn url(text: &str) -> Result<Url, Failure> {
    let wrong = |why: &str| Failure::usage(format_args!("the URL {text}: {why}"));
    let url = Url::parse(text).map_err(|error| wrong(&error.to_string()))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(wrong("it must begin with http:// or https://"));
    }
    Ok(url)
}
