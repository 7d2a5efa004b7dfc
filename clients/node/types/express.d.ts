import type { RequestHandler } from "express";
import { Store } from "express-session";
import type { ClientOptions, JsonObject, Person, RequestOptions, User } from "./index.js";
import { Client, Refused } from "./index.js";

export * from "./index.js";

export interface SessionOptions extends ClientOptions {
  /** Instead of the options to make one of. */
  client?: Client;
  /** The name of the cookie, if it is not `sessionid`. */
  cookie?: string;
  /** Whether the cookie is for TLS only; "auto" is everywhere but on loopback http. */
  secure?: boolean | "auto";
}

/** The middleware: `req.session`, `req.session.shared`, `req.user` and `req.countersign`. */
export function session(options?: SessionOptions): RequestHandler;

/** The contract of an express-session store, for code that has an id and no request. It begins no sessions. */
export class CountersignStore extends Store {
  constructor(client: Client);
  get: Store["get"];
  set: Store["set"];
  destroy: Store["destroy"];
}

/** The session was ended, here or elsewhere, before the request could save. */
export class SessionEnded extends Refused {}

/** `req.countersign` */
export interface Countersign {
  readonly client: Client;
  readonly user: User | null;
  /** Of the session's data as it was loaded; null without a session. */
  readonly version: number | null;
  readonly expiresAt: Date | null;
  /** Logs in: always a new session. What a visitor had goes along. */
  login(person: Person): Promise<User>;
  /** Ends the session for every service. */
  logout(): Promise<void>;
  /** A new id for the same session. */
  cycle(): Promise<void>;
  /** Saves now. With a version, or true for the one that was loaded: only if nobody has saved meanwhile. */
  save(options?: { version?: number | true }): Promise<void>;
  /** Keeps the session from its idle limit, in a request that lasts. */
  touch(): Promise<void>;
  /** A signed request as this person, or as the consumer alone for a visitor. */
  request<T = any>(method: string, path: string, options?: RequestOptions): Promise<T>;
}

declare module "express-session" {
  interface Session {
    /** What every service sees. */
    shared: JsonObject;
    save(): Promise<void>;
    reload(): Promise<void>;
    destroy(): Promise<void>;
    /** A new id and no data of this service; what is shared, and the user, stay. */
    regenerate(): Promise<void>;
  }
  interface SessionData {
    /** What every service sees. */
    shared: JsonObject;
  }
}

declare global {
  namespace Express {
    interface User {
      id: string;
      username: string;
      email: string | null;
      name: string | null;
    }
    interface Request {
      countersign: Countersign;
      user?: User | null;
    }
  }
}

declare const countersign: {
  session: typeof session;
  CountersignStore: typeof CountersignStore;
  Client: typeof Client;
};
export default countersign;
