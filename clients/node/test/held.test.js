// What happens to an answer while the session is saved. A plain server, and saving that is told how it goes.

import assert from "node:assert/strict";
import http from "node:http";
import { once } from "node:events";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { test } from "node:test";
import { holdUntilSaved } from "../src/held.js";

// Serves one request with `handler`; `saves` is how each saving goes: a number of ms, an error, or nothing to save.
async function exchange(handler, saves) {
  const log = [];
  const server = http.createServer((request, response) => {
    response.setHeader("X-Before", "1");
    holdUntilSaved(response, {
      save: () => {
        const next = saves.shift();
        if (next === undefined) return undefined;
        log.push("saving");
        return sleep(typeof next === "number" ? next : 5).then(() => {
          log.push("saved");
          if (next instanceof Error) throw next;
        });
      },
      lastHeaders: () => {
        log.push("head");
        response.appendHeader("Set-Cookie", "sessionid=new");
      },
      failed: (error) => {
        log.push("failed");
        response.statusCode = 503;
        response.end(error.message);
      },
    });
    handler(request, response, log);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  try {
    const answer = await fetch(`http://127.0.0.1:${server.address().port}/`, { signal: AbortSignal.timeout(20_000) });
    return { log, status: answer.status, headers: answer.headers, text: await answer.text() };
  } finally {
    server.closeAllConnections();
    server.close();
  }
}

test("an answer is sent as it is when there is nothing to save", async () => {
  const { log, text, status, headers } = await exchange((_, response) => response.end("hello"), []);
  assert.deepEqual([status, text, log], [200, "hello", ["head"]]);
  assert.equal(headers.get("content-length"), "5");
});

test("the head goes after the session is saved", async () => {
  const { log, text, headers } = await exchange((_, response) => response.end("hello"), [20]);
  assert.deepEqual([text, log], ["hello", ["saving", "saved", "head"]]);
  assert.equal(headers.get("set-cookie"), "sessionid=new");
});

for (const [title, head] of [
  ["an object", { "Set-Cookie": "theirs=1", "X-A": "b" }],
  ["a list", ["Set-Cookie", "theirs=1", "X-A", "b"]],
  ["a list of pairs", [["Set-Cookie", "theirs=1"], ["X-A", "b"]]],
]) {
  test(`headers given to writeHead as ${title} do not displace the cookie`, async () => {
    for (const saves of [[], [10]]) {
      const { headers, status, text } = await exchange((_, response) => {
        response.writeHead(201, "Made", head);
        response.end("x");
      }, saves);
      assert.deepEqual([status, text, headers.get("x-a")], [201, "x", "b"]);
      assert.deepEqual(headers.getSetCookie(), ["theirs=1", "sessionid=new"]);
    }
  });
}

test("calls that are held come out in order", async () => {
  const { text, status } = await exchange((_, response) => {
    response.writeHead(202);
    response.flushHeaders();
    response.write("a");
    response.write(Buffer.from("b"));
    response.end("c");
  }, [30]);
  assert.deepEqual([status, text], [202, "abc"]);
});

test("a stream that is piped goes on after the saving", async () => {
  const chunk = "x".repeat(1000);
  const { text } = await exchange((_, response) => {
    pipeline(Readable.from(Array.from({ length: 500 }, () => chunk)), response).catch(() => {});
  }, [30]);
  assert.equal(text.length, 500_000);
});

test("a save that fails becomes an answer, and nothing of the one that was held goes out", async () => {
  const { text, status, headers, log } = await exchange((_, response) => {
    response.statusMessage = "Fine";
    response.setHeader("X-Secret", "1");
    response.setHeader("Content-Type", "text/x");
    response.writeHead(201);
    response.write("the other ");
    response.end("answer");
  }, [new Error("away")]);
  assert.deepEqual([status, text, log], [503, "away", ["saving", "saved", "failed", "head"]]);
  assert.deepEqual([headers.get("x-secret"), headers.get("content-type"), headers.get("x-before")], [null, null, "1"]);
});

test("a saving that throws at once becomes an answer too", async () => {
  const broken = { shift: () => assert.fail("cannot be written as JSON") };
  const { status, text } = await exchange((_, response) => response.end("fine"), broken);
  assert.deepEqual([status, text], [503, "cannot be written as JSON"]);
});

test("what is changed while a stream runs is saved before its end", async () => {
  const { log, text } = await exchange(async (_, response, log) => {
    response.write("a");
    await sleep(20);
    response.end("b", () => log.push("sent"));
  }, [5, 5]);
  assert.deepEqual([text, log], ["ab", ["saving", "saved", "head", "saving", "saved", "sent"]]);
});

test("when that fails the answer is cut, for it is no success", async () => {
  await assert.rejects(exchange((_, response) => {
    response.write("a");
    setTimeout(() => response.end("b"), 20);
  }, [5, new Error("away")]));
});
