//! The keys of `zeromq`: how they are written, and what the data service is told.

use super::Config;
use super::raw::Raw;
use super::setting::{Item, Setting};
use crate::failure::Failure;
use data_service::{Address, Curve, CurvePublicKey, ZeroMq};
use shared::secret::Secret;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;

/// Where the door of `up` is while nobody says anything.
const USUAL: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 7979);

/// Addresses, `off`, or nothing said.
#[derive(Clone, Debug)]
pub(crate) struct Addresses(Option<Vec<Address>>);

impl Addresses {
    /// True if there is one.
    pub(crate) fn any(&self) -> bool {
        self.0.as_ref().is_some_and(|addresses| !addresses.is_empty())
    }

    fn list(&self) -> Vec<Address> {
        self.0.clone().unwrap_or_default()
    }
}

impl Setting for Addresses {
    const KIND: &'static str = "list of `tcp://…` and `ipc://…`, or `off`";

    fn read(raw: &Raw, folder: &Path) -> Result<Self, String> {
        let items = match raw {
            Raw::Nothing => return Ok(Self(None)),
            Raw::Text(one) => vec![one.as_str()],
            raw => raw.list()?,
        };
        if let [] | ["off"] = items[..] {
            return Ok(Self(Some(Vec::new())));
        }
        let addresses = items.into_iter().map(|item| Address::parse(item, folder));
        addresses.collect::<Result<_, _>>().map(|addresses| Self(Some(addresses)))
    }

    fn show(&self) -> String {
        match &self.0 {
            None => String::new(),
            Some(none) if none.is_empty() => "off".into(),
            Some(addresses) => addresses.iter().map(Address::to_string).collect::<Vec<_>>().join(", "),
        }
    }
}

/// A name that can be the host of a URL.
#[derive(Clone, Debug)]
pub(crate) struct HostName(String);

impl Setting for HostName {
    const KIND: &'static str = "name";

    fn read(raw: &Raw, _: &Path) -> Result<Self, String> {
        let text = raw.text()?;
        let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'-' | b'.');
        if !(1..=64).contains(&text.len()) || !text.bytes().all(plain) {
            return Err("must be 1 to 64 lower case letters, digits, dots and hyphens".into());
        }
        Ok(Self(text.into()))
    }

    fn show(&self) -> String {
        self.0.clone()
    }
}

/// A secret CURVE key.
#[derive(Clone, Debug)]
pub(crate) struct CurveKey(Secret);

impl Setting for CurveKey {
    const KIND: &'static str = "secret";
    const SECRET: bool = true;

    fn read(raw: &Raw, _: &Path) -> Result<Self, String> {
        let secret = Secret::new(raw.text()?.trim());
        Curve::new(&secret, Vec::new()).map(|_| Self(secret))
    }

    fn show(&self) -> String {
        self.0.show()
    }
}

impl Setting for CurvePublicKey {
    const KIND: &'static str = "public key";

    fn read(raw: &Raw, _: &Path) -> Result<Self, String> {
        Self::parse(raw.text()?)
    }

    fn show(&self) -> String {
        self.to_string()
    }
}

impl Item for CurvePublicKey {
    const LIST: &'static str = "list of public keys";
}

impl Config {
    /// What the data service is told about ZeroMQ.
    pub(super) fn zeromq(&self) -> Result<ZeroMq, Failure> {
        let settings = ZeroMq {
            listen: self.zeromq_listen.list(),
            anywhere: false,
            publish: self.zeromq_publish.list(),
            name: self.zeromq_name.0.clone(),
            curve: self.curve()?,
            allow_plain: self.zeromq_allow_plain,
        };
        Ok(settings)
    }

    fn curve(&self) -> Result<Option<Curve>, Failure> {
        let curve = self.zeromq_key.as_ref().map(|key| Curve::new(&key.0, self.zeromq_clients.clone()));
        curve.transpose().map_err(Failure::config)
    }

    /// What is allowed and probably not meant.
    pub(super) fn zeromq_warnings(&self) -> Vec<String> {
        let mut found = Vec::new();
        if let Some(address) = self.zeromq().ok().as_ref().and_then(ZeroMq::exposed) {
            found.push(format!(
                "{address} can be reached from other machines and nothing there is encrypted: the data service does not \
                 start without zeromq.curve_secret_key or zeromq.allow_plain = true"
            ));
        }
        if self.zeromq_key.is_some() && self.zeromq_clients.is_empty() && self.zeromq_publish.any() {
            found.push(
                "zeromq.curve_clients is not set: everybody who reaches zeromq.publish can read the events".into(),
            );
        }
        if self.zeromq_key.is_none() && !self.zeromq_clients.is_empty() {
            found.push("zeromq.curve_clients says nothing without zeromq.curve_secret_key".into());
        }
        found
    }

    /// The key that clients must know.
    pub(crate) fn zeromq_public_key(&self) -> Option<String> {
        let used = self.zeromq_listen.0.is_none() || self.zeromq_listen.any() || self.zeromq_publish.any();
        self.curve().ok().flatten().filter(|_| used).map(|curve| curve.public_key())
    }

    /// Opens the door of `up` where it usually is, unless something was said about it.
    pub(crate) fn open_zeromq(&self, settings: &mut ZeroMq) {
        if self.zeromq_listen.0.is_none() {
            settings.listen = vec![Address::Tcp(USUAL)];
            settings.anywhere = true;
        }
    }
}
