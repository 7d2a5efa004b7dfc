// One line per test and one at the end, as every step of ./test has it.

import { inspect } from "node:util";

export default async function* report(events) {
  let passed = 0;
  let failed = 0;
  for await (const { type, data } of events) {
    if (type === "test:stdout" || type === "test:stderr") yield data.message;
    if (type !== "test:pass" && type !== "test:fail") continue;
    // A suite counts when it breaks outside its tests.
    const suite = data.details?.type === "suite";
    if (type === "test:pass" && !suite && !data.skip) {
      passed += 1;
      yield `ok ${data.name}\n`;
    } else if (type === "test:fail" && data.details.error?.failureType !== "subtestsFailed") {
      failed += 1;
      const { error } = data.details;
      yield `not ok ${data.name}\n${inspect(error?.cause ?? error).replace(/^/gm, "    ")}\n`;
    } else if (data.skip) {
      yield `not run ${data.name}: ${data.skip}\n`;
    }
  }
  yield `${passed} passed, ${failed} failed\n`;
}
