//! One request, the same to the byte every time, for what is measured without a network.

use shared::oauth1::{
    Authorization, BaseUrl, Credentials, Message, SignBody, SignatureMethod, Signer, ToSign, UrlError,
};
use shared::secret::Secret;

/// Its body.
pub const BODY: &str = r#"{"title":"Hello world","tags":["a","b"],"count":7}"#;

/// Whatever goes wrong ends the run with a sentence.
pub type Result<T> = std::result::Result<T, Box<dyn std::error::Error + Send + Sync>>;

/// A signed POST and what is needed to verify it.
#[derive(Clone, Debug)]
pub struct Sample {
    /// The `Authorization` header.
    pub authorization: String,
    /// The base URL it was signed for.
    pub base: BaseUrl,
    /// The consumer's secret.
    pub consumer_secret: Secret,
    /// The token's secret.
    pub token_secret: Secret,
}

impl Sample {
    /// The sample, signed with a method.
    pub fn signed(method: SignatureMethod) -> Result<Self> {
        let consumer = Credentials::new("c_Jz4Zr0mVbUq6yQ2nT8wXkA", "cs_3q9J0t7bVwLmYx5RkZp2hNfD8aGc");
        let token = Credentials::new("t_Qm7Xw2VdKp9RfZ4nLs6TbH", "ts_8yN1c4GvZr7MxLq0WkBt5jPfDhEa");
        let (consumer_secret, token_secret) = (consumer.secret.clone(), token.secret.clone());
        let signer = Signer { consumer, token: Some(token), method };
        let request = ToSign {
            method: "POST",
            url: "http://127.0.0.1:8000/echo",
            body: SignBody::Other(BODY.as_bytes()),
            nonce: "0123456789abcdef01234567",
            timestamp: 1_800_000_000,
        };
        let base = BaseUrl::parse("http://127.0.0.1:8000").map_err(|error: UrlError| error.to_string())?;
        Ok(Self { authorization: signer.authorization(&request)?, base, consumer_secret, token_secret })
    }

    /// The message as a door would make it.
    pub fn message(&self) -> Message<'_> {
        Message {
            method: "POST",
            path: "/echo",
            query: None,
            authorization: Authorization::One(self.authorization.as_bytes()),
            content_type: Some("application/json"),
            form: b"",
        }
    }
}
