//! The last look at a diagnosis before it leaves: a secret that stands in the request itself must not be repeated.

use super::Diagnosis;
use super::case::Case;
use crate::oauth1::percent;
use crate::secret::Secret;
use zeroize::Zeroizing;

/// Shorter secrets would be found by chance in honest words, and are no secrets.
const SHORTEST: usize = 8;

pub(super) fn redact(diagnosis: &mut Diagnosis, case: &Case<'_>) {
    for secret in [case.consumer_secret, case.token_secret] {
        if secret.expose().len() >= SHORTEST {
            texts(diagnosis).for_each(|text| hide(text, secret));
        }
    }
}

fn texts(diagnosis: &mut Diagnosis) -> impl Iterator<Item = &mut String> {
    let causes = diagnosis.causes.iter_mut().flat_map(|cause| {
        [Some(&mut cause.detail), cause.found.as_mut(), cause.expected.as_mut()].into_iter().flatten()
    });
    [&mut diagnosis.base_string].into_iter().chain(diagnosis.sent_signature.as_mut()).chain(causes)
}

/// As it is, encoded once, and encoded twice as in a base string.
fn hide(text: &mut String, secret: &Secret) {
    let once = Zeroizing::new(percent::encode(secret.expose().as_bytes()).into_owned());
    let twice = Zeroizing::new(percent::encode(once.as_bytes()).into_owned());
    for spelling in [secret.expose(), &once, &twice] {
        if text.contains(spelling) {
            *text = text.replace(spelling, "[secret]");
        }
    }
}
