//! A small proxy as one stands in front of every installation: it asks `/readyz`, keeps connections, and sends each request
//! to the next instance that is ready. It never tries a request twice.

use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// How often `/readyz` is asked.
const LOOK: Duration = Duration::from_millis(50);

struct Upstream {
    address: SocketAddr,
    ready: AtomicBool,
    idle: Mutex<Vec<BufReader<TcpStream>>>,
}

pub struct Balancer {
    pub address: SocketAddr,
    upstreams: Arc<Vec<Upstream>>,
    over: Arc<AtomicBool>,
}

impl Balancer {
    pub fn over(addresses: impl IntoIterator<Item = SocketAddr>) -> Self {
        let upstream = |address| Upstream { address, ready: true.into(), idle: Mutex::default() };
        let upstreams: Arc<Vec<Upstream>> = Arc::new(addresses.into_iter().map(upstream).collect());
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let (address, over) = (listener.local_addr().unwrap(), Arc::new(AtomicBool::new(false)));
        for index in 0..upstreams.len() {
            let (upstreams, over) = (Arc::clone(&upstreams), Arc::clone(&over));
            std::thread::spawn(move || {
                while !over.load(Ordering::Relaxed) {
                    upstreams[index].look();
                    std::thread::sleep(LOOK);
                }
            });
        }
        let (turn, shared) = (Arc::new(AtomicUsize::new(0)), Arc::clone(&upstreams));
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let (turn, upstreams) = (Arc::clone(&turn), Arc::clone(&shared));
                std::thread::spawn(move || serve(client, &upstreams, &turn));
            }
        });
        Self { address, upstreams, over }
    }

    /// True if this one is sent requests.
    pub fn uses(&self, address: SocketAddr) -> bool {
        self.upstreams.iter().any(|upstream| upstream.address == address && upstream.ready.load(Ordering::SeqCst))
    }
}

impl Drop for Balancer {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
    }
}

impl Upstream {
    fn look(&self) {
        let ready = self.asked().is_ok_and(|answer| answer.starts_with(b"HTTP/1.1 200"));
        self.ready.store(ready, Ordering::SeqCst);
        if !ready {
            self.idle.lock().unwrap().clear();
        }
    }

    fn asked(&self) -> io::Result<Vec<u8>> {
        let mut stream = TcpStream::connect(self.address)?;
        stream.set_read_timeout(Some(Duration::from_secs(10)))?;
        stream.write_all(b"GET /readyz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer)?;
        Ok(answer)
    }

    /// Sends a request over a connection that is kept, and keeps it if the answer does not say otherwise.
    fn forward(&self, request: &[u8]) -> io::Result<Vec<u8>> {
        let kept = self.idle.lock().unwrap().pop();
        let mut stream = match kept {
            Some(stream) => stream,
            None => BufReader::new(TcpStream::connect(self.address)?),
        };
        stream.get_ref().set_read_timeout(Some(Duration::from_secs(60)))?;
        stream.get_mut().write_all(request)?;
        let (answer, keep) = message(&mut stream)?.ok_or(io::ErrorKind::UnexpectedEof)?;
        if keep && self.ready.load(Ordering::SeqCst) {
            self.idle.lock().unwrap().push(stream);
        }
        Ok(answer)
    }
}

/// Head and body, and whether the connection is kept; `None` if it was closed before.
fn message(stream: &mut BufReader<TcpStream>) -> io::Result<Option<(Vec<u8>, bool)>> {
    let (mut bytes, mut length, mut keep) = (Vec::new(), 0, true);
    loop {
        let from = bytes.len();
        if stream.read_until(b'\n', &mut bytes)? == 0 {
            return if bytes.is_empty() { Ok(None) } else { Err(io::ErrorKind::UnexpectedEof.into()) };
        }
        let line = String::from_utf8_lossy(&bytes[from..]).trim().to_ascii_lowercase();
        match line.split_once(": ") {
            Some(("content-length", value)) => length = value.parse().unwrap(),
            Some(("connection", value)) => keep = value != "close",
            _ if line.is_empty() => break,
            _ => {}
        }
    }
    let head = bytes.len();
    bytes.resize(head + length, 0);
    stream.read_exact(&mut bytes[head..])?;
    Ok(Some((bytes, keep)))
}

/// What a client's connection brings, one request after the other.
fn serve(client: TcpStream, upstreams: &[Upstream], turn: &AtomicUsize) {
    let mut client = BufReader::new(client);
    while let Ok(Some((request, _))) = message(&mut client) {
        let ready = || {
            let turn = turn.fetch_add(1, Ordering::Relaxed);
            (0..upstreams.len())
                .map(|index| &upstreams[(turn + index) % upstreams.len()])
                .find(|upstream| upstream.ready.load(Ordering::SeqCst))
        };
        let answer = match ready() {
            Some(upstream) => upstream.forward(&request).unwrap_or_else(|error| bad_gateway(&error.to_string())),
            None => bad_gateway("nobody is ready"),
        };
        if client.get_mut().write_all(&answer).is_err() {
            return;
        }
    }
}

fn bad_gateway(why: &str) -> Vec<u8> {
    format!("HTTP/1.1 502 Bad Gateway\r\nContent-Length: {}\r\n\r\n{why}", why.len()).into_bytes()
}
