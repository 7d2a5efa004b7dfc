//! Waits until both services truly answer.

use crate::config::reachable;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};

/// Between two questions.
const PAUSE: Duration = Duration::from_millis(20);
/// For one answer.
const PATIENCE: Duration = Duration::from_secs(2);

/// Done once both have said that they are well. The data service is asked whether it can work, the frontend only
/// whether it is there.
pub(super) async fn both(data_service: &str, frontend: &str) {
    tokio::join!(one(data_service, "/readyz"), one(frontend, "/healthz"));
}

async fn one(url: &str, path: &str) {
    let Some(address) = address(url) else { return };
    while !timeout(PATIENCE, ask(address, path)).await.is_ok_and(|answer| answer.unwrap_or(false)) {
        sleep(PAUSE).await;
    }
}

fn address(url: &str) -> Option<SocketAddr> {
    let authority = url.strip_prefix("http://")?.split('/').next()?;
    authority.parse().ok().map(reachable)
}

async fn ask(address: SocketAddr, path: &str) -> io::Result<bool> {
    let mut stream = TcpStream::connect(address).await?;
    let request = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut answer = Vec::new();
    stream.take(64).read_to_end(&mut answer).await?;
    Ok(answer.starts_with(b"HTTP/1.1 200 "))
}
