//! The two services in two processes.

use crate::place::{Place, get, ok, until};
use rustix::process::{Pid, Signal, kill_process};
use std::io::{BufRead as _, BufReader};
use std::process::{Child, Stdio};

/// A service that has said where it listens.
struct Service {
    child: Child,
    url: String,
}

impl Service {
    fn start(place: &Place, what: &str, environment: &[(&str, &str)]) -> Self {
        let mut command = place.command(&[what, "--config", "var/countersign.toml"]);
        let mut child = command.envs(environment.iter().copied()).stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        let url = line.trim().rsplit(' ').next().unwrap().trim_end_matches('/').to_owned();
        assert!(line.contains("listens on http://127.0.0.1:"), "{line}");
        Self { child, url }
    }

    fn stop(&mut self) -> Option<i32> {
        kill_process(Pid::from_child(&self.child), Signal::TERM).unwrap();
        until("it ends", || self.child.try_wait().unwrap()).code()
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn each_runs_alone_from_one_file() {
    let place = Place::made();
    let mut house = Service::start(&place, "data-service", &[("COUNTERSIGN__DATA_SERVICE__LISTEN", "127.0.0.1:0")]);
    let environment =
        [("COUNTERSIGN__FRONTEND__LISTEN", "127.0.0.1:0"), ("COUNTERSIGN__FRONTEND__DATA_SERVICE_URL", &house.url)];
    let mut gate = Service::start(&place, "frontend", &environment);
    assert_eq!(get(&format!("{}/login", gate.url)), 200);
    let ready = || (get(&format!("{}/readyz", house.url)) == 200).then_some(());
    until("the data service is ready", ready);
    let args = ["request", "GET", &format!("{}/echo", house.url), "--credentials", &place.admin()];
    ok(place.output(&args), &args);
    assert_eq!(gate.stop(), Some(0));
    assert_eq!(house.stop(), Some(0));
}
