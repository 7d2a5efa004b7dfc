//! `countersign explain`: the signature doctor at the command line.

use crate::failure::Failure;
use crate::{input, output};
use shared::error::Code;
use shared::oauth1::doctor::{Cause, Diagnosis, explain};
use shared::timestamp::Timestamp;
use std::process::ExitCode;

/// Columns of a line of prose.
const WIDTH: usize = 100;

/// Say why a captured request is refused: which part of its signature differs
///
/// The secrets come from COUNTERSIGN_CONSUMER_SECRET and COUNTERSIGN_TOKEN_SECRET, or from the files named by
/// COUNTERSIGN_CONSUMER_SECRET_FILE and COUNTERSIGN_TOKEN_SECRET_FILE; what is not set is empty. No secret is printed.
/// Exits with 0 if the request would be accepted and 1 if it would be refused.
#[derive(clap::Args)]
pub struct Args {
    /// The raw HTTP request: request line, headers, a blank line, body; - for standard input
    #[arg(long, value_name = "FILE")]
    request: String,
    /// The public base URL the server is configured with
    #[arg(long, value_name = "URL")]
    base_url: String,
    /// Check the timestamp as of this time: seconds since 1970, or 2026-11-22T10:00:00Z
    #[arg(long, value_name = "TIME", value_parser = time)]
    at: Option<i64>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Runs the command.
pub fn run(args: &Args) -> Result<ExitCode, Failure> {
    let consumer_secret = input::secret("COUNTERSIGN_CONSUMER_SECRET")?.unwrap_or_default();
    let token_secret = input::secret("COUNTERSIGN_TOKEN_SECRET")?.unwrap_or_default();
    let request = input::file(&args.request)?;
    let diagnosis = explain(&request, &args.base_url, &consumer_secret, &token_secret, args.at);
    let diagnosis = diagnosis.map_err(Failure::usage)?;
    output::line(if args.json { json(&diagnosis)? } else { prose(&diagnosis) });
    Ok(if diagnosis.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn time(text: &str) -> Result<i64, String> {
    let seconds = text.parse().ok().or_else(|| Timestamp::parse(text).map(Timestamp::seconds));
    seconds.ok_or_else(|| "neither seconds since 1970 nor a time such as 2026-11-22T10:00:00Z".into())
}

fn json(diagnosis: &Diagnosis) -> Result<String, Failure> {
    serde_json::to_string(diagnosis).map_err(Failure::refused)
}

fn prose(diagnosis: &Diagnosis) -> String {
    let mut paragraphs = vec![verdict(diagnosis)];
    let (notes, causes): (Vec<&Cause>, Vec<&Cause>) = diagnosis.causes.iter().partition(|cause| cause.note);
    paragraphs.extend(causes.into_iter().map(|cause| indented(&format!("{} ({})", cause.detail, cause.code))));
    paragraphs.extend(notes.into_iter().map(|cause| indented(&format!("Note: {} ({})", cause.detail, cause.code))));
    paragraphs.push(format!("Base string, one parameter on a line:\n{}", broken(&diagnosis.base_string)));
    paragraphs.push(signatures(diagnosis));
    paragraphs.join("\n\n")
}

fn verdict(diagnosis: &Diagnosis) -> String {
    let code = Code::ALL.iter().find(|code| code.word() == diagnosis.verdict);
    match code {
        Some(code) => format!("Refused: {} ({}). {}.", code.word(), code.status(), code.title()),
        None => "Accepted.".into(),
    }
}

/// Joined again without line ends, this is the base string.
fn broken(base_string: &str) -> String {
    let lines = base_string.replace('&', "&\n").replace("%26", "%26\n");
    lines.lines().map(|line| format!("  {line}")).collect::<Vec<_>>().join("\n")
}

fn signatures(diagnosis: &Diagnosis) -> String {
    let expected = match diagnosis.signature.as_str() {
        "" => "none: the signature method is not spoken here",
        signature => signature,
    };
    let sent = diagnosis.sent_signature.as_deref().unwrap_or("none that could be shown");
    format!("Signature expected: {expected}\nSignature sent:     {sent}")
}

fn indented(text: &str) -> String {
    let mut out = String::from(" ");
    let mut column = 1;
    for word in text.split(' ') {
        let length = word.chars().count() + 1;
        if column + length > WIDTH && column > 2 {
            out.push_str("\n ");
            column = 1;
        }
        out.push(' ');
        out.push_str(word);
        column += length;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_in_both_spellings() {
        assert_eq!(time("1700000000"), Ok(1_700_000_000));
        assert_eq!(time("2023-11-14T23:13:20+01:00"), Ok(1_700_000_000));
        assert!(time("yesterday").is_err());
    }

    #[test]
    fn prose_is_broken_between_words() {
        let text = indented(&"word ".repeat(50));
        assert!(text.lines().count() > 2 && text.lines().all(|line| line.len() <= WIDTH && line.starts_with("  ")));
        assert_eq!(indented(&"x".repeat(200)).lines().count(), 1);
    }

    #[test]
    fn the_lines_of_a_base_string_are_the_base_string() {
        let text = "GET&http%3A%2F%2Fa%2F&a%3D%2526%26b%3D2";
        assert_eq!(broken(text), "  GET&\n  http%3A%2F%2Fa%2F&\n  a%3D%2526%26\n  b%3D2");
    }
}
