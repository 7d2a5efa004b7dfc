// Sends signed requests over connections that are kept, and turns what is not a success into an error.

import http from "node:http";
import https from "node:https";
import { Unavailable, errorFor } from "./errors.js";
import { authorization } from "./sign.js";

/**
 * A consumer at the data service.
 *
 * @example
 * const client = new Client({ url: "http://127.0.0.1:8000", key, secret });
 * const { user, token, secret } = await client.authenticate({ username, password });
 * await client.request("PATCH", "/users/me/profile", { json: { colour: "teal" }, as: { token, secret } });
 */
export class Client {
  #key;
  #secret;
  #http;
  #agent;

  /**
   * What is left out is read from COUNTERSIGN_URL, COUNTERSIGN_CONSUMER_KEY and COUNTERSIGN_CONSUMER_SECRET.
   *
   * @param {{url?: string, key?: string, secret?: string, timeout?: number}} [options] `timeout` in milliseconds, for
   *   a whole request; 5,000 if nothing is said.
   */
  constructor({ url, key, secret, timeout = 5_000 } = {}) {
    this.url = setting("url", url, "COUNTERSIGN_URL").replace(/\/+$/, "");
    this.#key = setting("key", key, "COUNTERSIGN_CONSUMER_KEY");
    this.#secret = setting("secret", secret, "COUNTERSIGN_CONSUMER_SECRET");
    const { protocol, search, hash } = new URL(this.url);
    if (!["http:", "https:"].includes(protocol) || search || hash) {
      throw new TypeError(`the url is http or https and has no query: ${this.url}`);
    }
    if (!(timeout > 0)) throw new TypeError(`the timeout is a number of milliseconds: ${timeout}`);
    this.timeout = timeout;
    this.#http = protocol === "https:" ? https : http;
    this.#agent = new this.#http.Agent({ keepAlive: true, scheduling: "lifo" });
    this.sessions = new Sessions(this);
  }

  /**
   * Signs and sends one request, and answers the JSON that came back (null for none).
   *
   * @param {string} method
   * @param {string} path as it is to be sent, query included: "/users?limit=10"
   * @param {{json?: unknown, type?: string, headers?: Record<string, string>, once?: boolean,
   *   as?: {token: string | null, secret: string | null} | null}} [options]
   *   `as` is whose token to sign with; `once` says that the request must not be sent a second time, not even when
   *   the connection broke before an answer.
   * @returns {Promise<any>}
   */
  async request(method, path, options = {}) {
    return (await this.send(method, path, options)).body;
  }

  /** Like `request`, and answers `{status, headers, body}`. */
  async send(method, path, { json, type = "application/json", headers = {}, as = null, once = false } = {}) {
    if (!path.startsWith("/")) throw new TypeError(`a path begins with a slash: ${path}`);
    const body = json === undefined ? undefined : Buffer.from(JSON.stringify(json));
    const all = { Accept: "application/json", ...headers };
    if (body) all["Content-Type"] = type;
    if (body || !["GET", "HEAD"].includes(method)) all["Content-Length"] = String(body?.length ?? 0);
    const deadline = Date.now() + this.timeout;
    // A kept connection may have been closed by the other side just now: that is found out by using it, and says
    // nothing about the service. What must not arrive twice gets a connection of its own.
    let answer;
    try {
      answer = await this.#exchange(method, path, body, all, as, once ? false : this.#agent, deadline);
    } catch (error) {
      if (once || !error.stale) throw error;
      answer = await this.#exchange(method, path, body, all, as, false, deadline);
    }
    const { status, headers: received, text } = answer;
    const parsed = parse(text);
    if (status >= 200 && status < 300 && parsed !== undefined) return { status, headers: received, body: parsed };
    throw errorFor({ status, headers: received, problem: parsed ?? null });
  }

  #exchange(method, path, body, headers, as, agent, deadline) {
    const url = this.url + path;
    // Signed for every sending: the service takes a nonce once.
    const signature = authorization({
      method, url, body, key: this.#key, secret: this.#secret, token: as?.token, tokenSecret: as?.secret,
    });
    const { protocol, hostname, port, pathname } = new URL(this.url);
    return new Promise((resolve, reject) => {
      const request = this.#http.request({
        protocol,
        hostname: hostname.replace(/^\[|\]$/g, ""),
        port,
        path: pathname.replace(/\/$/, "") + path,
        method,
        agent,
        headers: { ...headers, Authorization: signature },
      });
      const timer = setTimeout(
        () => request.destroy(new Error(`no answer within ${this.timeout} ms`)),
        Math.max(0, deadline - Date.now()),
      );
      const fail = (cause) => {
        clearTimeout(timer);
        const error = new Unavailable(`the data service is out of reach: ${cause.message || cause.code}`, { cause });
        // Not part of the error that applications see: whether a fresh connection may do better.
        const stale = request.reusedSocket && ["ECONNRESET", "EPIPE"].includes(cause.code);
        Object.defineProperty(error, "stale", { value: stale });
        reject(error);
      };
      request.on("error", fail);
      request.on("response", (response) => {
        const chunks = [];
        response.on("data", (chunk) => chunks.push(chunk));
        response.on("error", fail);
        response.on("end", () => {
          clearTimeout(timer);
          resolve({
            status: response.statusCode,
            headers: response.headers,
            text: Buffer.concat(chunks).toString("utf8"),
          });
        });
      });
      request.end(body);
    });
  }

  /** Which consumer this is, and which user and session belong to the token. */
  whoami(as = null) {
    return this.request("GET", "/", { as });
  }

  /**
   * Logs a person in, by name or e-mail address.
   *
   * @param {{username: string, password: string, sessionid?: string, remember?: boolean,
   *   client?: {address?: string, device?: string}}} person `sessionid` is the anonymous session whose data goes along.
   */
  authenticate(person) {
    return this.request("POST", "/authenticate", { json: person, once: true });
  }

  /** Closes the connections that are kept. */
  close() {
    this.#agent.destroy();
  }
}

/** The commands about sessions. `sessionid` is the secret value of the cookie. */
class Sessions {
  #client;

  constructor(client) {
    this.#client = client;
  }

  #post(path, json, once = false) {
    return this.#client.request("POST", path, { json, once });
  }

  /** @param {{user?: string, data?: {shared?: object, own?: object}, remember?: boolean}} [session] */
  create(session = {}) {
    return this.#post("/sessions", session, true);
  }

  resolve(sessionid) {
    return this.#post("/sessions/resolve", { sessionid });
  }

  /** With a `version` that is not the session's any more: PreconditionFailed. */
  save(sessionid, patch, version) {
    // Sent twice, a patch on a version would find itself stale.
    return this.#post("/sessions/save", { sessionid, patch, version }, version !== undefined);
  }

  cycle(sessionid) {
    return this.#post("/sessions/cycle", { sessionid }, true);
  }

  touch(sessionid) {
    return this.#post("/sessions/touch", { sessionid });
  }

  end(sessionid) {
    return this.#post("/sessions/end", { sessionid });
  }
}

function setting(name, value, variable) {
  const found = value ?? process.env[variable];
  if (typeof found !== "string" || found === "") throw new TypeError(`${name} is missing, and ${variable} is not set`);
  return found;
}

// undefined for what is no JSON; null for nothing at all.
function parse(text) {
  if (text === "") return null;
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
