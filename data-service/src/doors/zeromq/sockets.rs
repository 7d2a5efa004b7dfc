//! Sockets: their encryption, and the addresses they are bound to.

use crate::settings::{Address, ZeroMq};
use omq_tokio::{CurveServerOptions, Error, KeepAlive, Options, Socket};
use std::io;
use std::os::unix::fs::FileTypeExt as _;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

/// Bytes of a subscription.
pub(super) const SUBSCRIPTION_BYTES: usize = 4096;
/// Who connects has this long to say who they are, and so many may be about it.
const HANDSHAKE: Duration = Duration::from_secs(5);
const HANDSHAKES: usize = 1024;

/// An address cannot be bound.
#[derive(Debug, thiserror::Error)]
#[error("zeromq: cannot listen on {address}: {cause}")]
pub struct BindError {
    address: String,
    cause: io::Error,
}

/// What every socket here has: encryption if there is a key, and an end to connections nobody is behind.
pub(super) fn secured(options: Options, settings: &ZeroMq) -> Options {
    let options = options
        .handshake_timeout(HANDSHAKE)
        .max_pending_handshakes(HANDSHAKES)
        .tcp_keepalive(KeepAlive::Enabled { idle: Duration::from_secs(60), intvl: Duration::from_secs(15), cnt: 4 });
    let Some(curve) = &settings.curve else { return options };
    let clients = curve.clients.clone();
    let known = CurveServerOptions::new()
        .authenticator(move |peer| clients.is_empty() || clients.iter().any(|client| client.is(&peer.public_key)));
    options.curve_server_with_options(curve.pair(), known)
}

/// Binds every address and answers what was bound. With `anywhere`, a port that is taken is another one.
pub(super) async fn bind(socket: &Socket, addresses: &[Address], anywhere: bool) -> Result<Vec<String>, BindError> {
    let mut bound = Vec::new();
    for address in addresses {
        let text = match bind_one(socket, address).await {
            Err(cause) if anywhere && cause.kind() == io::ErrorKind::AddrInUse => {
                let free = match address {
                    Address::Tcp(address) => Address::Tcp((address.ip(), 0).into()),
                    Address::Ipc(_) => address.clone(),
                };
                tracing::warn!(%address, "taken by another program: the ZeroMQ door takes a free port");
                bind_one(socket, &free).await
            }
            outcome => outcome,
        };
        bound.push(text.map_err(|cause| BindError { address: address.to_string(), cause })?);
    }
    Ok(bound)
}

async fn bind_one(socket: &Socket, address: &Address) -> io::Result<String> {
    if let Address::Ipc(path) = address {
        make_way(path)?;
    }
    let bound = socket.bind(address.to_string().as_str()).await.map_err(|error| match error {
        Error::Io(error) => error,
        error => io::Error::other(error.to_string()),
    })?;
    Ok(bound.to_string())
}

/// Binding takes away whatever stands at the path: that must be a socket that nobody answers any more.
fn make_way(path: &Path) -> io::Result<()> {
    let Ok(there) = std::fs::symlink_metadata(path) else { return Ok(()) };
    if !there.file_type().is_socket() {
        return Err(io::Error::new(io::ErrorKind::AlreadyExists, "there is a file that is no socket"));
    }
    match UnixStream::connect(path) {
        Ok(_) => Err(io::Error::new(io::ErrorKind::AddrInUse, "another program listens there")),
        Err(_) => Ok(()),
    }
}
