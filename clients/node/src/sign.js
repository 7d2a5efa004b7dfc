// OAuth 1.0, RFC 5849 section 3.4, with HMAC-SHA256 and a body hash.

import { createHash, createHmac, randomBytes } from "node:crypto";

// Section 3.6 reserves more than encodeURIComponent does.
const encode = (text) =>
  encodeURIComponent(text).replace(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`);

const decode = (text) => decodeURIComponent(text.replaceAll("+", " "));

/**
 * The value of the `Authorization` header for one sending of a request: the nonce in it is good once.
 *
 * @param {{method: string, url: string, body?: Buffer | string, key: string, secret: string, token?: string | null,
 *   tokenSecret?: string | null, timestamp?: number, nonce?: string}} request `url` exactly as it is sent; `body`
 *   is anything but a form.
 * @returns {string}
 */
export function authorization({ method, url, body, key, secret, token, tokenSecret, timestamp, nonce }) {
  const oauth = {
    oauth_consumer_key: key,
    oauth_nonce: nonce ?? randomBytes(16).toString("base64url"),
    oauth_signature_method: "HMAC-SHA256",
    oauth_timestamp: String(timestamp ?? Math.floor(Date.now() / 1000)),
    oauth_version: "1.0",
  };
  if (token) oauth.oauth_token = token;
  if (body !== undefined) oauth.oauth_body_hash = createHash("sha256").update(body).digest("base64");

  const hmacKey = `${encode(secret)}&${encode(token ? (tokenSecret ?? "") : "")}`;
  const hmac = createHmac("sha256", hmacKey).update(baseString(method, url, oauth));
  oauth.oauth_signature = hmac.digest("base64");
  return `OAuth ${Object.entries(oauth).map(([name, value]) => `${name}="${encode(value)}"`).join(", ")}`;
}

/** What is signed: method, URL and parameters (section 3.4.1.1). */
export function baseString(method, url, oauth) {
  return [method.toUpperCase(), baseUrl(url), parameters(url, oauth)].map(encode).join("&");
}

// Scheme and host in lower case, no default port, the path as it is sent (section 3.4.1.2).
function baseUrl(url) {
  const { protocol, host } = new URL(url);
  const path = /^[^:]+:\/\/[^/?#]*([^?#]*)/.exec(url)[1];
  return `${protocol}//${host}${path || "/"}`;
}

// The query's and OAuth's together, encoded, then sorted by bytes (section 3.4.1.3).
function parameters(url, oauth) {
  const query = /\?([^#]*)/.exec(url)?.[1] ?? "";
  const pairs = query.split("&").filter(Boolean).map((pair) => {
    const at = pair.indexOf("=");
    return at < 0 ? [decode(pair), ""] : [decode(pair.slice(0, at)), decode(pair.slice(at + 1))];
  });
  return [...pairs, ...Object.entries(oauth)]
    .map(([name, value]) => [encode(name), encode(value)])
    .sort(([a, x], [b, y]) => order(a, b) || order(x, y))
    .map(([name, value]) => `${name}=${value}`)
    .join("&");
}

// What is encoded is ASCII, where the order of characters is that of bytes.
const order = (a, b) => (a < b ? -1 : a > b ? 1 : 0);
