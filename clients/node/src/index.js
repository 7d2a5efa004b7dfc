// Signed requests to the data service. Nothing but Node is needed; the sessions for Express are in "countersign/express".

export { Client } from "./client.js";
export {
  BodyTooLarge,
  CountersignError,
  Forbidden,
  InvalidCredentials,
  NotFound,
  PreconditionFailed,
  Refused,
  Throttled,
  Unavailable,
} from "./errors.js";
export { authorization } from "./sign.js";
