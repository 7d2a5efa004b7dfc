//! Tokens in memory: what is kept of a secret, and when a use is written down.

use super::*;
use crate::chance;
use shared::acl::AccessList;
use shared::secret::Secret;
use std::mem::{offset_of, size_of};

const NOW: Timestamp = Timestamp::from_seconds(1_700_000_000);

fn some_token() -> TokenId {
    TokenId::read(chance::key("t")).unwrap()
}

fn credential(token: TokenId, last_used_at: Option<Timestamp>) -> TokenCredential {
    let common = Common { consumer: "c".into(), access: AccessList::default() };
    TokenCredential {
        facts: TokenFacts {
            token,
            common: Arc::new(common),
            user: Uuid::from_u128(1),
            session: None,
            signed_in_at: NOW,
            expires_at: NOW.plus_seconds(3600),
            revoked: false,
        },
        secret: ShortSecret::new(&Secret::new("hunter2")).unwrap(),
        last_used_at,
        place: 7,
    }
}

fn is_keyed(tokens: &Tokens, token: TokenId, serial: Option<NonZeroU32>) -> Option<bool> {
    tokens.get(token, serial, NOW).map(|seen| matches!(seen.proof, Proof::Keyed(_)))
}

#[test]
fn a_token_fills_two_lines_and_what_verifies_it_is_in_the_first() {
    assert_eq!((size_of::<Entry>(), align_of::<Entry>()), (128, 64));
    assert_eq!((size_of::<Proving>(), size_of::<About>()), (64, 64));
    assert_eq!(offset_of!(Entry, proving) + offset_of!(Entry, about), 64);
}

#[test]
fn a_key_takes_the_place_of_the_secret_and_fits_one_secret_of_the_consumer() {
    let (tokens, token) = (Tokens::default(), some_token());
    let [first, second] = [1, 2].map(NonZeroU32::new);
    tokens.put(&credential(token, None), NOW, || true);
    assert_eq!(is_keyed(&tokens, token, first), Some(false));
    tokens.keep(token, first.unwrap(), oauth1::Keyed::new("c", "t"));
    assert_eq!(is_keyed(&tokens, token, first), Some(true));
    assert_eq!(is_keyed(&tokens, token, second), None);
    assert_eq!(is_keyed(&tokens, token, None), None);
}

#[test]
fn a_token_that_is_signed_in_several_ways_keeps_its_secret() {
    let (tokens, token) = (Tokens::default(), some_token());
    let [first, second] = [1, 2].map(NonZeroU32::new);
    tokens.put(&credential(token, None), NOW, || true);
    tokens.keep(token, first.unwrap(), oauth1::Keyed::new("c", "t"));
    // Another way of signing finds no secret, and reads the store: anybody can bring that about, and it changes nothing.
    let read = credential(token, None);
    tokens.put(&read, NOW, || true);
    assert_eq!(is_keyed(&tokens, token, first), Some(true));
    // Then its signature holds.
    tokens.settle(&Seen::new(read, NOW), first);
    tokens.keep(token, first.unwrap(), oauth1::Keyed::new("c", "t"));
    assert_eq!([first, second, None].map(|serial| is_keyed(&tokens, token, serial)), [Some(false); 3]);
    let seen = tokens.get(token, first, NOW).unwrap();
    assert!(!seen.may_be_keyed(first.unwrap()) && seen.may_be_keyed(second.unwrap()));
    // Read once more it is the same, and with the consumer's next secret there may be a key again.
    tokens.put(&credential(token, None), NOW, || true);
    tokens.keep(token, first.unwrap(), oauth1::Keyed::new("c", "t"));
    assert_eq!(is_keyed(&tokens, token, first), Some(false));
    tokens.keep(token, second.unwrap(), oauth1::Keyed::new("d", "t"));
    assert_eq!(is_keyed(&tokens, token, second), Some(true));
}

#[test]
fn what_is_read_again_keeps_its_key_and_its_turn_and_takes_over_the_rest() {
    let (tokens, token) = (Tokens::default(), some_token());
    let serial = NonZeroU32::new(1);
    tokens.put(&credential(token, None), NOW, || true);
    tokens.keep(token, serial.unwrap(), oauth1::Keyed::new("c", "t"));
    assert!(tokens.note_use(token, NOW).is_some());
    let mut longer = credential(token, None);
    longer.facts.expires_at = NOW.plus_seconds(7200);
    longer.facts.revoked = true;
    tokens.put(&longer, NOW, || true);
    let seen = tokens.get(token, serial, NOW).unwrap();
    assert!(matches!(seen.proof, Proof::Keyed(_)) && !seen.due);
    assert!(seen.facts.revoked && seen.facts.expires_at == NOW.plus_seconds(7200));
}

#[test]
fn what_a_clock_wrote_that_was_ahead_does_not_last() {
    let (tokens, token) = (Tokens::default(), some_token());
    let ahead = Some(NOW.plus_seconds(100_000));
    assert!(Seen::new(credential(token, ahead), NOW).due);
    tokens.put(&credential(token, ahead), NOW, || true);
    assert!(tokens.note_use(token, NOW).is_some());
}

#[test]
fn a_use_is_written_down_once_in_a_turn() {
    let (tokens, token) = (Tokens::default(), some_token());
    tokens.put(&credential(token, None), NOW, || true);
    let turn_seconds = i64::try_from(TURN_SECONDS).unwrap();
    let mut written = 0;
    for second in 0..10 * turn_seconds {
        let now = NOW.plus_seconds(second);
        let due = tokens.get(token, None, now).unwrap().due;
        let used = tokens.note_use(token, now);
        assert_eq!(due, used.is_some());
        written += i64::from(due);
    }
    assert!(written == 10 || written == 11, "{written}");
    // A clock that is set back makes nothing due.
    assert!(tokens.note_use(token, NOW).is_none());
    assert!(!tokens.get(token, None, NOW).unwrap().due);
}

#[test]
fn what_was_used_is_named_as_long_as_it_is_in_memory() {
    let (tokens, all) = (Tokens::default(), std::iter::repeat_with(some_token).take(1000).collect::<Vec<_>>());
    all.iter().for_each(|token| tokens.put(&credential(*token, None), NOW, || true));
    let used: Vec<_> = all.iter().map(|token| tokens.note_use(*token, NOW).unwrap()).collect();
    for (used, token) in used.iter().zip(&all) {
        assert_eq!(tokens.named(*used).map(|text| text.as_str().to_owned()), Some(token.text().as_str().to_owned()));
    }
    tokens.remove(all[0]);
    assert_eq!(tokens.named(used[0]).map(|text| text.as_str().to_owned()), None);
    assert_eq!(size_of::<Used>(), 12);
}

#[test]
fn a_token_that_is_read_again_is_not_written_down_again() {
    let (tokens, token) = (Tokens::default(), some_token());
    tokens.put(&credential(token, Some(NOW)), NOW, || true);
    assert!(tokens.note_use(token, NOW).is_none());
    assert!(!Seen::new(credential(token, Some(NOW)), NOW).due);
    assert!(Seen::new(credential(token, None), NOW).due);
    let later = NOW.plus_seconds(i64::try_from(TURN_SECONDS).unwrap());
    assert!(Seen::new(credential(token, Some(NOW)), later).due);
    assert_eq!(tokens.note_use(token, later).map(|used| used.place), Some(7));
}

#[test]
fn the_turns_of_many_tokens_begin_at_many_moments() {
    let tokens: Vec<_> = std::iter::repeat_with(some_token).take(6000).collect();
    let twelfth = i64::try_from(TURN_SECONDS / 12).unwrap();
    for part in 0..12 {
        let [before, after] = [0, 1].map(|more| NOW.plus_seconds((part + more) * twelfth));
        let begin = tokens.iter().filter(|token| turn(**token, before) < turn(**token, after)).count();
        assert!((300..700).contains(&begin), "{begin} of 6000 in a twelfth of the time");
    }
}
