//! The one place that asks for randomness.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};

/// Characters of [`word`].
pub(crate) const WORD_CHARS: usize = 22;

/// 128 random bits as 22 characters that are safe in a cookie, a form, a header and a log line.
#[expect(clippy::disallowed_methods, reason = "the one place that asks the system for randomness")]
pub(crate) fn word() -> Result<String, getrandom::Error> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes)?;
    Ok(URL_SAFE_NO_PAD.encode(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_have_their_length_and_differ() {
        let (one, other) = (word().unwrap(), word().unwrap());
        assert_eq!(one.len(), WORD_CHARS);
        assert_ne!(one, other);
    }
}
