//! From arguments to a signed request.

use super::Args;
use super::body;
use crate::failure::Failure;
use crate::{chance, clock};
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, USER_AGENT};
use reqwest::{Method, Request};
use shared::oauth1::{SignBody, Signer, ToSign, is_form};

/// The signed request.
pub fn request(args: &Args) -> Result<Request, Failure> {
    // Nobody who types `get` means a method of that name.
    let method = Method::from_bytes(args.method.to_ascii_uppercase().as_bytes());
    let method = method.map_err(|_| Failure::usage(format_args!("{} is no HTTP method", args.method)))?;
    let mut request = Request::new(method, body::url(&args.url)?);
    let headers = request.headers_mut();
    headers.insert(ACCEPT, HeaderValue::from_static("*/*"));
    headers.insert(USER_AGENT, HeaderValue::from_static(concat!("countersign/", env!("CARGO_PKG_VERSION"))));
    let body = args.body.read()?;
    if let Some(body) = &body {
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(body.content_type));
    }
    own_headers(headers, &args.headers)?;
    *request.body_mut() = body.map(|body| body.bytes.into());
    let signature = sign(args, &request)?;
    request.headers_mut().insert(AUTHORIZATION, signature);
    Ok(request)
}

/// The headers of the command line take the place of ours.
fn own_headers(headers: &mut HeaderMap, given: &[String]) -> Result<(), Failure> {
    let mut own = HeaderMap::new();
    for text in given {
        let wrong = || Failure::usage(format_args!("the header {text} is not of the form NAME: VALUE"));
        let (name, value) = text.split_once(':').ok_or_else(wrong)?;
        let name: HeaderName = name.trim().parse().map_err(|_| wrong())?;
        if name == AUTHORIZATION {
            return Err(Failure::usage("the Authorization header is what this command makes"));
        }
        own.append(name, value.trim().parse().map_err(|_| wrong())?);
    }
    for name in own.keys() {
        headers.remove(name);
    }
    headers.extend(own);
    Ok(())
}

/// Signs the URL, the method and the body exactly as they will be sent.
fn sign(args: &Args, request: &Request) -> Result<HeaderValue, Failure> {
    let (consumer, token) = args.credentials.read()?;
    let content_type = request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let body = match body_bytes(request) {
        None => SignBody::None,
        Some(bytes) if is_form(content_type) => SignBody::Form(bytes),
        Some(bytes) => SignBody::Other(bytes),
    };
    let (url, nonce, timestamp) = (request.url().as_str(), chance::nonce()?, clock::seconds());
    let to_sign = ToSign { method: request.method().as_str(), url, body, nonce: &nonce, timestamp };
    let signer = Signer { consumer, token, method: args.signature_method };
    let signature = signer.authorization(&to_sign).map_err(Failure::usage)?;
    let mut value = HeaderValue::from_str(&signature).map_err(Failure::usage)?;
    value.set_sensitive(true);
    Ok(value)
}

fn body_bytes(request: &Request) -> Option<&[u8]> {
    request.body().and_then(|body| body.as_bytes())
}

/// The request as it goes over the wire with HTTP/1.1.
pub fn raw(request: &Request) -> Vec<u8> {
    let url = request.url();
    let query = url.query().map(|query| format!("?{query}")).unwrap_or_default();
    let mut raw = format!("{} {}{query} HTTP/1.1\r\n", request.method(), url.path()).into_bytes();
    let authority = url.authority();
    let mut header = |name: &str, value: &[u8]| raw.extend([name.as_bytes(), b": ", value, b"\r\n"].concat());
    if !request.headers().contains_key("host") {
        header("host", authority.as_bytes());
    }
    for (name, value) in request.headers() {
        header(name.as_str(), value.as_bytes());
    }
    let body = body_bytes(request);
    if let Some(body) = body {
        header("content-length", body.len().to_string().as_bytes());
    }
    raw.extend(b"\r\n");
    raw.extend(body.unwrap_or_default());
    raw
}
