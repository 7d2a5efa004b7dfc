//! The one place that asks for randomness.

use crate::failure::Failure;
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};

/// A nonce: 128 random bits in characters that need no encoding (RFC 5849 section 3.3).
#[expect(clippy::disallowed_methods, reason = "the one place that asks the system for randomness")]
pub fn nonce() -> Result<String, Failure> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(|error| Failure::refused(format_args!("no randomness: {error}")))?;
    Ok(URL_SAFE_NO_PAD.encode(bytes))
}
