// The contract of an express-session store, for code that has an id and no request: sockets, jobs, tools.

import expressSession from "express-session";
import { NotFound } from "./errors.js";
import { difference, normalise } from "./patch.js";

const loaded = Symbol("what the service had when this was loaded");

/**
 * Ids are made by the service: `set` saves a session that exists, and begins none. `length` wants the access word
 * `stats.read`. There is no `all` and no `clear`: the service keeps no ids that it could hand out, and the sessions are
 * not only yours.
 */
export class CountersignStore extends expressSession.Store {
  #client;

  /** @param {import("./client.js").Client} client */
  constructor(client) {
    super();
    this.#client = client;
  }

  get(sid, callback) {
    reply(callback, async () => {
      const state = await this.#find(sid);
      if (!state) return null;
      const { own, shared } = parts(state);
      const session = { ...structuredClone(own), cookie: cookieOf(state) };
      Object.defineProperty(session, "shared", { value: structuredClone(shared), writable: true });
      Object.defineProperty(session, loaded, { value: { own, shared } });
      return session;
    });
  }

  set(sid, session, callback) {
    reply(callback, async () => {
      // Without knowing what was loaded, "the whole session" is what the caller has, and the rest goes.
      const before = session[loaded] ?? parts(await this.#client.sessions.resolve(sid));
      const after = parts({ data: { own: { ...session }, shared: session.shared } });
      const patch = { own: difference(before.own, after.own) };
      if (session.shared !== undefined) patch.shared = difference(before.shared, after.shared);
      if (patch.own || patch.shared) await this.#client.sessions.save(sid, patch);
    });
  }

  destroy(sid, callback) {
    reply(callback, () => this.#client.sessions.end(sid).then(() => undefined));
  }

  touch(sid, session, callback) {
    reply(callback, () => this.#client.sessions.touch(sid).then(() => undefined));
  }

  length(callback) {
    reply(callback, async () => (await this.#client.request("GET", "/stats")).sessions);
  }

  async #find(sid) {
    try {
      return await this.#client.sessions.resolve(sid);
    } catch (error) {
      if (error instanceof NotFound) return null;
      throw error;
    }
  }
}

// `cookie` and `shared` are no data of ours under these names, and nobody else's to lose.
function parts({ data }) {
  const { cookie, shared, ...own } = normalise(data.own ?? {});
  return { own, shared: normalise(data.shared ?? {}) };
}

const cookieOf = (state) => ({
  originalMaxAge: null,
  expires: new Date(state.expires_at),
  httpOnly: true,
  path: "/",
  sameSite: "lax",
});

function reply(callback, work) {
  const done = callback ?? (() => {});
  work().then((value) => setImmediate(done, null, value), (error) => setImmediate(done, error));
}
