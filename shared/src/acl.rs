//! The access language.
//!
//! An access word is dot-separated: `users.{id}.read`. A held word may hold wildcards: `*` stands for any characters
//! within one word, `#` for any characters across words. The whole words `me` and `my_session` in a held word also
//! match the caller's user id and session id. A held word that begins with `!` forbids, and forbidding wins whatever
//! the order. Nothing is permitted that no word permits. Letter case counts.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Who `me` and `my_session` are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Me {
    /// The caller's user.
    pub user: Option<Uuid>,
    /// The caller's session.
    pub session: Option<Uuid>,
}

/// The access words somebody holds.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct AccessList(Vec<String>);

/// Words are at most this long, so that matching stays cheap.
pub const MOST_BYTES: usize = 256;
/// A list has at most this many words.
pub const MOST_WORDS: usize = 256;

impl AccessList {
    /// A list of words, as they are.
    pub fn new(words: impl IntoIterator<Item = impl Into<String>>) -> Self {
        Self(words.into_iter().map(Into::into).collect())
    }

    /// What an ordinary user holds.
    pub fn ordinary_user() -> Self {
        Self::new(["users.me.#", "sessions.me.#", "tokens.me.#"])
    }

    /// What an administrator holds.
    pub fn administrator() -> Self {
        Self::new(["#"])
    }

    /// What a consumer is given when nothing else is said: to sign people in and act for them.
    pub fn ordinary_consumer() -> Self {
        Self::new([
            "authenticate",
            "sessions.create",
            "sessions.resolve",
            "sessions.save",
            "sessions.cycle",
            "sessions.touch",
            "sessions.end",
            "users.me.#",
            "sessions.me.#",
            "tokens.me.#",
        ])
    }

    /// The words.
    pub fn words(&self) -> &[String] {
        &self.0
    }

    /// The same words with this user in the place of `me`.
    pub fn with_me_as(&self, user: Uuid) -> Self {
        let user = user.to_string();
        let named = |word: &String| {
            let parts: Vec<&str> =
                word.split('.').map(|part| if part == "me" { user.as_str() } else { part }).collect();
            parts.join(".")
        };
        Self(self.0.iter().map(named).collect())
    }

    /// The words of both.
    pub fn and(&self, more: &Self) -> Self {
        Self(self.0.iter().chain(&more.0).cloned().collect())
    }

    /// The first word that is no access word, if there is one; or the reason that the list is too long.
    pub fn check(&self) -> Result<(), String> {
        if self.0.len() > MOST_WORDS {
            return Err(format!("at most {MOST_WORDS} access words"));
        }
        match self.0.iter().find(|word| !is_access_word(word)) {
            Some(word) => Err(format!("{word:?} is not an access word such as users.*.read")),
            None => Ok(()),
        }
    }

    /// True if the list permits `required`, in which wildcards are ordinary text.
    pub fn permits(&self, required: &str, me: Me) -> bool {
        let matches = |held: &str| matches_for(held, required, me);
        let forbidden = || self.0.iter().filter_map(|word| word.strip_prefix('!')).any(matches);
        let mut permitted = self.0.iter().filter(|word| !word.starts_with('!'));
        // `#` is what administrators hold; it needs no matching.
        permitted.any(|word| word == "#" || matches(word)) && !forbidden()
    }

    /// True if a holder of this list may hand out `granted`: everything `granted` permits is permitted here too.
    ///
    /// Sound rather than complete. Each granted word must be included in one held word, and each prohibition of
    /// ours must either be handed on or not touch what is granted. Comparing texts would not do: the holder of
    /// `a.#` and `!a.b` could hand out `a.b*`.
    pub fn may_grant(&self, granted: &Self) -> bool {
        let grants: Vec<&str> = granted.0.iter().filter(|w| !w.starts_with('!')).map(String::as_str).collect();
        let held = |grant: &&str| {
            self.0.iter().any(|word| !word.starts_with('!') && glob(word.as_bytes(), grant.as_bytes(), true))
        };
        let handed_on = |ban: &str| {
            granted.0.iter().filter_map(|w| w.strip_prefix('!')).any(|b| glob(b.as_bytes(), ban.as_bytes(), true))
        };
        let untouched = |ban: &str| !grants.iter().any(|grant| overlap(ban.as_bytes(), grant.as_bytes()));
        grants.iter().all(held)
            && self.0.iter().filter_map(|w| w.strip_prefix('!')).all(|ban| handed_on(ban) || untouched(ban))
    }
}

fn is_access_word(word: &str) -> bool {
    let body = word.strip_prefix('!').unwrap_or(word);
    !body.is_empty()
        && body.len() <= MOST_BYTES
        && body.split('.').all(|part| !part.is_empty())
        && body
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-' | b'*' | b'#' | b'{' | b'}'))
}

/// Matches one held word, with `me` and `my_session` standing for the caller's ids as well as for themselves.
fn matches_for(held: &str, required: &str, me: Me) -> bool {
    if glob(held.as_bytes(), required.as_bytes(), false) {
        return true;
    }
    let is_me = |part: &str| (part == "me" && me.user.is_some()) || (part == "my_session" && me.session.is_some());
    if !held.split('.').any(is_me) {
        return false;
    }
    let filled = held.split('.').map(|part| match (part, me.user, me.session) {
        ("me", Some(user), _) => user.to_string(),
        ("my_session", _, Some(session)) => session.to_string(),
        (other, _, _) => other.to_owned(),
    });
    glob(filled.collect::<Vec<_>>().join(".").as_bytes(), required.as_bytes(), false)
}

/// Matches `text` against `pattern` by following all positions of the pattern at once: no backtracking, so the cost
/// is bounded by the product of the lengths.
///
/// With `inclusion`, wildcards in `text` stand for every text they match: `#` of `text` is covered only by `#`, and
/// `*` by `*` or `#`. Without it they are ordinary text, and `*` does not match `#`.
fn glob(pattern: &[u8], text: &[u8], inclusion: bool) -> bool {
    let mut states = closure(pattern, vec![true]);
    for &byte in text {
        let mut next = vec![false; pattern.len() + 1];
        for (index, &symbol) in pattern.iter().enumerate() {
            if !states.get(index).copied().unwrap_or(false) {
                continue;
            }
            let (stays, moves) = match symbol {
                b'#' => (true, false),
                b'*' => (byte != b'.' && byte != b'#', false),
                literal => (false, literal == byte && !(inclusion && matches!(byte, b'*' | b'#'))),
            };
            if let Some(state) = next.get_mut(index + usize::from(moves))
                && (stays || moves)
            {
                *state = true;
            }
        }
        states = closure(pattern, next);
    }
    states.get(pattern.len()).copied().unwrap_or(false)
}

/// A wildcard may match nothing: its state reaches the next one.
fn closure(pattern: &[u8], mut states: Vec<bool>) -> Vec<bool> {
    states.resize(pattern.len() + 1, false);
    for (index, &symbol) in pattern.iter().enumerate() {
        if matches!(symbol, b'*' | b'#')
            && states.get(index).copied().unwrap_or(false)
            && let Some(next) = states.get_mut(index + 1)
        {
            *next = true;
        }
    }
    states
}

/// True if some text matches both patterns. `me` may be anybody, so a word `me` is taken for `*` here.
fn overlap(left: &[u8], right: &[u8]) -> bool {
    let (left, right) = (anybody(left), anybody(right));
    let width = right.len() + 1;
    let mut seen = vec![false; (left.len() + 1) * width];
    let mut open = vec![(0, 0)];
    while let Some((i, j)) = open.pop() {
        match seen.get_mut(i * width + j) {
            Some(state) if !*state => *state = true,
            _ => continue,
        }
        let (a, b) = (left.get(i).copied(), right.get(j).copied());
        if a.is_none() && b.is_none() {
            return true;
        }
        let wild = |symbol: Option<u8>| matches!(symbol, Some(b'*' | b'#'));
        if wild(a) {
            open.push((i + 1, j));
        }
        if wild(b) {
            open.push((i, j + 1));
        }
        match (a, b) {
            (Some(b'#'), Some(_)) | (Some(b'*'), Some(b'*' | b'#')) => open.push((i, j + 1)),
            (Some(b'*'), Some(c)) if c != b'.' => open.push((i, j + 1)),
            _ => {}
        }
        match (a, b) {
            (Some(_), Some(b'#')) | (Some(b'*' | b'#'), Some(b'*')) => open.push((i + 1, j)),
            (Some(c), Some(b'*')) if c != b'.' => open.push((i + 1, j)),
            (Some(c), Some(d)) if c == d => open.push((i + 1, j + 1)),
            _ => {}
        }
    }
    false
}

fn anybody(pattern: &[u8]) -> Vec<u8> {
    let words = pattern.split(|&b| b == b'.');
    let words: Vec<&[u8]> = words.map(|w| if matches!(w, b"me" | b"my_session") { &b"*"[..] } else { w }).collect();
    words.join(&b'.')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const ME: Uuid = Uuid::from_u128(123);

    fn permits(held: &[&str], required: &str) -> bool {
        AccessList::new(held.iter().copied())
            .permits(required, Me { user: Some(ME), session: Some(Uuid::from_u128(9)) })
    }

    #[test]
    fn stars_stay_within_a_word_and_hashes_cross_them() {
        for (held, required, wanted) in [
            ("foo.bar.#", "foo.bar", false),
            ("foo.bar.#", "foo.bar.toto.tata", true),
            ("foo.bar.#", "foo.bar.#", true),
            ("foo.bar.#", "foo.bar.*.*", true),
            ("foo.bar.#", "*.bar.toto", false),
            ("foo.*.*", "foo.bar.toto", true),
            ("foo.*.*", "foo.bar.toto.tata", false),
            ("foo.*.*", "foo.bar.#", false),
            ("foo.bar.#.titi", "foo.bar.toto.tata.titi", true),
            ("foo.b*r", "foo.bazaar", true),
            ("foo.b*r", "foo.ba.r", false),
            ("#", "", true),
            ("#", "anything.at.all", true),
            ("*", "a", true),
            ("*", "a.b", false),
            ("*", "#", false),
            ("foo#", "foo", true),
            ("foo#", "foo.bar", true),
            ("foo.*", "foo.", true),
            ("foo.*", "foo", false),
            ("foo", "Foo", false),
            ("foo", "foo\n", false),
        ] {
            assert_eq!(permits(&[held], required), wanted, "{held} / {required}");
        }
    }

    #[test]
    fn me_is_the_caller_and_the_word_itself() {
        let (mine, other) = (ME.to_string(), Uuid::from_u128(456).to_string());
        assert!(permits(&["users.me.#"], &format!("users.{mine}.read")));
        assert!(!permits(&["users.me.#"], &format!("users.{other}.read")));
        assert!(permits(&["foo.#.me"], &format!("foo.bar.{mine}")));
        assert!(permits(&["foo.#.me"], "foo.bar.me"));
        assert!(!permits(&["foo.#.me"], "foo.me"));
        assert!(!permits(&["foo.#.me"], "foo.#.notme"));
        assert!(permits(&["foo.me*"], "foo.me"));
        assert!(!permits(&["foo.me*"], &format!("foo.{mine}")));
        assert!(permits(&["sessions.my_session"], &format!("sessions.{}", Uuid::from_u128(9))));
        let stranger = AccessList::new(["users.me.#"]);
        assert!(!stranger.permits(&format!("users.{mine}.read"), Me::default()));
    }

    #[test]
    fn a_prohibition_wins_whatever_the_order() {
        assert!(!permits(&["foo.#", "!foo.me.bar.#"], "foo.me.bar.123"));
        assert!(!permits(&["foo.me.bar", "!foo.me.bar", "foo.me.bar"], "foo.me.bar"));
        assert!(!permits(&["!*.bar", "foo.bar"], "foo.bar"));
        assert!(permits(&["#", "!#.delete"], "delete"));
        assert!(!permits(&["#", "!#.delete"], "users.x.delete"));
        assert!(!permits(&[&format!("!users.{ME}.read"), "users.me.#"], &format!("users.{ME}.read")));
        assert!(!permits(&["!foo"], "bar"));
    }

    #[test]
    fn nobody_hands_out_more_than_they_hold() {
        let grants = |held: &[&str], granted: &[&str]| {
            AccessList::new(held.iter().copied()).may_grant(&AccessList::new(granted.iter().copied()))
        };
        assert!(grants(&["#"], &["users.*.read", "#"]));
        assert!(grants(&["users.#"], &["users.*.read"]));
        assert!(!grants(&["users.*.read"], &["users.#"]));
        assert!(!grants(&["users.*"], &["users.#"]));
        assert!(!grants(&["users.me.#"], &["users.*.read"]));
        assert!(!grants(&["foo.#", "!foo.bar"], &["foo.#"]));
        assert!(!grants(&["foo.#", "!foo.bar"], &["foo.b*r"]));
        assert!(grants(&["foo.#", "!foo.bar"], &["foo.b*r", "!foo.bar"]));
        assert!(grants(&["foo.#", "!foo.bar"], &["foo.c*"]));
        assert!(!grants(&["users.#", "!users.123.read"], &["users.me.read"]));
        assert!(grants(&["users.#"], &["!anything"]));
    }

    #[test]
    fn what_is_no_access_word_is_named() {
        assert!(AccessList::new(["users.*.read", "!#", "a.b-c_d"]).check().is_ok());
        for bad in ["", "!", "a..b", "a b", "a.é", ".a", &"x".repeat(300)] {
            assert!(AccessList::new([bad]).check().is_err(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn what_may_be_granted_never_permits_more(
            held in prop::collection::vec("!?[ab*#]([.][ab*#]){0,2}", 1..4),
            granted in prop::collection::vec("!?[ab*#]([.][ab*#]){0,2}", 1..3),
            asked in "[ab]([.][ab]){0,3}",
        ) {
            let (held, granted) = (AccessList::new(held), AccessList::new(granted));
            if held.may_grant(&granted) && granted.permits(&asked, Me::default()) {
                prop_assert!(held.permits(&asked, Me::default()), "{held:?} {granted:?} {asked}");
            }
        }
    }
}
