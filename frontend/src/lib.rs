//! The gate to the street: the browser, its cookie, the forms and the pages.
//!
//! The frontend knows no database. It talks to the data service as any other consumer does, by signed HTTP, and
//! keeps nothing that a restart would lose: who somebody is says the `sessionid` cookie, and the data service is
//! asked about it at every page. It can therefore be restarted, doubled and updated at any time.
//!
//! The way of a request: `app` routes it through `requests` (one log line), `headers` (what every answer carries)
//! and `pages::errors` (what went wrong becomes a page) to one file in `pages`. A page opens its form (`csrf`), asks
//! the data service (`api`), and renders a template.
//!
//! To add a page: one file in `pages`, one template in `templates`, one line in `app`'s table of routes.

mod address;
mod api;
mod app;
mod chance;
mod clock;
mod cookie;
mod csrf;
mod device;
mod headers;
mod next;
mod pages;
mod requests;
mod session;
mod settings;
mod site;
mod words;

pub use address::{Network, NetworkError};
pub use app::App;
pub use settings::{Error, Settings};
