//! The guard: from a received message to a proved caller. The hot path lives here.
//!
//! Order: syntax, time window, signature, state of the credentials, body hash, nonce. The nonce is stored last and
//! in one atomic step, so strangers can neither fill the memory nor burn a client's nonce; and the body is parsed
//! by nobody before it was hashed. Nothing here waits when both credentials are in memory.

pub(crate) mod cache;
pub(crate) mod freshness;
mod journal;
pub(crate) mod replay;
pub(crate) mod uses;

use crate::caller::Caller;
use crate::chance;
use crate::clock::Clock;
use crate::error::Result;
use crate::store::Store;
use crate::store::credentials::{ConsumerCredential, TokenCredential};
use cache::Cache;
use freshness::Freshness;
use replay::{Fingerprint, Replay};
use shared::error::{Code, Refusal};
use shared::oauth1::{
    BaseUrl, BodyHashAlgorithm, Key, Message, Request, SignatureMethod, Window, base_string_into, decode_signature,
};
use shared::secret::Secret;
use shared::timestamp::Timestamp;
use std::cell::RefCell;
use std::sync::Arc;
use uses::{Use, Uses};

/// Everything the guard holds.
pub(crate) struct Guard {
    pub(crate) cache: Cache,
    pub(crate) replay: Replay,
    pub(crate) freshness: Freshness,
    pub(crate) uses: Uses,
    store: Arc<Store>,
    bases: Vec<BaseUrl>,
    clock: Clock,
    /// What an unknown consumer's or token's secret is taken to be: never told to anybody.
    dummy: Secret,
}

/// A request whose signature held; its body and nonce are still to be checked.
pub(crate) struct Opened {
    caller: Caller,
    consumer: Arc<ConsumerCredential>,
    token: Option<Arc<TokenCredential>>,
    /// Which of the consumer's secrets it was.
    secret: usize,
    epoch: u64,
    timestamp: i64,
    fingerprint: Fingerprint,
    body_hash: Option<String>,
    form: bool,
    signature_method: SignatureMethod,
    url: String,
    plain_parameters: usize,
}

/// A request that was accepted.
pub(crate) struct Proved {
    /// Who asks.
    pub(crate) caller: Caller,
    /// How it was signed.
    pub(crate) signature_method: SignatureMethod,
    /// The base string URI.
    pub(crate) url: String,
    /// Parameters that are not OAuth's.
    pub(crate) plain_parameters: usize,
    /// What covered the body.
    pub(crate) body_hash: Option<BodyHashAlgorithm>,
}

thread_local! {
    /// One buffer per thread for base strings.
    static BASE_STRING: RefCell<String> = RefCell::new(String::with_capacity(1024));
}

impl Guard {
    pub(crate) fn new(store: Arc<Store>, replay: Replay, bases: Vec<BaseUrl>, clock: Clock) -> Self {
        let (cache, freshness, uses) = (Cache::default(), Freshness::default(), Uses::default());
        Self { cache, replay, freshness, uses, store, bases, clock, dummy: chance::secret("none") }
    }

    /// Everything that needs only the head of a request, or a form: the signature and the state of the credentials.
    pub(crate) async fn open(&self, message: &Message<'_>) -> Result<Opened> {
        let request = Request::parse(message)?;
        let now = self.clock.now();
        Window::at(now.seconds(), self.replay.floor()).check(request.timestamp)?;
        let epoch = self.cache.epoch();
        let (consumer, token) = self.look_up(&request.consumer_key, request.token.as_deref()).await?;
        // A token serves only the consumer it was made for; with another it is as good as unknown.
        let belongs = |token: &Arc<TokenCredential>| token.consumer.as_str() == request.consumer_key;
        let token = token.filter(belongs);
        let known = consumer.is_some() & (token.is_some() | request.token.is_none());
        let signed = self.verify(&request, consumer.as_deref(), token.as_deref(), now);
        let (Some(consumer), true, Some((base, secret))) = (consumer, known, signed) else {
            return Err(Refusal::new(Code::SignatureInvalid, "the signature does not fit this request").into());
        };
        check_state(&request, &consumer, token.as_deref(), now)?;
        let parts = (request.consumer_key.as_ref(), request.token.as_deref().unwrap_or(""), request.nonce.as_ref());
        Ok(Opened {
            caller: Caller::Signed { consumer: Arc::clone(&consumer), token: token.clone() },
            fingerprint: self.replay.fingerprint(parts.0, parts.1, parts.2),
            consumer,
            token,
            secret,
            epoch,
            timestamp: request.timestamp,
            body_hash: request.body_hash.map(std::borrow::Cow::into_owned),
            form: request.form,
            signature_method: request.signature_method,
            url: base.with_path(request.path),
            plain_parameters: request.plain_parameters,
        })
    }

    /// The rest: the body, that nothing was revoked while it arrived, and the nonce.
    pub(crate) async fn admit(&self, opened: Opened, body: &[u8]) -> Result<Proved> {
        let policy = opened.consumer.body_hash;
        let body_hash = policy.check(opened.body_hash.as_deref(), opened.form, body)?;
        if opened.epoch != self.cache.epoch() || !self.freshness.is_fresh() {
            self.check_again(&opened).await?;
        }
        let now = self.clock.now();
        self.replay.accept(opened.timestamp, opened.fingerprint, now)?;
        self.note_use(&opened, now);
        let Opened { caller, signature_method, url, plain_parameters, .. } = opened;
        Ok(Proved { caller, signature_method, url, plain_parameters, body_hash })
    }

    /// Finds both credentials, in memory if memory can be trusted.
    async fn look_up(
        &self,
        consumer: &str,
        token: Option<&str>,
    ) -> Result<(Option<Arc<ConsumerCredential>>, Option<Arc<TokenCredential>>)> {
        let trusted = self.freshness.is_fresh();
        let found = match self.cache.consumer(consumer).filter(|_| trusted) {
            Some(found) => Some(found),
            None => self.cache.load_consumer(&self.store, consumer).await?,
        };
        let Some(token) = token else { return Ok((found, None)) };
        let token = match self.cache.token(token).filter(|_| trusted) {
            Some(token) => Some(token),
            None => self.cache.load_token(&self.store, token).await?,
        };
        Ok((found, token))
    }

    /// The base URL for which the signature fits, and the index of the consumer's secret. The same work whether or
    /// not consumer and token are known.
    fn verify(
        &self,
        request: &Request<'_>,
        consumer: Option<&ConsumerCredential>,
        token: Option<&TokenCredential>,
        now: Timestamp,
    ) -> Option<(&BaseUrl, usize)> {
        let signature = decode_signature(&request.signature);
        let none = Secret::default();
        let token_secret = match (&request.token, token) {
            (None, _) => &none,
            (Some(_), Some(token)) => &token.secret,
            (Some(_), None) => &self.dummy,
        };
        let key = |secret: &Secret| Key::new(request.signature_method, secret, token_secret);
        let secrets = consumer.map_or(&[][..], |consumer| &consumer.secrets).iter().enumerate();
        let working = secrets.filter(|(_, secret)| secret.works(now) && !secret.secret.is_empty());
        let mut keys: Vec<(usize, Key)> = working.map(|(index, secret)| (index, key(&secret.secret))).collect();
        if keys.is_empty() {
            keys.push((0, key(&self.dummy)));
        }
        BASE_STRING.with_borrow_mut(|text| {
            self.bases.iter().find_map(|base| {
                base_string_into(text, request, base);
                let fits = keys.iter().find(|(_, key)| key.verify(text.as_bytes(), &signature));
                fits.map(|(index, _)| (base, *index))
            })
        })
    }

    /// Reads the credentials anew: something changed since they were looked up, or memory cannot be trusted.
    async fn check_again(&self, opened: &Opened) -> Result<()> {
        let token = opened.token.as_ref().map(|token| token.token.as_str());
        let (consumer, token) = self.look_up(opened.consumer.key.as_str(), token).await?;
        let revoked = |code| Refusal::new(code, "it was ended while this request was under way");
        if consumer.is_none_or(|consumer| consumer.revoked) {
            return Err(revoked(Code::ConsumerRevoked).into());
        }
        if opened.token.is_some() && token.is_none_or(|token| token.revoked) {
            return Err(revoked(Code::TokenRevoked).into());
        }
        Ok(())
    }

    fn note_use(&self, opened: &Opened, now: Timestamp) {
        if opened.consumer.last_use.note(now) {
            self.uses.push(Use::Consumer(opened.consumer.key.clone()), now);
        }
        if let Some(secret) = opened.consumer.secrets.get(opened.secret).filter(|secret| secret.last_use.note(now)) {
            self.uses.push(Use::Secret(secret.id), now);
        }
        if let Some(token) = opened.token.as_ref().filter(|token| token.last_use.note(now)) {
            self.uses.push(Use::Token(token.token.clone()), now);
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
            shared::oauth1::Location::Header => "the Authorization header",
            shared::oauth1::Location::Query => "the query",
            shared::oauth1::Location::Body => "a form body",
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
