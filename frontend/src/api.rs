//! The data service, as this frontend speaks to it: the only file that signs and sends.

use crate::{chance, clock};
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue, IF_MATCH};
use reqwest::{Client, Response, Url, redirect};
use shared::command::{Command, HttpRequest};
use shared::error::{Code, Problem, Refusal};
use shared::oauth1::{BaseUrl, Credentials, SignBody, Signer, ToSign};
use std::time::Duration;

/// A data service on the same network answers within milliseconds or not at all.
const CONNECT: Duration = Duration::from_secs(2);

/// Hashing a password may have to wait for its turn.
const WHOLE: Duration = Duration::from_secs(15);

/// Shorter than a server keeps an idle connection, so that none is used while it is being closed.
const IDLE: Duration = Duration::from_secs(4);

/// Bytes of an answer; the longest is a page of 200 tokens.
const MOST_BYTES: usize = 1024 * 1024;

/// Seconds that people are asked to wait when the data service does not say how long.
pub(crate) const WAIT_SECONDS: u32 = 10;

/// Why a command was not done.
#[derive(Debug)]
pub(crate) enum ApiError {
    /// The data service said no, and why.
    Refused(Refusal),
    /// The data service cannot be reached, cannot answer or is too busy. Says nothing about who is logged in.
    Unavailable {
        /// Seconds to wait.
        retry_after: u32,
    },
}

impl ApiError {
    /// The word of a refusal.
    pub(crate) fn code(&self) -> Option<Code> {
        match self {
            Self::Refused(refusal) => Some(refusal.code),
            Self::Unavailable { .. } => None,
        }
    }

    fn unavailable() -> Self {
        Self::Unavailable { retry_after: WAIT_SECONDS }
    }
}

/// The typed, signing client.
#[derive(Clone, Debug)]
pub(crate) struct Api {
    client: Client,
    base: BaseUrl,
    consumer: Credentials,
}

impl Api {
    /// A client for the data service at a base URL.
    pub(crate) fn new(base_url: &str, consumer: Credentials) -> Result<Self, crate::Error> {
        let wrong = |why: String| crate::Error::setting("data_service_url", why);
        let base = BaseUrl::parse(base_url).map_err(|e| wrong(format!("`{base_url}`: {e}")))?;
        let url = Url::parse(base.as_str()).map_err(|e| wrong(e.to_string()))?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(wrong("must begin with http:// or https://".into()));
        }
        if consumer.key.is_empty() || consumer.secret.is_empty() {
            return Err(crate::Error::setting("consumer", "has no key or no secret"));
        }
        let client = client(&base).map_err(|e| crate::Error::Client(format!("{e:?}")))?;
        Ok(Self { client, base, consumer })
    }

    /// The same client with a pool of its own. A connection lives on the thread that opened it, so a thread that
    /// ends must not take the connections of others with it.
    pub(crate) fn with_own_pool(&self) -> Self {
        let client = client(&self.base).unwrap_or_else(|_| self.client.clone());
        Self { client, ..self.clone() }
    }

    /// Has a command done: by the frontend alone, or for the user of a token. Not for the commands whose version
    /// comes in an `ETag` (profiles): the frontend has no use for them.
    pub(crate) async fn call<C: Command>(
        &self,
        command: &C,
        token: Option<&Credentials>,
    ) -> Result<C::Reply, ApiError> {
        let request = command.encode().map_err(|e| fault(C::NAME, "cannot encode", &e.to_string()))?;
        let response = self.send(C::NAME, request, token).await?;
        let status = response.status();
        let body = read(C::NAME, response).await?;
        if status.as_u16() == C::ROUTE.status {
            // An answer without a body is the reply `()`.
            let json: &[u8] = if body.is_empty() { b"null" } else { &body };
            return serde_json::from_slice(json).map_err(|e| fault(C::NAME, "unexpected answer", &e.to_string()));
        }
        Err(refused(C::NAME, status.as_u16(), &body))
    }

    /// Signs anew and sends once. A pooled connection that turns out to be closed before anything was written to it
    /// is replaced by the client itself.
    async fn send(&self, name: &str, request: HttpRequest, token: Option<&Credentials>) -> Result<Response, ApiError> {
        let HttpRequest { method, path_and_query, body, if_match } = request;
        // Parsed first: what is signed is then what is sent, byte for byte.
        let url = Url::parse(&[self.base.as_str(), &path_and_query].concat());
        let url = url.map_err(|e| fault(name, "no URL", &e.to_string()))?;
        let nonce = chance::word().map_err(|e| fault(name, "no nonce", &e.to_string()))?;
        let to_sign = ToSign {
            method: method.as_str(),
            url: url.as_str(),
            body: body.as_deref().map_or(SignBody::None, SignBody::Other),
            nonce: &nonce,
            timestamp: u64::try_from(clock::now().seconds()).unwrap_or_default(),
        };
        let authorization = Signer::new(self.consumer.clone(), token.cloned()).authorization(&to_sign);
        let authorization = authorization.map_err(|e| fault(name, "cannot sign", &e.to_string()))?;
        let mut value = HeaderValue::from_str(&authorization).map_err(|e| fault(name, "no header", &e.to_string()))?;
        value.set_sensitive(true);
        let method = reqwest::Method::from_bytes(method.as_str().as_bytes());
        let method = method.map_err(|e| fault(name, "no method", &e.to_string()))?;
        let mut out = self.client.request(method, url).header(AUTHORIZATION, value);
        if let Some(body) = body {
            out = out.header(CONTENT_TYPE, "application/json").body(body);
        }
        if let Some(version) = if_match {
            out = out.header(IF_MATCH, format!("\"{version}\""));
        }
        out.send().await.map_err(|e| away(name, &e))
    }
}

fn client(base: &BaseUrl) -> reqwest::Result<Client> {
    // Whoever installs a provider first wins, and any will do.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let builder = Client::builder()
        .redirect(redirect::Policy::none())
        .no_proxy()
        .connect_timeout(CONNECT)
        .timeout(WHOLE)
        .pool_idle_timeout(IDLE)
        .user_agent(concat!("countersign-frontend/", env!("CARGO_PKG_VERSION")));
    match base.as_str().starts_with("http://") {
        // Without TLS the certificate authorities of the system are not needed, nor need they be there.
        true => builder.tls_certs_only([]).build(),
        false => builder.build(),
    }
}

async fn read(name: &str, mut response: Response) -> Result<Vec<u8>, ApiError> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|e| away(name, &e))? {
        if body.len() + chunk.len() > MOST_BYTES {
            return Err(fault(name, "unexpected answer", "too long"));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// What a status other than the command's own means.
fn refused(name: &str, status: u16, body: &[u8]) -> ApiError {
    let Ok(problem) = serde_json::from_slice::<Problem>(body) else {
        return fault(name, "unexpected answer", &format!("status {status}"));
    };
    tracing::debug!(command = name, code = problem.code.word(), their_request_id = problem.request_id, "refused");
    if status < 500 {
        return ApiError::Refused(problem.into_refusal());
    }
    tracing::warn!(command = name, status, their_request_id = problem.request_id, "the data service is not available");
    ApiError::Unavailable { retry_after: problem.facts.retry_after.unwrap_or(WAIT_SECONDS) }
}

fn away(name: &str, error: &reqwest::Error) -> ApiError {
    tracing::warn!(command = name, cause = causes(error), "the data service is not available");
    ApiError::unavailable()
}

fn fault(name: &str, what: &str, cause: &str) -> ApiError {
    tracing::error!(command = name, what, cause, "the data service could not be spoken to");
    ApiError::unavailable()
}

/// An error and what is behind it: reqwest's own sentence hides the reason.
fn causes(error: &reqwest::Error) -> String {
    let mut text = error.to_string();
    let mut next = std::error::Error::source(error);
    while let Some(cause) = next {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        next = cause.source();
    }
    text
}
