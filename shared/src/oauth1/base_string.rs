//! The signature base string (RFC 5849 section 3.4.1).

use super::base_url::BaseUrl;
use super::percent;
use super::protocol::{AND, IS};
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
    // Each brings its `&` along; before the first there is none.
    let mut skip = AND.len();
    let mut others = request.others.iter().peekable();
    for (known, value) in request.protocol.signed() {
        while let Some(other) = others.next_if(|other| other.name.as_str() < known.name()) {
            push(out, std::mem::take(&mut skip), other);
        }
        out.push_str(known.joined().get(std::mem::take(&mut skip)..).unwrap_or_default());
        value.encode_into(out);
    }
    for other in others {
        push(out, std::mem::take(&mut skip), other);
    }
}

fn push(out: &mut String, skip: usize, parameter: &Parameter<'_>) {
    out.push_str(AND.get(skip..).unwrap_or_default());
    parameter.name.encode_into(out);
    out.push_str(IS);
    parameter.value.encode_into(out);
}

/// Parameters normalisation (section 3.4.1.3.2) of encoded names and values that are sorted already: `name=value` joined
/// by `&`.
pub fn normalise(parameters: &[(&str, &str)]) -> String {
    let pairs: Vec<String> = parameters.iter().map(|(name, value)| format!("{name}={value}")).collect();
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
