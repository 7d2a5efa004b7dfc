//! `countersign request`: a curl that signs.

mod answer;
mod body;
mod build;
mod credentials;

use crate::failure::Failure;
use crate::output;
use reqwest::redirect::Policy;
use reqwest::{Client, Request};
use shared::oauth1::SignatureMethod;
use std::net::IpAddr;
use std::process::ExitCode;
use std::time::Duration;

/// Longer than any answer takes.
const PATIENCE: Duration = Duration::from_secs(60);

/// Sign a request, send it and print the answer
///
/// The credentials come from COUNTERSIGN_CONSUMER_KEY, COUNTERSIGN_CONSUMER_SECRET, COUNTERSIGN_TOKEN and
/// COUNTERSIGN_TOKEN_SECRET, or from the files named by these names with _FILE at their end; a token is optional.
/// Redirects are not followed. Exits with 0 if the answer is a success and 1 if it is anything else.
#[derive(clap::Args)]
pub struct Args {
    /// GET, POST, PUT, …
    method: String,
    /// The whole URL, with its query
    url: String,
    #[command(flatten)]
    body: body::Args,
    /// HMAC-SHA256, HMAC-SHA512 or HMAC-SHA1
    #[arg(long, value_name = "NAME", default_value = "HMAC-SHA256", value_parser = signature_method)]
    signature_method: SignatureMethod,
    /// A further header; may be repeated
    #[arg(long = "header", short = 'H', value_name = "NAME: VALUE")]
    headers: Vec<String>,
    #[command(flatten)]
    credentials: credentials::Args,
    /// Print the status and the headers of the answer, too
    #[arg(long, short)]
    include: bool,
    /// Print the request instead of sending it, as `countersign explain` reads it
    #[arg(long)]
    dry_run: bool,
}

/// Runs the command.
pub fn run(args: &Args) -> Result<ExitCode, Failure> {
    let request = build::request(args)?;
    if args.dry_run {
        output::bytes(&build::raw(&request));
        return Ok(ExitCode::SUCCESS);
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(Failure::refused)?;
    let answer = runtime.block_on(send(request))?;
    Ok(answer.print(args.include))
}

async fn send(request: Request) -> Result<answer::Answer, Failure> {
    let url = request.url().clone();
    let failed = |error: reqwest::Error| {
        Failure::refused(format_args!("no answer from {}: {}", url.origin().ascii_serialization(), reasons(&error)))
    };
    let response = client(&request).map_err(failed)?.execute(request).await.map_err(failed)?;
    answer::Answer::read(response).await.map_err(failed)
}

fn client(request: &Request) -> reqwest::Result<Client> {
    // Whoever installs a provider first wins, and any will do.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let mut builder = Client::builder().redirect(Policy::none()).timeout(PATIENCE);
    if is_loopback(request) {
        builder = builder.no_proxy();
    }
    if request.url().scheme() == "http" {
        // Without TLS the certificate authorities of the system are not needed, nor need they be there.
        builder = builder.tls_certs_only([]);
    }
    builder.build()
}

fn is_loopback(request: &Request) -> bool {
    let host = request.url().host_str().unwrap_or("").trim_matches(['[', ']']);
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// An error and what caused it: the outermost alone says nothing useful.
fn reasons(error: &dyn std::error::Error) -> String {
    let chain = std::iter::successors(Some(error), |error| error.source());
    chain.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

fn signature_method(name: &str) -> Result<SignatureMethod, String> {
    SignatureMethod::from_name(&name.to_ascii_uppercase())
        .ok_or_else(|| "not one of HMAC-SHA256, HMAC-SHA512 and HMAC-SHA1".into())
}
