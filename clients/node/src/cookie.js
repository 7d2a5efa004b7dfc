// The cookie `sessionid`: the service's value as it is, so that every language can read it.

import { isIPv4 } from "node:net";

// 256 bits in base64url. What looks otherwise was never given out, and is not worth a request.
const VALUE = /^[A-Za-z0-9_-]{43}$/;

/** The session id that the browser sent, or null. Of several cookies of this name the first counts (RFC 6265, 5.4). */
export function readCookie(request, name) {
  for (const pair of (request.headers.cookie ?? "").split(";")) {
    const at = pair.indexOf("=");
    if (at >= 0 && pair.slice(0, at).trim() === name) {
      const value = pair.slice(at + 1).trim();
      return VALUE.test(value) ? value : null;
    }
  }
  return null;
}

// As long as browsers keep a cookie at all: when a session ends is for the service to say.
const REMEMBERED_SECONDS = 400 * 24 * 3600;

/** `value` null removes the cookie. If it is not to be remembered it lasts as long as the browser runs. */
export function writeCookie({ name, value, secure, remember }) {
  const parts = [`${name}=${value ?? ""}`, "Path=/", "HttpOnly", "SameSite=Lax"];
  if (secure) parts.push("Secure");
  if (value === null) parts.push("Max-Age=0");
  else if (remember) parts.push(`Max-Age=${REMEMBERED_SECONDS}`);
  return parts.join("; ");
}

/** Everywhere but on a loopback address without TLS. A proxy in front that says "https" is enough to be careful. */
export function mustBeSecure(request) {
  if (request.socket?.encrypted) return true;
  const forwarded = String(request.headers["x-forwarded-proto"] ?? "").split(",")[0].trim().toLowerCase();
  if (forwarded === "https") return true;
  return !isLoopback(request.headers.host ?? "");
}

function isLoopback(host) {
  const name = host.replace(/:\d*$/, "").replace(/^\[|\]$/g, "").toLowerCase();
  return name === "localhost" || name.endsWith(".localhost") || name === "::1" || (isIPv4(name) && name.startsWith("127."));
}
