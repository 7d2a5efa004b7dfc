/** Who is signed in, as docs/protocol.md has it. */
export interface User {
  id: string;
  username: string;
  email: string | null;
  name: string | null;
  created_at: string;
  disabled_at: string | null;
  version: number;
}

/** A token and its secret, of this consumer and bound to one session. */
export interface Pair {
  token: string | null;
  secret: string | null;
}

export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };
export type JsonObject = { [key: string]: Json };

export interface SessionState extends Pair {
  /** The public id; the secret one is the `sessionid`. */
  id: string;
  user: User | null;
  data: { shared: JsonObject; own: JsonObject };
  version: number;
  created_at: string;
  expires_at: string;
}

export interface ClientOptions {
  /** Of the data service; else COUNTERSIGN_URL. */
  url?: string;
  /** The consumer's; else COUNTERSIGN_CONSUMER_KEY. */
  key?: string;
  /** The consumer's; else COUNTERSIGN_CONSUMER_SECRET. */
  secret?: string;
  /** Milliseconds for a whole request; 5,000 if nothing is said. */
  timeout?: number;
}

export interface RequestOptions {
  /** What is sent as the body. */
  json?: unknown;
  /** Its type, if it is not application/json. */
  type?: string;
  headers?: Record<string, string>;
  /** Whose token to sign with; without one the consumer signs alone. */
  as?: Pair | null;
  /** Never send it a second time, not even when a kept connection broke before an answer. */
  once?: boolean;
}

export interface Person {
  /** A name or an e-mail address. */
  username: string;
  password: string;
  /** An anonymous session, whose data goes along. */
  sessionid?: string;
  remember?: boolean;
  client?: { address?: string; device?: string };
}

export interface Authenticated {
  token: string;
  secret: string;
  expires_at: string;
  sessionid: string;
  device: string;
  user: User;
}

/** A consumer at the data service. */
export class Client {
  constructor(options?: ClientOptions);
  readonly url: string;
  readonly timeout: number;
  readonly sessions: Sessions;
  /** Signs and sends one request, and answers the JSON that came back (null for none). */
  request<T = any>(method: string, path: string, options?: RequestOptions): Promise<T>;
  /** Like `request`, with status and headers. */
  send<T = any>(
    method: string,
    path: string,
    options?: RequestOptions,
  ): Promise<{ status: number; headers: Record<string, string | string[] | undefined>; body: T }>;
  whoami(as?: Pair | null): Promise<{ consumer: { key: string; label: string; service: string }; user: User | null; session: unknown }>;
  /** Logs a person in. Throws InvalidCredentials or Throttled. */
  authenticate(person: Person): Promise<Authenticated>;
  /** Closes the connections that are kept. */
  close(): void;
}

export interface Sessions {
  create(session?: {
    user?: string;
    data?: { shared?: JsonObject; own?: JsonObject };
    remember?: boolean;
  }): Promise<SessionState & { sessionid: string }>;
  resolve(sessionid: string): Promise<SessionState>;
  save(sessionid: string, patch: { shared?: JsonObject; own?: JsonObject }, version?: number): Promise<{ version: number }>;
  cycle(sessionid: string): Promise<{ sessionid: string }>;
  touch(sessionid: string): Promise<{ expires_at: string }>;
  end(sessionid: string): Promise<null>;
}

/** Every error of this package. */
export class CountersignError extends Error {
  status: number;
  /** The word to program against: see docs/protocol.md. */
  code: string;
  problem: Record<string, any> | null;
  /** Seconds to wait, where the service said so. */
  retryAfter: number | null;
  requestId: string | null;
  headers?: Record<string, string>;
}
/** The data service is out of reach or has a fault: it says nothing about what was asked. */
export class Unavailable extends CountersignError {}
/** The data service has understood, and says no. */
export class Refused extends CountersignError {}
export class InvalidCredentials extends Refused {}
export class Forbidden extends Refused {}
export class NotFound extends Refused {}
export class PreconditionFailed extends Refused {}
export class BodyTooLarge extends Refused {}
export class Throttled extends Refused {}

/** The value of the `Authorization` header for one sending of a request. */
export function authorization(request: {
  method: string;
  /** Exactly as it is sent. */
  url: string;
  /** Anything but a form. */
  body?: Uint8Array | string;
  key: string;
  secret: string;
  token?: string | null;
  tokenSecret?: string | null;
  timestamp?: number | string;
  nonce?: string;
}): string;
