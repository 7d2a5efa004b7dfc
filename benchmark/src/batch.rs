//! Requests, signed before the clock runs.

use crate::chance::{self, Chance};
use crate::wire::Wire;
use crate::world::{PASSWORD, World, person};
use crate::{Result, machine, zmtp};
use shared::oauth1::{Credentials, SignBody, SignatureMethod, Signer, ToSign};
use std::net::SocketAddr;

/// The body of every signed POST: 50 bytes of JSON.
pub const BODY: &str = r#"{"title":"Hello world","tags":["a","b"],"count":7}"#;

/// What is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A POST of [`BODY`] with its hash.
    Post,
    /// The same under a signature that does not fit.
    Bad,
    /// A GET without a body.
    Get,
    /// `echo` of [`BODY`] over ZeroMQ.
    Message,
    /// `session.resolve` over ZeroMQ, signed by the consumer alone.
    Resolve,
    /// `session.resolve` over HTTP, signed by the consumer alone.
    Session,
    /// A login with the right password, signed by the consumer alone.
    Login,
}

/// Which token signs each request.
#[derive(Clone, Copy, Debug)]
pub enum Tokens {
    /// A random one of the first so many.
    Random(usize),
    /// A fifth of the first so many, each once, in an order without a rule.
    Fifth(usize),
    /// The others, in such an order.
    OtherFifths(usize),
}

/// What to sign.
#[derive(Clone, Copy, Debug)]
pub struct Order {
    /// What is sent.
    pub kind: Kind,
    /// How it is signed.
    pub method: SignatureMethod,
    /// By whom.
    pub tokens: Tokens,
    /// How many requests.
    pub count: usize,
    /// How many are going to be sent in a second: timestamps follow it.
    pub per_second: usize,
}

/// Signed requests, one after the other in memory.
#[derive(Default)]
pub struct Batch {
    bytes: Vec<u8>,
    ends: Vec<usize>,
    /// What they are written for.
    pub wire: Wire,
    /// Which token signed each; all 0 for logins.
    pub tokens: Vec<usize>,
}

impl Batch {
    /// Signs on all cores.
    pub fn sign(world: &World, address: SocketAddr, order: Order) -> Result<Self> {
        let mut chance = Chance::new();
        let chosen: Vec<usize> = match order.tokens {
            Tokens::Random(end) => (0..order.count).map(|_| chance.below(end)).collect(),
            Tokens::Fifth(end) => chance.shuffled(end).into_iter().filter(|index| index % 5 == 0).collect(),
            Tokens::OtherFifths(end) => chance.shuffled(end).into_iter().filter(|index| index % 5 != 0).collect(),
        };
        let half = chosen.len().div_ceil(2).max(1);
        let start = chance::now();
        let parts: Vec<Result<Self>> = std::thread::scope(|scope| {
            let parts = chosen.chunks(half).enumerate().map(|(index, tokens)| {
                scope.spawn(move || {
                    machine::pin(&[machine::SERVER, machine::GENERATOR])?;
                    part(world, address, order, (start, index * half), tokens)
                })
            });
            let parts: Vec<_> = parts.collect();
            parts.into_iter().map(|part| part.join().unwrap_or_else(|_| Err("signing failed".into()))).collect()
        });
        let messages = matches!(order.kind, Kind::Message | Kind::Resolve);
        let wire = if messages { Wire::ZeroMq } else { Wire::Http };
        let mut batch = Self { wire, ..Self::default() };
        for part in parts {
            let part = part?;
            let base = batch.bytes.len();
            batch.bytes.extend_from_slice(&part.bytes);
            batch.ends.extend(part.ends.iter().map(|end| base + end));
            batch.tokens.extend(part.tokens);
        }
        Ok(batch)
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// True without any.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// The bytes of one.
    pub fn request(&self, index: usize) -> &[u8] {
        let start = index.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.bytes[start..self.ends[index]]
    }
}

fn part(
    world: &World,
    address: SocketAddr,
    order: Order,
    (start, first): (u64, usize),
    tokens: &[usize],
) -> Result<Batch> {
    let mut chance = Chance::new();
    let mut batch = Batch::default();
    batch.bytes.reserve(tokens.len() * 560);
    for (index, &token) in tokens.iter().enumerate() {
        let timestamp = start + ((first + index) / order.per_second) as u64;
        let moment = (timestamp, chance.nonce());
        write(&mut batch.bytes, world, address, order, (first + index, token), &moment)?;
        batch.ends.push(batch.bytes.len());
        batch.tokens.push(token);
    }
    Ok(batch)
}

fn write(
    out: &mut Vec<u8>,
    world: &World,
    address: SocketAddr,
    order: Order,
    (index, token): (usize, usize),
    (timestamp, nonce): &(u64, String),
) -> Result<()> {
    if matches!(order.kind, Kind::Message | Kind::Resolve) {
        let token = &world.tokens[token];
        let secret = Credentials { key: token.key.clone(), secret: token.secret.clone() };
        let mut signer = Signer::new(world.consumers[token.consumer].clone(), Some(secret));
        let (command, body) = match order.kind {
            Kind::Resolve => ("session.resolve", format!(r#"{{"sessionid":"{}"}}"#, world.session()?)),
            _ => ("echo", BODY.to_owned()),
        };
        if order.kind == Kind::Resolve {
            signer.token = None;
        }
        signer.method = order.method;
        let url = format!("zeromq://countersign/{command}");
        let body = SignBody::Other(body.as_bytes());
        let to_sign = ToSign { method: "POST", url: &url, body, nonce, timestamp: *timestamp };
        let SignBody::Other(body) = body else { return Ok(()) };
        let authorization = signer.authorization(&to_sign)?;
        zmtp::write(out, &[b"", b"1", authorization.as_bytes(), command.as_bytes(), body]);
        return Ok(());
    }
    let consumer = &world.consumers[index % world.consumers.len()];
    let alone = match order.kind {
        Kind::Login => {
            let body = format!(r#"{{"username":"{}","password":"{PASSWORD}"}}"#, person(index));
            Some(("/authenticate", body, consumer))
        }
        Kind::Session => {
            let body = format!(r#"{{"sessionid":"{}"}}"#, world.session()?);
            Some(("/sessions/resolve", body, &world.consumers[world.tokens[token].consumer]))
        }
        _ => None,
    };
    let token = &world.tokens[token];
    let (verb, path, body, consumer, token) = match &alone {
        Some((path, body, consumer)) => ("POST", *path, body.as_str(), *consumer, None),
        None => {
            let (verb, body) = if order.kind == Kind::Get { ("GET", "") } else { ("POST", BODY) };
            (verb, "/echo", body, &world.consumers[token.consumer], Some(token))
        }
    };
    let url = format!("http://{address}{path}");
    let mut secret = token.map(|token| Credentials { key: token.key.clone(), secret: token.secret.clone() });
    if order.kind == Kind::Bad
        && let Some(secret) = &mut secret
    {
        secret.secret = shared::secret::Secret::new("another secret of about the same length");
    }
    let mut signer = Signer::new(consumer.clone(), secret);
    signer.method = order.method;
    let signed_body = if body.is_empty() { SignBody::None } else { SignBody::Other(body.as_bytes()) };
    let authorization =
        signer.authorization(&ToSign { method: verb, url: &url, body: signed_body, nonce, timestamp: *timestamp })?;
    let head = format!("{verb} {path} HTTP/1.1\r\nhost: {address}\r\nauthorization: {authorization}\r\n");
    out.extend_from_slice(head.as_bytes());
    if !body.is_empty() {
        let length = format!("content-type: application/json\r\ncontent-length: {}\r\n", body.len());
        out.extend_from_slice(length.as_bytes());
    }
    out.extend_from_slice(b"\r\n");
    out.extend_from_slice(body.as_bytes());
    Ok(())
}
