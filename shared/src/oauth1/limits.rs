//! How much of everything a request may hold. What is over is refused before any hashing.

/// Bytes of one `Authorization` header.
pub const HEADER_BYTES: usize = 8 * 1024;
/// Protocol parameters (`oauth_…`) in one request.
pub const PROTOCOL_PARAMETERS: usize = 16;
/// Parameters of all kinds in one request.
pub const PARAMETERS: usize = 1000;
/// Bytes of the query string.
pub const QUERY_BYTES: usize = 16 * 1024;
/// Bytes of a form body, which is part of the base string.
pub const FORM_BYTES: usize = 64 * 1024;
/// Bytes of a nonce after decoding.
pub const NONCE_BYTES: usize = 256;
/// Bytes of a consumer key or a token after decoding.
pub const KEY_BYTES: usize = 128;
/// Bytes of a signature in Base64; the longest, HMAC-SHA512, has 88.
pub const SIGNATURE_BYTES: usize = 128;
/// Bytes of a body hash in Base64; the longest, SHA-512, has 88.
pub const BODY_HASH_BYTES: usize = 88;
/// Digits of a timestamp: seconds until the year 33658.
pub const TIMESTAMP_DIGITS: usize = 12;
/// Seconds a timestamp may lie in the past.
pub const WINDOW_PAST: i64 = 300;
/// Seconds a timestamp may lie in the future.
pub const WINDOW_FUTURE: i64 = 60;
