//! The application: bind first, then run. Its table of routes is the table of contents of `pages`.

use crate::api::Api;
use crate::pages::{self, Failure, account, assets, errors, health, login, logout, sessions, setup, tokens, verify};
use crate::settings::{Error, Settings};
use crate::site::Site;
use crate::{headers, requests};
use actix_web::guard::{Any, Get, Head};
use actix_web::middleware::from_fn;
use actix_web::web::{self, Data, ServiceConfig};
use actix_web::{HttpServer, Resource, Route};
use std::future::Future;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

/// What every handler may use.
#[derive(Clone, Debug)]
pub(crate) struct Gate {
    /// The data service.
    pub(crate) api: Api,
    /// Our place in the world.
    pub(crate) site: Arc<Site>,
}

/// A frontend that listens and does not answer yet.
#[derive(Debug)]
pub struct App {
    gate: Gate,
    listener: TcpListener,
    bound: SocketAddr,
    public_url: Option<String>,
    workers: usize,
    shutdown_timeout: Duration,
}

impl App {
    /// Checks the settings and takes the address. The data service need not be there.
    pub fn bind(settings: Settings) -> Result<Self, Error> {
        let address = settings.listen;
        let api = Api::new(&settings.data_service_url, settings.consumer.clone())?;
        let listen = |source| Error::Listen { address, source };
        let listener = TcpListener::bind(address).map_err(listen)?;
        listener.set_nonblocking(true).map_err(listen)?;
        let bound = listener.local_addr().map_err(listen)?;
        let site = Arc::new(Site::new(&settings, bound)?);
        Ok(Self {
            gate: Gate { api, site },
            listener,
            bound,
            public_url: settings.public_url,
            workers: settings.workers.max(1),
            shutdown_timeout: settings.shutdown_timeout,
        })
    }

    /// The bound address as a URL, with the base path: `http://127.0.0.1:4444/accounts/`.
    pub fn url(&self) -> String {
        format!("http://{}{}", self.bound, self.gate.site.base.as_str())
    }

    /// What people type into their browser, with the base path; the bound address if no public URL is set.
    pub fn public_url(&self) -> String {
        match &self.public_url {
            Some(_) => [self.gate.site.origin.as_str(), self.gate.site.base.as_str()].concat(),
            None => self.url(),
        }
    }

    /// Answers until `shutdown` completes, then lets running requests finish. Installs no signal handlers. Wants an
    /// actix system to run in.
    pub async fn run(self, shutdown: impl Future<Output = ()>) -> Result<(), Error> {
        let gate = self.gate;
        let factory = move || {
            let gate = Gate { api: gate.api.with_own_pool(), site: Arc::clone(&gate.site) };
            actix_web::App::new()
                .app_data(Data::new(gate.clone()))
                .configure(|config| routes(config, &gate.site))
                .default_service(web::to(|| async { Err::<String, _>(Failure::NotFound) }))
                .wrap(from_fn(errors::dress))
                .wrap(from_fn(headers::add))
                .wrap(from_fn(requests::log))
        };
        let server = HttpServer::new(factory)
            .workers(self.workers)
            .disable_signals()
            .shutdown_timeout(self.shutdown_timeout.as_secs())
            .listen(self.listener)?
            .run();
        let handle = server.handle();
        let mut server = std::pin::pin!(server);
        tokio::select! {
            // Only if it breaks off: nobody else stops it.
            result = &mut server => return Ok(result?),
            () = shutdown => {}
        }
        let (result, ()) = tokio::join!(server, handle.stop(true));
        Ok(result?)
    }
}

fn routes(config: &mut ServiceConfig, site: &Site) {
    let at = |page: &str| site.base.at(page);
    config
        .service(page(&at(""), Some(read().to(account::show)), None))
        .service(page(&at("login"), Some(read().to(login::show)), Some(web::post().to(login::submit))))
        .service(page(&at("logout"), None, Some(web::post().to(logout::submit))))
        .service(page(&at("sessions/end"), None, Some(web::post().to(sessions::end))))
        .service(page(&at("sessions/others"), None, Some(web::post().to(sessions::end_others))))
        .service(page(&at("tokens/end"), None, Some(web::post().to(tokens::end))))
        .service(page(&at("setup"), Some(read().to(setup::show)), Some(web::post().to(setup::submit))))
        .service(page(&at("verify"), Some(read().to(verify::show)), None))
        .service(page(&at("static/{name}"), Some(read().to(assets::serve)), None))
        .service(page(&at("healthz"), Some(read().to(health::show)), None));
    if let Some(bare) = site.base.bare() {
        // Whoever asks for our health on our own address need not know the base path.
        config.service(page("/healthz", Some(read().to(health::show)), None));
        config.service(page(bare, Some(read().to(pages::add_slash)), None));
    }
}

/// HEAD works wherever GET does.
fn read() -> Route {
    web::route().guard(Any(Get()).or(Head()))
}

/// A path with its methods; the others get an answer that names these.
fn page(path: &str, read: Option<Route>, post: Option<Route>) -> Resource {
    let allow = match (&read, &post) {
        (Some(_), Some(_)) => "GET, HEAD, POST",
        (None, Some(_)) => "POST",
        _ => "GET, HEAD",
    };
    let refuse = move || async move { Err::<String, _>(Failure::MethodNotAllowed(allow)) };
    let resource = web::resource(path).default_service(web::to(refuse));
    let resource = read.into_iter().fold(resource, Resource::route);
    post.into_iter().fold(resource, Resource::route)
}
