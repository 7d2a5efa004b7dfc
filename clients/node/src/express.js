// Sessions for Express: the middleware, and the store behind it.

import { Client } from "./client.js";
import { mustBeSecure, readCookie, writeCookie } from "./cookie.js";
import { holdUntilSaved } from "./held.js";
import { CountersignStore } from "./store.js";
import { SessionEnded, Visit, forVisitor } from "./visit.js";

export { CountersignStore, SessionEnded };
export * from "./index.js";

/**
 * The middleware: `req.session`, `req.session.shared`, `req.user` and `req.countersign`.
 *
 * @param {{client?: Client, url?: string, key?: string, secret?: string, timeout?: number, cookie?: string,
 *   secure?: boolean | "auto"}} [options] the client, or what to make one of; `cookie` is the name of the cookie,
 *   `sessionid` if nothing is said; `secure` whether it is for TLS only, by default everywhere but on loopback http.
 */
export function session({ client, cookie: name = "sessionid", secure = "auto", ...rest } = {}) {
  const ours = client ?? new Client(rest);
  const store = new CountersignStore(ours);

  return function countersign(request, response, next) {
    if (request.countersign) return next(); // mounted twice
    if (request.session) return next(new Error("there is a session already: this goes in place of express-session()"));
    const visit = new Visit(ours, request, response);
    request.sessionStore = store;
    request.countersign = {
      client: ours,
      get user() {
        return visit.user;
      },
      get version() {
        return visit.version;
      },
      get expiresAt() {
        return visit.expiresAt;
      },
      login: (person) => visit.login(person),
      logout: () => visit.end(),
      cycle: () => visit.cycle(),
      save: (options) => visit.save(options),
      touch: () => visit.touch(),
      request: (method, path, options) => ours.request(method, path, { as: visit.token, ...options }),
    };

    const lastHeaders = () => {
      if (response.headersSent || visit.sessionid === visit.sent) return;
      const careful = secure === "auto" ? mustBeSecure(request) : secure;
      const { sessionid: value, remember } = visit;
      response.appendHeader("Set-Cookie", writeCookie({ name, value, secure: careful, remember }));
    };

    visit.begin(readCookie(request, name)).then(
      () => {
        holdUntilSaved(response, {
          save: () => visit.saveChanges(),
          lastHeaders,
          failed: (error) => next(forVisitor(error)),
        });
        next();
      },
      (error) => next(forVisitor(error)),
    );
  };
}

export default { session, CountersignStore, Client };
