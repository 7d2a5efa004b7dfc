//! A frontend, the data service behind it, and browsers before it.

use crate::browser::Browser;
use crate::house::House;
use frontend::{App, Settings};
use std::net::SocketAddr;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// Everything must work under both.
pub const BASES: [&str; 2] = ["/", "/accounts/"];

pub struct Street {
    pub house: House,
    pub base: &'static str,
    url: String,
    stop: Option<oneshot::Sender<()>>,
    running: Option<JoinHandle<Result<(), frontend::Error>>>,
}

impl Street {
    pub async fn new(base: &'static str) -> Self {
        Self::with(base, |_| {}).await
    }

    /// With other settings than the usual ones.
    pub async fn with(base: &'static str, change: impl FnOnce(&mut Settings)) -> Self {
        let house = House::start().await;
        let mut settings = Settings::new(house.url(), house.consumer());
        settings.listen = SocketAddr::from(([127, 0, 0, 1], 0));
        settings.base_path = base.into();
        settings.workers = 1;
        change(&mut settings);
        let app = App::bind(settings).unwrap();
        let url = app.url();
        assert!(url.ends_with(base), "{url}");
        let (stop, stopped) = oneshot::channel();
        let running = actix_web::rt::spawn(app.run(async move {
            stopped.await.ok();
        }));
        Self { house, base, url, stop: Some(stop), running: Some(running) }
    }

    /// A browser that was never here.
    pub fn browser(&self) -> Browser {
        Browser::new(self.url.strip_suffix(self.base).unwrap())
    }

    /// A path below the base path.
    pub fn at(&self, page: &str) -> String {
        [self.base, page].concat()
    }

    /// Where somebody is sent who is not logged in.
    pub fn login_url(&self) -> String {
        self.at(&format!("login?next={}", self.base.replace('/', "%2F")))
    }

    /// A browser in which Ada is logged in.
    pub async fn ada(&self) -> Browser {
        let mut browser = self.browser();
        let answer = self.log_in(&mut browser, "ada", "correct horse").await;
        assert_eq!(answer.status, 303, "{}", answer.body);
        browser
    }

    /// Fetches the form, fills it in and sends it.
    pub async fn log_in(&self, browser: &mut Browser, username: &str, password: &str) -> crate::browser::Answer {
        let form = browser.get(&self.at("login")).await;
        let fields = [("csrf", form.csrf()), ("next", form.field("next")), ("username", username.into())];
        let mut fields: Vec<(&str, String)> = fields.into();
        fields.push(("password", password.into()));
        browser.post(&self.at("login"), &fields).await
    }

    /// Shuts the frontend down as the executable does.
    pub async fn stop(&mut self) -> Result<(), frontend::Error> {
        self.stop.take().unwrap().send(()).ok();
        self.running.take().unwrap().await.unwrap()
    }
}
