// What the data service answers when it does not do what was asked, and what it is when it does not answer.

/** Every error of this package. `status` and `code` are those of docs/protocol.md. */
export class CountersignError extends Error {
  constructor(message, { status, code, problem = null, retryAfter = null, cause } = {}) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = new.target.name;
    this.status = status;
    this.code = code;
    /** The problem document as it came, or null when none came. */
    this.problem = problem;
    /** Seconds to wait, where the service said so. */
    this.retryAfter = retryAfter;
    this.requestId = problem?.request_id ?? null;
    /** What Express sends along when nobody handles the error. */
    if (retryAfter !== null) this.headers = { "Retry-After": String(retryAfter) };
  }
}

/** The data service is out of reach, or has a fault: try again later. It says nothing about what was asked. */
export class Unavailable extends CountersignError {
  constructor(message, more = {}) {
    super(message, { ...more, status: 503, code: "unavailable", retryAfter: more.retryAfter ?? 1 });
  }
}

/** The data service has understood, and says no. */
export class Refused extends CountersignError {}
export class InvalidCredentials extends Refused {}
export class Forbidden extends Refused {}
export class NotFound extends Refused {}
export class PreconditionFailed extends Refused {}
export class BodyTooLarge extends Refused {}
export class Throttled extends Refused {}

const byCode = {
  invalid_credentials: InvalidCredentials,
  forbidden: Forbidden,
  not_found: NotFound,
  precondition_failed: PreconditionFailed,
  body_too_large: BodyTooLarge,
  throttled: Throttled,
};

/**
 * The error that an answer means.
 *
 * @param {{status: number, headers: Record<string, any>, problem: any}} answer `problem` is null for what was no JSON.
 */
export function errorFor({ status, headers, problem }) {
  const seconds = Number(problem?.retry_after ?? headers["retry-after"]);
  const retryAfter = Number.isFinite(seconds) ? seconds : null;
  // An answer that is not the service's, from a proxy in between for instance, is a service that is out of reach.
  if (status >= 500 || typeof problem?.code !== "string") {
    const what = problem?.detail ?? "the answer is not one of the data service's";
    return new Unavailable(`the data service is unavailable: ${status}, ${what}`, { problem, retryAfter });
  }
  const Type = Object.hasOwn(byCode, problem.code) ? byCode[problem.code] : Refused;
  return new Type(problem.detail ?? problem.title ?? problem.code, { status, code: problem.code, problem, retryAfter });
}
