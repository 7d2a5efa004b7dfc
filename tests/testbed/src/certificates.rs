//! Certificates for servers, made by the `openssl` command.

use std::path::{Path, PathBuf};
use std::process::Command;

/// An authority that signs for servers.
#[derive(Debug)]
pub struct Authority {
    folder: PathBuf,
    name: String,
}

impl Authority {
    /// Makes one; its files go to a folder.
    pub fn new(folder: &Path, name: &str) -> Self {
        let made = Self { folder: folder.to_owned(), name: name.into() };
        let (key, certificate) = (made.file("key"), made.file("pem"));
        let subject = format!("/CN={name}");
        let extension = "basicConstraints=critical,CA:TRUE";
        let options =
            ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-noenc", "-days", "2", "-addext", extension];
        openssl(&[&["req", "-x509", "-subj", &subject, "-keyout", &key, "-out", &certificate], &options[..]].concat());
        made
    }

    /// Its own certificate.
    pub fn certificate(&self) -> String {
        self.file("pem")
    }

    /// A certificate and a key for a server of this name (`DNS:localhost`, `IP:127.0.0.1`).
    pub fn sign(&self, names: &str) -> (String, String) {
        let file = |kind: &str| self.folder.join(format!("{}-server.{kind}", self.name)).display().to_string();
        let (key, request, certificate, facts) = (file("key"), file("csr"), file("pem"), file("ext"));
        std::fs::write(&facts, format!("subjectAltName={names}\n")).unwrap();
        let options = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-noenc", "-subj", "/CN=server"];
        openssl(&[&["req", "-keyout", &key, "-out", &request], &options[..]].concat());
        let authority = [self.file("pem"), self.file("key")];
        let sign = ["x509", "-req", "-in", &request, "-CA", &authority[0], "-CAkey", &authority[1], "-CAcreateserial"];
        openssl(&[&sign[..], &["-days", "2", "-extfile", &facts, "-out", &certificate]].concat());
        (certificate, key)
    }

    fn file(&self, kind: &str) -> String {
        self.folder.join(format!("{}.{kind}", self.name)).display().to_string()
    }
}

fn openssl(args: &[&str]) {
    let output = Command::new("openssl").args(args).output().expect("the openssl command");
    assert!(output.status.success(), "openssl {args:?}: {}", String::from_utf8_lossy(&output.stderr));
}
