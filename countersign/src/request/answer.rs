//! The answer, for people and for programs.

use crate::output;
use reqwest::header::{HeaderMap, LOCATION};
use reqwest::{Response, StatusCode, Version};
use shared::error::{Code, Problem};
use std::process::ExitCode;

/// An answer, read to its end.
pub struct Answer {
    version: Version,
    status: StatusCode,
    headers: HeaderMap,
    body: Vec<u8>,
}

impl Answer {
    /// Reads the body.
    pub async fn read(response: Response) -> reqwest::Result<Self> {
        let (version, status, headers) = (response.version(), response.status(), response.headers().clone());
        Ok(Self { version, status, headers, body: response.bytes().await?.into() })
    }

    /// Prints the answer on standard output and, if it is none that was hoped for, the reason on standard error.
    pub fn print(&self, include: bool) -> ExitCode {
        if include {
            output::bytes(&self.head());
        }
        match self.pretty() {
            Some(text) => output::line(text),
            None => output::bytes(&self.body),
        }
        if self.status.is_success() {
            return ExitCode::SUCCESS;
        }
        self.reasons().iter().for_each(output::err);
        ExitCode::FAILURE
    }

    fn head(&self) -> Vec<u8> {
        let mut head = format!("{:?} {}\r\n", self.version, self.status).into_bytes();
        for (name, value) in &self.headers {
            head.extend([name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"].concat());
        }
        head.extend(b"\r\n");
        head
    }

    /// JSON is laid out for people and left as it is for programs.
    fn pretty(&self) -> Option<String> {
        if !output::is_read_by_a_person() {
            return None;
        }
        let value: serde_json::Value = serde_json::from_slice(&self.body).ok()?;
        serde_json::to_string_pretty(&value).ok()
    }

    fn reasons(&self) -> Vec<String> {
        if let Ok(problem) = serde_json::from_slice::<Problem>(&self.body) {
            return in_words(&problem);
        }
        let location = self.headers.get(LOCATION).and_then(|value| value.to_str().ok());
        match location.filter(|_| self.status.is_redirection()) {
            Some(location) => vec![format!("countersign: {}, not followed: {location}", self.status)],
            None => vec![format!("countersign: {}", self.status)],
        }
    }
}

/// What a problem says, and what can be done about it.
fn in_words(problem: &Problem) -> Vec<String> {
    let mut lines =
        vec![format!("countersign: refused: {} ({}). {}", problem.code.word(), problem.status, problem.detail)];
    lines.extend(
        problem.facts.errors.iter().map(|error| format!("  {}: {} ({})", error.field, error.detail, error.code)),
    );
    lines.extend(problem.facts.server_time.map(|time| format!("  It is {time} there.")));
    lines.extend(problem.facts.retry_after.map(|seconds| format!("  Try again in {seconds} s.")));
    if problem.code == Code::SignatureInvalid {
        lines.push(
            "  To see which part differs: run this with --dry-run into a file, and give that to `countersign explain`."
                .into(),
        );
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use shared::error::Refusal;

    #[test]
    fn problems_are_told_in_words() {
        let lines = in_words(&Problem::new(&Refusal::timestamp(700, 1060, 1000), "r"));
        assert_eq!(lines.len(), 2, "{lines:?}");
        assert_eq!(lines[1], "  It is 1970-01-01T00:16:40Z there.");
        let lines = in_words(&Problem::new(&Refusal::invalid("email", "malformed", "no address"), "r"));
        assert_eq!(lines[1], "  email: no address (malformed)");
        let lines = in_words(&Problem::new(&Refusal::new(Code::SignatureInvalid, "no"), "r"));
        assert!(lines[1].contains("countersign explain"));
    }
}
