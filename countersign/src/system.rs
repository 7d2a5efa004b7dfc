//! The runtime, and the signals that end it.

use actix_web::rt::System;
use std::future::Future;
use std::io;
use std::process::exit;
use std::sync::Arc;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

/// Runs something to its end. The services want an actix system to run in; the commands do not mind one.
pub fn block_on<F: Future>(future: F) -> F::Output {
    // A service's future is large, and every function down to the one that polls it would copy it.
    System::new().block_on(Box::pin(future))
}

/// Told when it is time to stop.
#[derive(Clone)]
pub struct Stop(Arc<watch::Sender<bool>>);

impl Stop {
    /// Listens to SIGTERM and Ctrl-C. The first asks to stop; a second ends the process at once.
    pub fn on_signals() -> io::Result<Self> {
        let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
        let stop = Self(Arc::new(watch::channel(false).0));
        let told = stop.clone();
        actix_web::rt::spawn(async move {
            loop {
                let number = tokio::select! {
                    _ = terminate.recv() => SignalKind::terminate(),
                    _ = interrupt.recv() => SignalKind::interrupt(),
                };
                if told.is_asked() {
                    exit(128 + number.as_raw_value());
                }
                tracing::info!("stopping: what runs is finished, a second signal ends it at once");
                told.ask();
            }
        });
        Ok(stop)
    }

    /// Asks to stop.
    pub fn ask(&self) {
        self.0.send_replace(true);
    }

    /// True once somebody has asked.
    pub fn is_asked(&self) -> bool {
        *self.0.borrow()
    }

    /// Done once somebody has asked.
    pub fn asked(&self) -> impl Future<Output = ()> + 'static {
        let mut receiver = self.0.subscribe();
        let keep = self.clone();
        async move {
            // The sender lives as long as this does.
            let _ = receiver.wait_for(|asked| *asked).await;
            drop(keep);
        }
    }
}
