// One request and its session: loaded once, saved when something differs from what was loaded.

import { NotFound, PreconditionFailed, Refused, Unavailable } from "./errors.js";
import { apply, difference, normalise } from "./patch.js";
import { Session, dataOf, visible } from "./session.js";

const nothing = { user: null, token: null, secret: null, version: null, expires_at: null, data: { own: {}, shared: {} } };

/** The session was ended, here or by another service, before this request could save. */
export class SessionEnded extends Refused {
  constructor(cause) {
    super("the session was ended while the request ran", { status: 409, code: "session_ended", cause });
  }
}

export class Visit {
  #client;
  #response;
  #loaded = nothing; // the facts as the service has told them
  #base = { own: {}, shared: {} }; // the data as the service has it, as far as we know
  #busy = Promise.resolve(); // one thing after the other
  #underWay = 0;

  /** @param {import("./client.js").Client} client */
  constructor(client, request, response) {
    this.#client = client;
    this.#response = response;
    this.request = request;
    this.sessionid = null;
    this.sent = null; // the id that the browser came with, once it has proved good
    this.remember = false;
    this.ended = false;
  }

  get user() {
    return this.#loaded.user;
  }

  get version() {
    return this.#loaded.version;
  }

  get expiresAt() {
    return this.#loaded.expires_at && new Date(this.#loaded.expires_at);
  }

  /** What to sign with for this person: a pair, or null for a visitor. */
  get token() {
    return this.#loaded.token ? { token: this.#loaded.token, secret: this.#loaded.secret } : null;
  }

  /** Begins with the id from the cookie. One that leads nowhere is a visitor's, and is never used again. */
  async begin(sessionid) {
    const state = sessionid === null ? null : await this.#resolve(sessionid);
    this.sessionid = this.sent = state ? sessionid : null;
    this.#show(state ?? nothing);
  }

  async #resolve(sessionid) {
    try {
      return await this.#client.sessions.resolve(sessionid);
    } catch (error) {
      if (error instanceof NotFound) return null;
      throw error;
    }
  }

  // Puts on the request what an application sees.
  #show(state) {
    this.#loaded = state;
    this.#base = { own: normalise(state.data.own ?? {}), shared: normalise(state.data.shared ?? {}) };
    this.#present(structuredClone(this.#base));
  }

  #present(data) {
    this.session = new Session(this, data);
    this.request.session = this.session;
    this.request.sessionID = this.sessionid ?? undefined;
    this.request.user = this.user;
  }

  // What differs from what the service has: {own?, shared?}, or undefined.
  #changes() {
    // A request without a session (destroyed, or set to null) has nothing to save.
    const session = this.request.session;
    if (!session || session !== this.session || this.ended) return undefined;
    const own = difference(visible(session, this.#base.own), normalise(dataOf(session)));
    const shared = difference(this.#base.shared, sharedOf(session));
    return own || shared ? { ...(own && { own }), ...(shared && { shared }) } : undefined;
  }

  /** For the end of a request: undefined when there is nothing to do or to wait for. */
  saveChanges() {
    return this.#underWay > 0 || this.#changes() ? this.save() : undefined;
  }

  /** With a version, or `true` for the one that was loaded: only if nobody has saved meanwhile. */
  save({ version } = {}) {
    return this.#inTurn(async () => {
      const patch = this.#changes();
      if (!patch) {
        if (typeof version === "number" && version !== this.version) throw stale(version, this.version);
        return;
      }
      try {
        if (this.sessionid === null) await this.#create(patch, version);
        else await this.#save(patch, version === true ? this.version : version);
      } catch (error) {
        // What was refused is not kept, and not tried again at the end of the request.
        if (error instanceof Refused && !this.ended) this.#present(structuredClone(this.#base));
        if (error instanceof PreconditionFailed) await this.#reload().catch(() => {});
        throw error;
      }
      this.#base = {
        own: apply(this.#base.own, patch.own ?? {}),
        shared: apply(this.#base.shared, patch.shared ?? {}),
      };
    });
  }

  async #create(data, version) {
    // A visitor has no version to be on.
    if (typeof version === "number") throw stale(version, null);
    if (this.#response.headersSent) {
      throw new Error("the session was begun after the headers were sent, so its cookie cannot be set any more");
    }
    const { sessionid, ...state } = await this.#client.sessions.create({ data });
    this.#loaded = state;
    this.sessionid = this.request.sessionID = sessionid;
  }

  async #save(patch, version) {
    try {
      const saved = await this.#client.sessions.save(this.sessionid, patch, version);
      this.#loaded = { ...this.#loaded, version: saved.version };
    } catch (error) {
      throw this.#unlessEnded(error);
    }
  }

  // A session that is not there any more was ended by somebody, and stays so.
  #unlessEnded(error) {
    if (!(error instanceof NotFound)) return error;
    this.ended = true;
    return new SessionEnded(error);
  }

  reload() {
    return this.#inTurn(() => this.#reload());
  }

  async #reload() {
    const state = this.sessionid === null ? nothing : await this.#resolve(this.sessionid);
    if (!state) {
      this.ended = true;
      throw new SessionEnded();
    }
    this.#show(state);
  }

  /** A new id for the same session. */
  cycle({ keepOwn = true } = {}) {
    return this.#inTurn(async () => {
      if (this.sessionid !== null) {
        try {
          this.sessionid = (await this.#client.sessions.cycle(this.sessionid)).sessionid;
        } catch (error) {
          throw this.#unlessEnded(error);
        }
      }
      this.request.sessionID = this.sessionid ?? undefined;
      // What is emptied here goes as a change at the end of the request.
      if (!keepOwn) this.#present({ own: {}, shared: this.session.shared });
    });
  }

  /** Logs in: always a new session. Throws InvalidCredentials or Throttled, and then nothing has changed. */
  login(person) {
    return this.#inTurn(async () => {
      const anonymous = this.sessionid !== null && this.user === null;
      const unsaved = this.user === null ? this.#changes() : undefined;
      const more = { client: { address: this.request.ip ?? this.request.socket?.remoteAddress } };
      if (anonymous) more.sessionid = this.sessionid;
      const done = await this.#client.authenticate({ ...more, ...person });
      // From here on this is the session, even if the next step fails: the visitor's own has ended.
      this.sessionid = done.sessionid;
      this.ended = false;
      this.remember = Boolean(person.remember);
      await this.#reload();
      // What the visitor did in this very request is theirs too.
      if (unsaved) {
        const own = apply(this.#base.own, unsaved.own ?? {});
        this.#present({ own: structuredClone(own), shared: apply(structuredClone(this.#base.shared), unsaved.shared ?? {}) });
      }
      return this.user;
    });
  }

  /** Ends the session for every service. What follows in this request is a visitor's. */
  end() {
    return this.#inTurn(async () => {
      if (this.sessionid !== null) await this.#client.sessions.end(this.sessionid);
      this.sessionid = null;
      this.ended = false;
      this.#show(nothing);
    });
  }

  touch() {
    return this.#inTurn(async () => {
      if (this.sessionid !== null) await this.#client.sessions.touch(this.sessionid);
    });
  }

  #inTurn(work) {
    this.#underWay += 1;
    const result = this.#busy.then(work).finally(() => {
      this.#underWay -= 1;
    });
    this.#busy = result.catch(() => {});
    return result;
  }
}

function stale(expected, found) {
  const what = found === null ? "there is no session" : `${found} is there`;
  const message = `version ${expected} was expected, and ${what}`;
  return new PreconditionFailed(message, { status: 412, code: "precondition_failed" });
}

function sharedOf(session) {
  const shared = session.shared ?? {};
  if (typeof shared !== "object" || Array.isArray(shared)) throw new TypeError("req.session.shared is an object");
  return normalise(shared);
}

/** What a visitor is told when the session cannot be had: never what the service said about *us*. */
export function forVisitor(error) {
  const theirs = error instanceof Refused && [409, 412, 413, 422].includes(error.status);
  if (theirs || error instanceof Unavailable || !(error instanceof Refused)) return error;
  return new Unavailable(`the session could not be had: ${error.message}`, { cause: error });
}
