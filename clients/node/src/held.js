// Holds an answer back while the session is saved. The id of a new session is a header, and a save that fails must be
// able to become a 503: both are too late once the head is on its way.

/**
 * @param {import("node:http").ServerResponse} response
 * @param {object} hooks
 * @param {() => Promise<void> | undefined} hooks.save starts saving what has changed; undefined when nothing has
 * @param {() => void} hooks.lastHeaders sets what belongs into the head, just before it goes
 * @param {(error: Error) => void} hooks.failed the answer that was held is thrown away, and another may be given
 */
export function holdUntilSaved(response, { save, lastHeaders, failed }) {
  const headersBefore = response.getHeaders();
  const real = {};
  const held = {};
  let queue = null; // calls that wait; null while none has to
  let headed = false;
  let givenUp = false;

  for (const name of ["writeHead", "flushHeaders", "write", "end"]) {
    real[name] = response[name];
    held[name] = (...args) => {
      if (queue) {
        queue.push([name, args]);
        return name === "write" ? false : response;
      }
      let saving;
      if (!givenUp && (!headed || name === "end")) {
        try {
          saving = save();
        } catch (error) {
          saving = Promise.reject(error);
        }
      }
      if (saving) {
        queue = [[name, args]];
        saving.then(release, abandon);
        return name === "write" ? false : response;
      }
      return pass(name, args);
    };
    response[name] = held[name];
  }

  function pass(name, args) {
    if (!headed) {
      headed = true;
      if (name === "writeHead") args = headersFirst(response, args);
      lastHeaders();
    }
    return real[name].apply(response, args);
  }

  function release() {
    const calls = queue;
    queue = null;
    let written = false;
    for (const [name, args] of calls) {
      if (queue) {
        queue.push([name, args]); // saving again: the session was changed in between
      } else if (name === "writeHead" && response.headersSent) {
        continue; // said twice while it was held
      } else if (!headed) {
        pass(name, args);
        written ||= name === "write";
      } else {
        held[name](...args);
        written ||= name === "write";
      }
    }
    // Whoever was told to wait is told to go on. If the connection is what is slow now, Node does it.
    if (written && !queue && !response.writableEnded && !response.writableNeedDrain) response.emit("drain");
  }

  function abandon(error) {
    queue = null;
    givenUp = true;
    if (response.headersSent) {
      // Too late to say so in words: better a broken answer than one that pretends.
      response.destroy(error);
      return;
    }
    for (const name of response.getHeaderNames()) response.removeHeader(name);
    for (const [name, value] of Object.entries(headersBefore)) response.setHeader(name, value);
    response.statusCode = 200;
    response.statusMessage = undefined;
    failed(error);
  }
}

// Headers that are given to writeHead would go over those that are set, Set-Cookie too. So they are set first.
function headersFirst(response, [status, ...rest]) {
  const message = typeof rest[0] === "string" ? rest.shift() : undefined;
  const given = rest[0];
  if (Array.isArray(given)) {
    const pairs = Array.isArray(given[0]) ? given : given.flatMap((x, i) => (i % 2 ? [] : [[x, given[i + 1]]]));
    for (const name of new Set(pairs.map(([name]) => name.toLowerCase()))) response.removeHeader(name);
    for (const [name, value] of pairs) response.appendHeader(name, value);
  } else if (given) {
    for (const [name, value] of Object.entries(given)) if (name && value !== undefined) response.setHeader(name, value);
  }
  return message === undefined ? [status] : [status, message];
}
