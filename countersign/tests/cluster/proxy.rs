//! A wire between an instance and PostgreSQL that can be told to swallow what goes over it: the connection stays open, and
//! nothing arrives any more, in either direction. What was swallowed once stays broken.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};

/// What is swallowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Swallow {
    Nothing = 0,
    /// The connection that listens for events.
    Listening = 1,
    Everything = 2,
}

/// How the connection that listens introduces itself.
const LISTENING: &[u8] = b"countersign listening";

pub struct Proxy {
    pub address: SocketAddr,
    swallow: Arc<AtomicU8>,
}

impl Proxy {
    pub fn to(port: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let (address, swallow) = (listener.local_addr().unwrap(), Arc::new(AtomicU8::new(0)));
        let told = Arc::clone(&swallow);
        // Ends with the test: the threads have nothing that would have to be put in order.
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let Ok(server) = TcpStream::connect(("127.0.0.1", port)) else { continue };
                let wire = Arc::new(Wire { told: Arc::clone(&told), listens: false.into(), broken: false.into() });
                let (from, to) = (client.try_clone().unwrap(), server.try_clone().unwrap());
                let there = Arc::clone(&wire);
                std::thread::spawn(move || there.carry(from, to));
                std::thread::spawn(move || wire.carry(server, client));
            }
        });
        Self { address, swallow }
    }

    pub fn swallow(&self, what: Swallow) {
        self.swallow.store(what as u8, Ordering::SeqCst);
    }
}

struct Wire {
    told: Arc<AtomicU8>,
    listens: AtomicBool,
    broken: AtomicBool,
}

impl Wire {
    fn carry(&self, mut from: TcpStream, mut to: TcpStream) {
        let mut buffer = [0; 16 * 1024];
        while let Ok(count @ 1..) = from.read(&mut buffer) {
            let bytes = &buffer[..count];
            if bytes.windows(LISTENING.len()).any(|window| window == LISTENING) {
                self.listens.store(true, Ordering::SeqCst);
            }
            if self.is_broken() {
                continue;
            }
            if to.write_all(bytes).is_err() {
                break;
            }
        }
        let _ = to.shutdown(Shutdown::Both);
        let _ = from.shutdown(Shutdown::Both);
    }

    fn is_broken(&self) -> bool {
        let breaks = match self.told.load(Ordering::SeqCst) {
            0 => false,
            1 => self.listens.load(Ordering::SeqCst),
            _ => true,
        };
        self.broken.fetch_or(breaks, Ordering::SeqCst) || breaks
    }
}
