//! OAuth 1.0 request signatures (RFC 5849 section 3): the pure functions behind every door.
//!
//! The steps bear the RFC's names and stand in the order in which a request passes them:
//!
//! 1. [`Message`]: what was received, before anything is believed;
//! 2. [`Request::parse`]: parameters from header, query and form, and the rules about `oauth_` parameters (3.5);
//! 3. [`Window::check`]: the timestamp (3.3);
//! 4. [`base_string()`] and [`Key::verify`]: signature base string and HMAC (3.4.1, 3.4.2);
//! 5. [`BodyHash::check`]: the body, for bodies that are not forms (draft-eaton-oauth-bodyhash-00).
//!
//! The nonce is the caller's: it needs a memory, and this room has none. [`Signer`] is the other side, and
//! [`doctor`] says which part of a refused request differs.

mod base_string;
pub mod base_url;
mod body_hash;
pub mod doctor;
mod header;
mod keyed;
pub mod limits;
mod message;
mod method;
pub mod percent;
mod protocol;
mod request;
mod scan;
mod sign;
mod window;

pub use base_string::{base_string, base_string_into, normalise};
pub use base_url::{BaseUrl, UrlError};
pub use body_hash::{BodyHash, BodyHashAlgorithm, SentHash};
pub use keyed::Keyed;
pub use message::{Authorization, Message, is_form};
pub use method::{Key, SignatureBytes, SignatureMethod, decode_signature, verify};
pub use request::{Location, Request};
pub use sign::{Credentials, SignBody, SignError, Signer, ToSign};
pub use window::Window;
