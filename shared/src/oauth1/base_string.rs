//! The signature base string (RFC 5849 section 3.4.1).

use super::base_url::BaseUrl;
use super::percent;
use super::request::{Parameter, Request};

/// The base string of a request sent to `base`.
pub fn base_string(request: &Request<'_>, base: &BaseUrl) -> String {
    let mut out = String::with_capacity(512);
    base_string_into(&mut out, request, base);
    out
}

/// Writes the base string into `out`, which is emptied first, so that one buffer can serve many requests.
pub fn base_string_into(out: &mut String, request: &Request<'_>, base: &BaseUrl) {
    out.clear();
    encode_method(out, request.method);
    out.push('&');
    base.encode_with_path(out, request.path);
    out.push('&');
    for (index, parameter) in request.parameters.iter().enumerate() {
        if index > 0 {
            out.push_str("%26");
        }
        percent::encode_encoded_into(out, &parameter.name);
        out.push_str("%3D");
        percent::encode_encoded_into(out, &parameter.value);
    }
}

/// Parameters normalisation (section 3.4.1.3.2) of parameters that are sorted already: `name=value` joined by `&`.
pub fn normalise(parameters: &[Parameter<'_>]) -> String {
    let pairs: Vec<String> = parameters.iter().map(|p| format!("{}={}", p.name, p.value)).collect();
    pairs.join("&")
}

/// Section 3.4.1.1: the method in upper case, encoded; custom methods may hold `!`.
pub(super) fn encode_method(out: &mut String, method: &str) {
    if method.bytes().all(|b| b.is_ascii_uppercase()) {
        out.push_str(method);
    } else {
        percent::encode_into(out, method.to_ascii_uppercase().as_bytes());
    }
}
