//! The method (RFC 5849 section 3.4.1.1), and how clients sign another one.

use super::case::Case;
use super::variant::{Part, Variant};

/// What gateways and frameworks call the method they put in the place of the real one.
const OVERRIDES: [&str; 5] =
    ["x-http-method-override", "x-http-method", "x-method-override", "x-forwarded-method", "x-original-method"];

const COMMON: [&str; 7] = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"];

pub(super) fn variants(case: &Case<'_>) -> Vec<Variant> {
    let sent = case.capture.method.to_ascii_uppercase();
    let mut variants = vec![Variant::new(
        Part::Method,
        "method_lower_case",
        "The client signs the method in lower case: it is signed in upper case (RFC 5849 section 3.4.1.1).",
        |signed| signed.method.make_ascii_lowercase(),
    )];
    for name in OVERRIDES {
        let Some(other) = case.capture.header(name).map(str::to_ascii_uppercase) else { continue };
        let words = format!(
            "The client signs {other}, which stands in {name}, and sends {sent}: the method that is sent is signed."
        );
        variants
            .push(Variant::new(Part::Method, "method_override", words, move |signed| signed.method = other.clone()));
    }
    for other in COMMON {
        let words = format!("The client signs {other} and sends {sent}.");
        variants.push(Variant::new(Part::Method, "method_differs", words, move |signed| signed.method = other.into()));
    }
    variants
}
