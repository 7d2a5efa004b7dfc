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
pub(crate) mod uses;

use crate::caller::Caller;
use crate::chance;
use crate::clock::Clock;
use crate::error::{Error, Result};
use crate::store::Store;
use crate::store::credentials::{ConsumerCredential, TokenCredential};
use cache::Cache;
use freshness::Freshness;
use keys::Keys;
use nonces::{Nonces, Pending};
use shared::error::{Code, Refusal};
use shared::oauth1::{
    BaseUrl, BodyHashAlgorithm, Location, Message, Request, SignatureMethod, Window, base_string_into, decode_signature,
};
use shared::secret::Secret;
use shared::timestamp::Timestamp;
use std::cell::RefCell;
use std::sync::Arc;
use std::time::Duration;
use uses::Uses;

/// Everything the guard holds.
pub(crate) struct Guard {
    pub(crate) cache: Cache,
    pub(crate) replay: Nonces,
    pub(crate) freshness: Freshness,
    pub(crate) uses: Uses,
    store: Arc<Store>,
    clock: Clock,
    /// What an unknown consumer's or token's secret is taken to be: never told to anybody.
    dummy: Secret,
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
    token: Option<Arc<TokenCredential>>,
    base: &'a BaseUrl,
    /// Which of the consumer's secrets it was.
    secret: usize,
    /// The number of forgettings when it was looked up.
    epoch: u64,
}

/// Both credentials of a request, as far as they are known.
type Found = (Option<Arc<ConsumerCredential>>, Option<Arc<TokenCredential>>);

/// How often a request is looked at that something changes under.
const ROUNDS: usize = 8;

thread_local! {
    /// One buffer per thread for base strings.
    static BASE_STRING: RefCell<String> = RefCell::new(String::with_capacity(1024));
}

impl Guard {
    /// `trust_for` is how long memory is believed after the events were last read.
    pub(crate) fn new(store: Arc<Store>, replay: Nonces, clock: Clock, trust_for: Duration) -> Self {
        let (cache, freshness, uses) = (Cache::default(), Freshness::new(trust_for), Uses::default());
        Self { cache, replay, freshness, uses, store, clock, dummy: chance::signing_secret(['n', 'o']) }
    }

    /// Identifies the caller. `bases` are the URLs under which the door is signed: what is signed for one door is
    /// worth nothing at another. `body` gives the body; unless that is a form, it is asked for only when the signature
    /// held, so nothing of a stranger's is kept.
    pub(crate) async fn identify<'a, B: AsRef<[u8]>>(
        &self,
        bases: &'a [BaseUrl],
        message: &Message<'_>,
        body: impl AsyncFnOnce() -> Result<B>,
    ) -> Result<(Proved<'a>, B)> {
        let request = Request::parse(message)?;
        let now = self.clock.now();
        Window::at(now.seconds(), self.replay.floor()).check(request.timestamp)?;
        let mut signed = self.prove_first(bases, &request, now).await?;
        let body = body().await?;
        let fresh = self.freshness.is_fresh();
        if signed.epoch != self.cache.epoch() || !fresh {
            // Something changed while the body arrived, or memory cannot be trusted: all of it is decided anew.
            signed = Box::pin(self.prove_anew(bases, &request)).await?;
        }
        let body_hash = signed.consumer.body_hash.check(request.body_hash().as_deref(), request.form, body.as_ref())?;
        let fingerprint = self.replay.fingerprint(
            signed.consumer.key.as_str(),
            signed.token.as_ref().map_or("", |token| token.token.as_str()),
            &request.nonce(),
        );
        if let Some(pending) = self.replay.accept(request.timestamp, fingerprint, now)? {
            signed = Box::pin(self.wait(bases, pending, &request, signed)).await?;
        }
        let Signed { consumer, token, base, secret, .. } = signed;
        self.note_use(&consumer, token.as_deref(), secret, now);
        let proved = Proved {
            caller: Caller::Signed { consumer, token },
            signature_method: request.signature_method,
            base,
            plain_parameters: request.plain_parameters,
            body_hash,
        };
        Ok((proved, body))
    }

    /// Waits for what others say about the nonce. What changed meanwhile counts, as it does while the body arrives.
    async fn wait<'a>(
        &self,
        bases: &'a [BaseUrl],
        pending: Pending,
        request: &Request<'_>,
        signed: Signed<'a>,
    ) -> Result<Signed<'a>> {
        pending.accepted(request.timestamp, &self.replay).await?;
        match self.cache.epoch() == signed.epoch && self.freshness.is_fresh() {
            true => Ok(signed),
            false => self.prove_anew(bases, request).await,
        }
    }

    /// From memory, as long as it is not known to be wrong. What memory refuses is asked again when it is stale: a secret
    /// that was made meanwhile is a good one.
    async fn prove_first<'a>(&self, bases: &'a [BaseUrl], request: &Request<'_>, now: Timestamp) -> Result<Signed<'a>> {
        match self.prove(bases, request, now, !self.freshness.is_lost()).await {
            Err(Error::Refused(_)) if !self.freshness.is_fresh() => Box::pin(self.prove_anew(bases, request)).await,
            outcome => outcome,
        }
    }

    /// Proves until nothing changed meanwhile: what was read before a change must not be believed after its receipt.
    async fn prove_anew<'a>(&self, bases: &'a [BaseUrl], request: &Request<'_>) -> Result<Signed<'a>> {
        for _ in 0..ROUNDS {
            let signed = self.prove(bases, request, self.clock.now(), self.freshness.is_fresh()).await?;
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
        let (key, token) = (request.consumer_key(), request.token());
        let signs_token = token.is_some();
        let (consumer, token) = self.look_up(&key, token.as_deref(), trusted, now).await?;
        // A token serves only the consumer it was made for; with another it is as good as unknown.
        let token = token.filter(|token| *token.consumer == *key);
        let known = consumer.is_some() & (token.is_some() | !signs_token);
        let signed = self.verify(bases, request, consumer.as_deref(), token.as_deref(), now);
        let (Some(consumer), true, Some((base, secret))) = (consumer, known, signed) else {
            return Err(Refusal::new(Code::SignatureInvalid, "the signature does not fit this request").into());
        };
        check_state(request, &consumer, token.as_deref(), now)?;
        Ok(Signed { consumer, token, base, secret, epoch })
    }

    /// Finds both credentials, in memory if memory can be trusted.
    async fn look_up(&self, consumer: &str, token: Option<&str>, trusted: bool, now: Timestamp) -> Result<Found> {
        // Reading the store is put in a box of its own: what a request does not need must not make it larger.
        let found = match self.cache.consumer(consumer).filter(|_| trusted) {
            Some(found) => Some(found),
            None => Box::pin(self.cache.load_consumer(&self.store, consumer, now)).await?,
        };
        let Some(token) = token else { return Ok((found, None)) };
        // A session that is used lasts longer: that a token is over, only the store can say.
        let token = match self.cache.token(token).filter(|token| trusted && now < token.expires_at) {
            Some(token) => Some(token),
            None => Box::pin(self.cache.load_token(&self.store, token)).await?,
        };
        Ok((found, token))
    }

    /// The base URL for which the signature fits, and the index of the consumer's secret. The same work whether or
    /// not consumer and token are known.
    fn verify<'a>(
        &self,
        bases: &'a [BaseUrl],
        request: &Request<'_>,
        consumer: Option<&ConsumerCredential>,
        token: Option<&TokenCredential>,
        now: Timestamp,
    ) -> Option<(&'a BaseUrl, usize)> {
        let signature = decode_signature(&request.signature());
        let token_secret = match (&request.token(), token) {
            (None, _) => "",
            (Some(_), Some(token)) => token.secret.expose(),
            (Some(_), None) => self.dummy.expose(),
        };
        let keys = Keys {
            method: request.signature_method,
            secrets: consumer.map_or(&[][..], |consumer| &consumer.secrets),
            token: token_secret,
            dummy: &self.dummy,
            now,
        };
        BASE_STRING.with_borrow_mut(|text| {
            bases.iter().find_map(|base| {
                base_string_into(text, request, base);
                keys.find(text.as_bytes(), &signature).map(|index| (base, index))
            })
        })
    }

    fn note_use(&self, consumer: &ConsumerCredential, token: Option<&TokenCredential>, secret: usize, now: Timestamp) {
        if consumer.last_use.note(now) {
            self.uses.consumer(&consumer.key);
        }
        if let Some(secret) = consumer.secrets.get(secret).filter(|secret| secret.last_use.note(now)) {
            self.uses.secret(secret.id);
        }
        if let Some(token) = token.filter(|token| token.last_use.note(now)) {
            self.uses.token(token.token);
        }
    }
}

/// What only who has proved the secrets is told.
fn check_state(
    request: &Request<'_>,
    consumer: &ConsumerCredential,
    token: Option<&TokenCredential>,
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
