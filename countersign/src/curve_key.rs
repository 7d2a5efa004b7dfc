//! `countersign curve-key`: makes a pair of keys for encryption over ZeroMQ.

use crate::failure::Failure;
use crate::output;
use std::process::ExitCode;

/// Make a pair of CURVE keys, for `zeromq.curve_secret_key` or for a client
///
/// The secret key stays where it is used; the public key goes to the other side.
#[derive(clap::Args)]
pub struct Args {
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Runs the command.
pub fn run(args: &Args) -> Result<ExitCode, Failure> {
    let (public, secret) = data_service::new_curve_key();
    output::line(if args.json {
        serde_json::json!({ "public": public, "secret": secret }).to_string()
    } else {
        format!("public {public}\nsecret {}", secret.expose())
    });
    Ok(ExitCode::SUCCESS)
}
