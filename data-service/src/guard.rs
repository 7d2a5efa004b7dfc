//! The guard: from a received message to a proved caller. The hot path lives here.
//!
//! Order: syntax, time window, signature, state of the credentials, body hash, nonce. The nonce is stored last and
//! in one atomic step, so strangers can neither fill the memory nor burn a client's nonce; and the body is parsed
//! by nobody before it was hashed. Nothing here waits when both credentials are in memory.

pub(crate) mod cache;
pub(crate) mod freshness;
mod journal;
mod keys;
pub(crate) mod memory;
pub(crate) mod nonces;
mod prints;
pub(crate) mod replay;
mod segment;
mod shards;
mod table;
mod tokens;
pub(crate) mod uses;

use crate::caller::Caller;
use crate::chance;
use crate::clock::Clock;
use crate::error::{Error, Result};
use crate::store::Store;
use crate::store::credentials::{ConsumerCredential, TokenFacts, TokenId};
use cache::Cache;
use freshness::Freshness;
use futures_util::future::BoxFuture;
use keys::{Dummy, Fit, Keys, Token};
use nonces::{Nonces, Pending};
use replay::Fingerprint;
use shared::error::{Code, Refusal};
use shared::oauth1::{
    BaseUrl, BodyHash, BodyHashAlgorithm, Location, Message, Request, SentHash, SignatureBytes, SignatureMethod,
    Window, base_string_into, decode_signature,
};
use shared::timestamp::Timestamp;
use std::cell::RefCell;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;
use tokens::Seen;
use uses::Uses;

/// Everything the guard holds.
pub(crate) struct Guard {
    pub(crate) cache: Cache,
    pub(crate) replay: Nonces,
    pub(crate) freshness: Freshness,
    pub(crate) uses: Uses,
    store: Arc<Store>,
    clock: Clock,
    dummy: Dummy,
}

/// A request that was accepted.
pub(crate) struct Proved<'a> {
    /// Who asks.
    pub(crate) caller: Caller,
    /// How it was signed.
    pub(crate) signature_method: SignatureMethod,
    /// The base URL that was signed, without the path.
    pub(crate) base: &'a BaseUrl,
    /// Parameters that are not OAuth's.
    pub(crate) plain_parameters: usize,
    /// What covered the body.
    pub(crate) body_hash: Option<BodyHashAlgorithm>,
}

/// A request whose signature held, and what it was found to rest on.
struct Signed<'a> {
    consumer: Arc<ConsumerCredential>,
    token: Option<TokenFacts>,
    /// That the token is used has to be noted.
    due: bool,
    base: &'a BaseUrl,
    /// Which of the consumer's secrets it was.
    secret: usize,
    /// The number of forgettings when it was looked up.
    epoch: u64,
}

/// What is known of a request whose head was read, and what its body and its nonce have to fit.
struct Head<'a> {
    /// What it rests on, once that is decided.
    signed: Option<Signed<'a>>,
    timestamp: i64,
    fingerprint: Fingerprint,
    signature_method: SignatureMethod,
    plain_parameters: usize,
    body_hash: Option<SentHash>,
    form: bool,
}

/// A decision that the store is asked for.
type Later<'s, 'a> = BoxFuture<'s, Result<Signed<'a>>>;

/// The credentials of a request, as far as they are known.
struct Found {
    consumer: Option<Arc<ConsumerCredential>>,
    seen: Option<Seen>,
    /// Which secret the token's key is kept for.
    serial: Option<NonZeroU32>,
    /// The number of forgettings before they were looked up.
    epoch: u64,
}

/// How often a request is looked at that something changes under.
const ROUNDS: usize = 8;

thread_local! {
    /// One buffer per thread for base strings. Whoever has it awaits nothing.
    static BASE_STRING: RefCell<String> = RefCell::new(String::with_capacity(1024));
}

impl Guard {
    /// `trust_for` is how long memory is believed after the events were last read.
    pub(crate) fn new(store: Arc<Store>, replay: Nonces, clock: Clock, trust_for: Duration) -> Self {
        let (cache, freshness, uses) = (Cache::default(), Freshness::new(trust_for), Uses::default());
        Self { cache, replay, freshness, uses, store, clock, dummy: Dummy::new(chance::signing_secret(['n', 'o'])) }
    }

    /// Identifies the caller. `bases` are the URLs under which the door is signed: what is signed for one door is
    /// worth nothing at another. `body` gives the body; unless that is a form, it is asked for only when the signature
    /// held, so nothing of a stranger's is kept.
    ///
    /// While something is waited for, what was read of the head is not kept: a request is small in memory, which costs less
    /// than to read the head again in the rare case.
    pub(crate) async fn identify<'a, 'm, B: AsRef<[u8]>>(
        &self,
        bases: &'a [BaseUrl],
        message: impl Fn() -> Message<'m>,
        body: impl AsyncFnOnce() -> Result<B>,
    ) -> Result<(Proved<'a>, B)> {
        let now = self.clock.now();
        let (mut head, later) = self.head(bases, message(), now)?;
        if let Some(later) = later {
            head.signed = Some(later.await?);
        }
        let body = body().await?;
        if !self.still_holds(&head) {
            // Something changed while the body arrived, or memory cannot be trusted: all of it is decided anew.
            head.signed = Some(Box::pin(self.prove_anew(bases, message())).await?);
        }
        let policy = head.signed.as_ref().map_or(BodyHash::Required, |signed| signed.consumer.body_hash);
        let body_hash = policy.check(head.body_hash.as_ref(), head.form, body.as_ref())?;
        if let Some(pending) = self.replay.accept(head.timestamp, head.fingerprint, now)? {
            Box::pin(self.wait(bases, pending, message(), &mut head)).await?;
        }
        let Head { signed, signature_method, plain_parameters, .. } = head;
        let Signed { consumer, token, due, base, secret, .. } = signed.ok_or_else(unproved)?;
        self.note_use(&consumer, token.as_ref().filter(|_| due), secret, now);
        let caller = Caller::Signed { consumer, token };
        Ok((Proved { caller, signature_method, base, plain_parameters, body_hash }, body))
    }

    /// Waits for what others say about the nonce. What changed meanwhile counts, as it does while the body arrives.
    async fn wait<'a>(
        &self,
        bases: &'a [BaseUrl],
        pending: Pending,
        message: Message<'_>,
        head: &mut Head<'a>,
    ) -> Result<()> {
        pending.accepted(head.timestamp, &self.replay).await?;
        if !self.still_holds(head) {
            head.signed = Some(self.prove_anew(bases, message).await?);
        }
        Ok(())
    }

    /// Whether what the head was found to rest on is still so, as far as can be known without asking.
    #[inline]
    fn still_holds(&self, head: &Head<'_>) -> bool {
        let fresh = self.freshness.is_fresh();
        head.signed.as_ref().is_some_and(|signed| signed.epoch == self.cache.epoch()) && fresh
    }

    /// Reads the head, and decides upon it at once, as nearly every time. If something has to be waited for, or if memory
    /// refuses and is stale (a secret that was made meanwhile is a good one), the decision comes later.
    fn head<'a: 's, 's>(
        &'s self,
        bases: &'a [BaseUrl],
        message: Message<'s>,
        now: Timestamp,
    ) -> Result<(Head<'a>, Option<Later<'s, 'a>>)> {
        let probable = message.probable_token().and_then(TokenId::read);
        if let Some(token) = probable {
            self.cache.tokens.expect(token);
        }
        let request = Request::parse(&message)?;
        if let Some(token) = probable {
            self.cache.tokens.expect_more(token);
        }
        Window::at(now.seconds(), self.replay.floor()).check(request.timestamp)?;
        let fingerprint = self.replay.fingerprint(
            &request.consumer_key(),
            request.token().as_deref().unwrap_or_default(),
            &request.nonce(),
        );
        self.replay.expect(request.timestamp, fingerprint);
        // While the token is on its way.
        let body_hash = request.body_hash();
        let head = |signed| Head {
            signed,
            timestamp: request.timestamp,
            fingerprint,
            signature_method: request.signature_method,
            plain_parameters: request.plain_parameters,
            body_hash,
            form: request.form,
        };
        match self.prove_at_once(bases, &request, now) {
            Some(Ok(signed)) => Ok((head(Some(signed)), None)),
            Some(Err(Error::Refused(_))) if !self.freshness.is_fresh() => {
                Ok((head(None), Some(Box::pin(self.prove_anew(bases, message)))))
            }
            Some(Err(error)) => Err(error),
            None => Ok((head(None), Some(Box::pin(self.prove_first(bases, message, request, now))))),
        }
    }

    /// Asks the store for what is not in memory. What memory refuses is asked again when it is stale.
    async fn prove_first<'a>(
        &self,
        bases: &'a [BaseUrl],
        message: Message<'_>,
        request: Request<'_>,
        now: Timestamp,
    ) -> Result<Signed<'a>> {
        match self.prove(bases, &request, now, !self.freshness.is_lost()).await {
            Err(Error::Refused(_)) if !self.freshness.is_fresh() => self.prove_anew(bases, message).await,
            outcome => outcome,
        }
    }

    /// What nearly every request needs: both credentials are in memory, or the token is in a store that can be read on this
    /// thread. `None` if anything else has to be done. What needs no token comes first: its memory is on the way meanwhile.
    fn prove_at_once<'a>(
        &self,
        bases: &'a [BaseUrl],
        request: &Request<'_>,
        now: Timestamp,
    ) -> Option<Result<Signed<'a>>> {
        if self.freshness.is_lost() {
            return None;
        }
        let epoch = self.cache.epoch();
        let consumer = self.cache.consumer(&request.consumer_key())?;
        let signature = decode_signature(&request.signature());
        BASE_STRING.with_borrow_mut(|text| {
            base_string_into(text, request, bases.first()?);
            let serial = keys::serial(&consumer, request.signature_method, now);
            let seen = match request.token().map(|token| TokenId::read(token.as_bytes())) {
                Some(token) => self.cache.token_at_once(&self.store, token?, serial, now)?,
                None => Ok(None),
            };
            let decide = |seen| {
                let found = Found { consumer: Some(consumer), seen, serial, epoch };
                self.decide(bases, request, &signature, text, found, now)
            };
            Some(seen.and_then(decide))
        })
    }

    /// Proves until nothing changed meanwhile: what was read before a change must not be believed after its receipt.
    async fn prove_anew<'a>(&self, bases: &'a [BaseUrl], message: Message<'_>) -> Result<Signed<'a>> {
        let request = Request::parse(&message)?;
        for _ in 0..ROUNDS {
            let signed = self.prove(bases, &request, self.clock.now(), self.freshness.is_fresh()).await?;
            if signed.epoch == self.cache.epoch() {
                return Ok(signed);
            }
        }
        Err(Refusal::retry(Code::Unavailable, "credentials change faster than they can be read", 1).into())
    }

    /// Everything but the body and the nonce: the credentials, the signature, and the state of the credentials.
    async fn prove<'a>(
        &self,
        bases: &'a [BaseUrl],
        request: &Request<'_>,
        now: Timestamp,
        trusted: bool,
    ) -> Result<Signed<'a>> {
        let epoch = self.cache.epoch();
        let consumer = self.consumer(&request.consumer_key(), trusted, now).await?;
        let method = request.signature_method;
        let serial = consumer.as_deref().filter(|_| trusted).and_then(|consumer| keys::serial(consumer, method, now));
        let seen = match request.token().and_then(|token| TokenId::read(token.as_bytes())) {
            Some(token) => self.token(token, serial, trusted, now).await?,
            None => None,
        };
        let found = Found { consumer, seen, serial, epoch };
        let signature = decode_signature(&request.signature());
        BASE_STRING.with_borrow_mut(|text| {
            if let Some(base) = bases.first() {
                base_string_into(text, request, base);
            }
            self.decide(bases, request, &signature, text, found, now)
        })
    }

    /// Decides upon what was found. `text` holds the base string for the first of the URLs. The same work whether or not
    /// consumer and token are known.
    fn decide<'a>(
        &self,
        bases: &'a [BaseUrl],
        request: &Request<'_>,
        signature: &SignatureBytes,
        text: &mut String,
        Found { consumer, seen, serial, epoch }: Found,
        now: Timestamp,
    ) -> Result<Signed<'a>> {
        // A token serves only the consumer it was made for; with another it is as good as unknown.
        let seen = seen.filter(|seen| *seen.facts.common.consumer == *request.consumer_key());
        let token = match &seen {
            Some(seen) => Token::Known(&seen.proof),
            None if request.token().is_some() => Token::Unknown,
            None => Token::Absent,
        };
        let known = consumer.is_some() & !matches!(token, Token::Unknown);
        let secrets = consumer.as_deref().map_or(&[][..], |consumer| &consumer.secrets);
        let keys = Keys { method: request.signature_method, secrets, token, dummy: &self.dummy, now };
        let fits = bases.iter().enumerate().find_map(|(index, base)| {
            if index > 0 {
                base_string_into(text, request, base);
            }
            keys.find(text.as_bytes(), signature).map(|fit| (base, fit))
        });
        let (Some(consumer), true, Some((base, Fit { secret, keyed }))) = (consumer, known, fits) else {
            return Err(unproved());
        };
        match (keyed, serial, &seen) {
            (Some(keyed), Some(serial), Some(seen)) if seen.may_be_keyed(serial) => {
                self.cache.tokens.keep(seen.facts.token, serial, keyed);
            }
            (_, None, Some(seen)) => self.cache.tokens.settle(seen, keys::only(&consumer, now)),
            _ => {}
        }
        let (token, due) = seen.map_or((None, false), |Seen { facts, due, .. }| (Some(facts), due));
        check_state(request, &consumer, token.as_ref(), now)?;
        Ok(Signed { consumer, token, due, base, secret, epoch })
    }

    /// A consumer, from memory if memory can be trusted. Reading the store is put in a box of its own, here and below:
    /// what a request does not need must not make it larger.
    async fn consumer(&self, key: &str, trusted: bool, now: Timestamp) -> Result<Option<Arc<ConsumerCredential>>> {
        match self.cache.consumer(key).filter(|_| trusted) {
            Some(found) => Ok(Some(found)),
            None => Box::pin(self.cache.load_consumer(&self.store, key, now)).await,
        }
    }

    /// A token, with the key if that was made of the secret with this serial number.
    async fn token(
        &self,
        token: TokenId,
        serial: Option<NonZeroU32>,
        trusted: bool,
        now: Timestamp,
    ) -> Result<Option<Seen>> {
        match self.cache.tokens.get(token, serial, now).filter(|seen| trusted && seen.is_alive(now)) {
            Some(seen) => Ok(Some(seen)),
            None => Box::pin(self.cache.load_token(&self.store, token, now)).await,
        }
    }

    fn note_use(&self, consumer: &ConsumerCredential, token: Option<&TokenFacts>, secret: usize, now: Timestamp) {
        if consumer.last_use.note(now) {
            self.uses.consumer(&consumer.key);
        }
        if let Some(secret) = consumer.secrets.get(secret).filter(|secret| secret.last_use.note(now)) {
            self.uses.secret(secret.id);
        }
        if let Some(token) = token {
            self.uses.token(|| self.cache.tokens.note_use(token.token, now));
        }
    }
}

fn unproved() -> Error {
    Refusal::new(Code::SignatureInvalid, "the signature does not fit this request").into()
}

/// What only who has proved the secrets is told.
fn check_state(
    request: &Request<'_>,
    consumer: &ConsumerCredential,
    token: Option<&TokenFacts>,
    now: Timestamp,
) -> Result<(), Refusal> {
    if consumer.revoked {
        return Err(Refusal::new(Code::ConsumerRevoked, "the operator has revoked this consumer"));
    }
    if !consumer.signature_methods.contains(&request.signature_method) {
        let detail = format!("this consumer may not sign with {}", request.signature_method);
        return Err(Refusal::new(Code::SignatureMethodRejected, detail));
    }
    if !consumer.locations.contains(&request.location) {
        let place = match request.location {
            Location::Header => "the Authorization header",
            Location::Query => "the query",
            Location::Body => "a form body",
        };
        let detail = format!("this consumer may not send its OAuth parameters in {place}");
        return Err(Refusal::new(Code::ParameterRejected, detail));
    }
    match token {
        Some(token) if token.revoked => Err(Refusal::new(Code::TokenRevoked, "this token was ended")),
        Some(token) if now >= token.expires_at => {
            Err(Refusal::new(Code::TokenExpired, "this token has ended by itself"))
        }
        _ => Ok(()),
    }
}
