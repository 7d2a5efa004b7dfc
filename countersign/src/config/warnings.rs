//! What is allowed and probably not meant.

use super::Config;
use super::setting::Database;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;

/// OWASP's smallest recommendation for Argon2id: memory times passes is about the same in all of them.
const LEAST_WORK: u64 = 7168 * 5;

impl Config {
    /// About everything, in sentences for people.
    pub(crate) fn warnings(&self) -> Vec<String> {
        let mut found = self.house_warnings();
        found.extend(self.gate_warnings());
        if self.seal_keys.is_empty() {
            found.push("seal.keys is not set: the data service does not start from this configuration".into());
        }
        if self.consumer_key.is_none() || self.consumer_secret.is_none() {
            found.push("the frontend has no consumer_key or no consumer_secret: it does not start".into());
        }
        found
    }

    /// About the data service.
    pub(crate) fn house_warnings(&self) -> Vec<String> {
        let mut found = Vec::new();
        let listen = self.data_service_listen;
        if self.public_urls.is_empty() && listen.ip().is_unspecified() {
            found.push(format!(
                "data_service.public_urls is not set while data_service.listen is {listen}: services sign the URL \
                 they call, so list the URLs under which they reach this machine"
            ));
        }
        if matches!(&self.database_url, Database::Postgres(server) if server.in_the_open) {
            found.push(
                "database.url does not insist on TLS, so passwords and everything else may cross the network in the \
                 open: add ?sslmode=verify-full&sslrootcert=FILE"
                    .into(),
            );
        }
        let work = self.password_memory.get::<u64>() * self.password_passes.get::<u64>();
        if work < LEAST_WORK {
            found.push("passwords.memory_kib and passwords.passes are less than OWASP recommends".into());
        }
        for (kind, idle, absolute) in [
            ("", self.session_idle, self.session_absolute),
            ("remember_", self.session_remember_idle, self.session_remember_absolute),
        ] {
            if idle.0 > absolute.0 {
                found.push(format!(
                    "sessions.{kind}idle is longer than sessions.{kind}absolute, which always comes first then"
                ));
            }
        }
        if fs::metadata(&self.folder).is_ok_and(|facts| facts.permissions().mode() & 0o007 != 0) {
            found.push(format!("{} is open to everybody on this machine: chmod 700 it", self.folder.display()));
        }
        found
    }

    /// About the frontend.
    pub(crate) fn gate_warnings(&self) -> Vec<String> {
        if self.public_url.is_some() || self.frontend_listen.ip().is_loopback() {
            return Vec::new();
        }
        vec![format!(
            "frontend.public_url is not set while frontend.listen is {}: browsers keep no login over plain http beyond \
             this machine",
            self.frontend_listen
        )]
    }
}
