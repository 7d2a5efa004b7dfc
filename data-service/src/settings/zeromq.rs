//! Where messages come in and events go out over ZeroMQ, and what keeps others from reading them.

use omq_tokio::{CurveKeypair, CurveSecretKey};
use shared::secret::Secret;
use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

/// Bytes that the path of a Unix socket may have.
const PATH_BYTES: usize = 107;

/// The ZeroMQ door and the events that are published.
#[derive(Clone, Debug)]
pub struct ZeroMq {
    /// Where requests are answered; nowhere if empty.
    pub listen: Vec<Address>,
    /// Nobody asked for the address in `listen`: if it is taken, a free port will do.
    pub anywhere: bool,
    /// Where events are published; nowhere if empty.
    pub publish: Vec<Address>,
    /// The host of the URL that clients sign: `zeromq://NAME/COMMAND`.
    pub name: String,
    /// Encryption of everything; `None` for none.
    pub curve: Option<Curve>,
    /// True if a network may carry messages that are not encrypted.
    pub allow_plain: bool,
}

impl Default for ZeroMq {
    /// Closed.
    fn default() -> Self {
        Self {
            listen: Vec::new(),
            anywhere: false,
            publish: Vec::new(),
            name: "countersign".into(),
            curve: None,
            allow_plain: false,
        }
    }
}

impl ZeroMq {
    /// An address whose messages anybody on a network could read.
    pub fn exposed(&self) -> Option<&Address> {
        let plain = self.curve.is_none() && !self.allow_plain;
        self.listen.iter().chain(&self.publish).find(|address| plain && address.is_reached_from_afar())
    }
}

/// An address to listen on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Address {
    /// `tcp://127.0.0.1:7979`; port 0 takes a free one.
    Tcp(SocketAddr),
    /// `ipc:///run/countersign.sock`: a Unix socket.
    Ipc(PathBuf),
}

impl Address {
    /// Reads an address; the path of a socket starts at the folder. Says what is wrong with it.
    pub fn parse(text: &str, folder: &Path) -> Result<Self, String> {
        if let Some(rest) = text.strip_prefix("tcp://") {
            let everywhere = rest.strip_prefix("*:").map(|port| format!("{}:{port}", Ipv4Addr::UNSPECIFIED));
            let address = everywhere.as_deref().unwrap_or(rest).parse();
            let words = || format!("`{text}` is not an address such as tcp://127.0.0.1:7979 or tcp://[::1]:7979");
            return address.map(Self::Tcp).map_err(|_| words());
        }
        match text.strip_prefix("ipc://") {
            None => Err(format!("`{text}` must begin with tcp:// or ipc://")),
            Some("") => Err(format!("`{text}` names no file: ipc:///run/countersign/zeromq.sock")),
            Some(name) if name.starts_with('@') => {
                Err(format!("`{text}`: an abstract socket is open to everybody here"))
            }
            Some(path) => {
                let path = folder.join(path);
                match path.to_str() {
                    None => Err("the path must be UTF-8".into()),
                    Some(text) if text.len() > PATH_BYTES => {
                        Err(format!("{text} is longer than the {PATH_BYTES} bytes that a Unix socket may have"))
                    }
                    Some(_) => Ok(Self::Ipc(path)),
                }
            }
        }
    }

    /// True if other machines can reach it.
    fn is_reached_from_afar(&self) -> bool {
        matches!(self, Self::Tcp(address) if !address.ip().is_loopback())
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => write!(f, "tcp://{address}"),
            Self::Ipc(path) => write!(f, "ipc://{}", path.display()),
        }
    }
}

/// CURVE: this side's key, and who may talk to it.
#[derive(Clone, Debug)]
pub struct Curve {
    secret: CurveSecretKey,
    /// The clients' public keys; empty for any client.
    pub clients: Vec<CurvePublicKey>,
}

impl Curve {
    /// From a secret key as 40 characters of Z85.
    pub fn new(secret: &Secret, clients: Vec<CurvePublicKey>) -> Result<Self, String> {
        let secret = CurveSecretKey::from_z85(secret.expose());
        let secret = secret.map_err(|_| "not a CURVE key (32 bytes as 40 characters of Z85)")?;
        Ok(Self { secret, clients })
    }

    /// The key that clients must know.
    pub fn public_key(&self) -> String {
        self.secret.derive_public().to_z85()
    }

    pub(crate) fn pair(&self) -> CurveKeypair {
        CurveKeypair { public: self.secret.derive_public(), secret: self.secret.clone() }
    }
}

/// A client's public key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CurvePublicKey([u8; 32]);

impl CurvePublicKey {
    /// From 40 characters of Z85.
    pub fn parse(text: &str) -> Result<Self, String> {
        let key = omq_tokio::CurvePublicKey::from_z85(text);
        key.map(|key| Self(*key.as_bytes())).map_err(|_| "not a CURVE key (32 bytes as 40 characters of Z85)".into())
    }

    pub(crate) fn is(&self, bytes: &[u8; 32]) -> bool {
        self.0 == *bytes
    }
}

impl fmt::Display for CurvePublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&omq_tokio::CurvePublicKey::from_bytes(self.0).to_z85())
    }
}

/// A new pair of CURVE keys: the public one and the secret one.
pub fn new_curve_key() -> (String, Secret) {
    let secret = CurveSecretKey::from_bytes(crate::chance::bytes());
    (secret.derive_public().to_z85(), Secret::new(secret.to_z85()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<String, String> {
        Address::parse(text, Path::new("/srv")).map(|address| address.to_string())
    }

    #[test]
    fn addresses_are_tcp_or_a_socket_in_the_folder() {
        assert_eq!(parse("tcp://127.0.0.1:7979").unwrap(), "tcp://127.0.0.1:7979");
        assert_eq!(parse("tcp://*:1").unwrap(), "tcp://0.0.0.0:1");
        assert_eq!(parse("tcp://[::1]:0").unwrap(), "tcp://[::1]:0");
        assert_eq!(parse("ipc://door.sock").unwrap(), "ipc:///srv/door.sock");
        assert_eq!(parse("ipc:///run/door.sock").unwrap(), "ipc:///run/door.sock");
        let long = format!("ipc://{}", "x".repeat(120));
        for bad in ["", "tcp://", "tcp://localhost:1", "tcp://1.2.3.4", "udp://1.2.3.4:5", "ipc://", "ipc://@x", &long]
        {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn what_a_network_could_read_is_found() {
        let address = |text| Address::parse(text, Path::new("/")).unwrap();
        let mut settings =
            ZeroMq { listen: vec![address("tcp://127.0.0.1:1"), address("ipc:///x")], ..ZeroMq::default() };
        assert_eq!(settings.exposed(), None);
        settings.publish = vec![address("tcp://*:2")];
        assert_eq!(settings.exposed(), settings.publish.first());
        settings.allow_plain = true;
        assert_eq!(settings.exposed(), None);
        settings.allow_plain = false;
        settings.curve = Some(Curve::new(&new_curve_key().1, vec![]).unwrap());
        assert_eq!(settings.exposed(), None);
    }

    #[test]
    fn keys_are_forty_characters() {
        let (public, secret) = new_curve_key();
        let curve = Curve::new(&secret, vec![CurvePublicKey::parse(&public).unwrap()]).unwrap();
        assert_eq!((curve.public_key(), curve.clients[0].to_string()), (public.clone(), public.clone()));
        assert!(!format!("{curve:?}").contains(secret.expose()));
        assert!(Curve::new(&Secret::new("short"), vec![]).is_err() && CurvePublicKey::parse("short").is_err());
    }
}
