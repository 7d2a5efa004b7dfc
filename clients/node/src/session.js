// `req.session`, as applications know it from express-session. What it holds is the service's own namespace.

import expressSession from "express-session";

/** Names that are not data: what is stored under them by another language is left alone, and not seen here. */
const reserved = new Set(["req", "id", "cookie", "shared", "__proto__"]);

const isData = (session, key) => !reserved.has(key) && !(key in Object.getPrototypeOf(session));

export class Session {
  #visit;

  constructor(visit, { own, shared }) {
    this.#visit = visit;
    for (const [key, value] of Object.entries(own)) if (isData(this, key)) this[key] = value;
    hidden(this, "shared", shared);
    // Middleware for express-session looks at it. The real cookie is written by ours.
    hidden(this, "cookie", new expressSession.Cookie({ originalMaxAge: null, sameSite: "lax" }));
  }

  /** The value of the cookie; undefined as long as nothing has been saved. */
  get id() {
    return this.#visit.sessionid ?? undefined;
  }

  get req() {
    return this.#visit.request;
  }

  /** Saves what has changed now, and not when the answer begins. */
  save(callback) {
    return answer(this, this.#visit.save(), callback);
  }

  /** Loads the session again. What was changed and not saved is gone. */
  reload(callback) {
    return answer(this, this.#visit.reload(), callback);
  }

  /** Ends the session, for every service; there is no `req.session` after that. */
  destroy(callback) {
    const ending = this.#visit.end().then(() => {
      delete this.req.session;
    });
    return answer(this, ending, callback);
  }

  /** A new id and no data of this service, as express-session promises; `shared` and the user stay. */
  regenerate(callback) {
    return answer(this, this.#visit.cycle({ keepOwn: false }), callback);
  }

  /** Loading a session is using it: there is nothing left to do. */
  touch() {
    return this.resetMaxAge();
  }

  resetMaxAge() {
    this.cookie.maxAge = this.cookie.originalMaxAge;
    return this;
  }
}

/** The data of a session object: what an application has put on it. */
export function dataOf(session) {
  return Object.fromEntries(Object.entries(session).filter(([key]) => isData(session, key)));
}

/** Of what the service keeps, that which a session object shows. */
export function visible(session, own) {
  const out = Object.create(null);
  for (const [key, value] of Object.entries(own)) if (isData(session, key)) out[key] = value;
  return out;
}

function hidden(object, name, value) {
  Object.defineProperty(object, name, { value, writable: true, configurable: true, enumerable: false });
}

// Express-session's manner with a callback, a promise without.
function answer(session, promise, callback) {
  if (typeof callback === "function") {
    promise.then(() => callback(), callback);
    return session;
  }
  // Who neither waits nor asks is told at the end of the request: what could not be saved is tried again there.
  promise.catch(() => {});
  return promise;
}
