// The signed client against a server that answers what it is told.

import assert from "node:assert/strict";
import http from "node:http";
import net from "node:net";
import { once } from "node:events";
import { after, test } from "node:test";
import {
  BodyTooLarge, Client, Forbidden, InvalidCredentials, NotFound, PreconditionFailed, Refused, Throttled, Unavailable,
} from "../src/index.js";

const credentials = { key: "key", secret: "secret" };
const open = [];
after(() => open.forEach((close) => close()));

async function serve(handler) {
  const seen = [];
  const server = http.createServer((request, response) => {
    let body = "";
    request.setEncoding("utf8").on("data", (chunk) => (body += chunk));
    request.on("end", () => {
      seen.push({ method: request.method, url: request.url, headers: request.headers, body });
      handler(request, response, seen.length);
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  open.push(() => server.closeAllConnections(), () => server.close());
  return { seen, url: `http://127.0.0.1:${server.address().port}`, server };
}

const problem = (status, code, more = {}) => (_, response) => {
  response.writeHead(status, { "Content-Type": "application/problem+json", ...more });
  response.end(JSON.stringify({ status, code, detail: `it is ${code}`, request_id: "r1" }));
};

test("a request is signed, and so is its body", async () => {
  const { url, seen } = await serve((_, response) => response.end('{"a":1}'));
  const client = new Client({ url: `${url}/`, ...credentials });
  const as = { token: "tok", secret: "sec" };
  assert.deepEqual(await client.request("POST", "/a%20b?c=d+e", { json: { é: 1 }, as }), { a: 1 });
  const [{ method, url: path, headers, body }] = seen;
  assert.deepEqual([method, path, body], ["POST", "/a%20b?c=d+e", '{"é":1}']);
  assert.match(headers.authorization, /^OAuth oauth_consumer_key="key", .*oauth_token="tok".*oauth_body_hash="[^"]{40,}"/);
  assert.equal(headers["content-type"], "application/json");
});

test("an answer without a body is null", async () => {
  const { url } = await serve((_, response) => response.writeHead(204).end());
  assert.equal(await new Client({ url, ...credentials }).sessions.end("x"), null);
});

for (const [status, code, Type] of [
  [401, "invalid_credentials", InvalidCredentials],
  [403, "forbidden", Forbidden],
  [404, "not_found", NotFound],
  [412, "precondition_failed", PreconditionFailed],
  [413, "body_too_large", BodyTooLarge],
  [429, "throttled", Throttled],
  [409, "conflict", Refused],
  [400, "constructor", Refused],
  [503, "unavailable", Unavailable],
  [500, "internal", Unavailable],
]) {
  test(`${status} ${code} is ${Type.name}`, async () => {
    const { url } = await serve(problem(status, code, { "Retry-After": "7" }));
    await assert.rejects(new Client({ url, ...credentials }).whoami(), (error) => {
      assert.equal(error.constructor, Type);
      assert.equal(error.status, Type === Unavailable ? 503 : status);
      assert.equal(error.code, Type === Unavailable ? "unavailable" : code);
      assert.deepEqual([error.retryAfter, error.requestId], [7, "r1"]);
      assert.match(error.message, new RegExp(`it is ${code}`));
      return true;
    });
  });
}

for (const [title, handler] of [
  ["200 that is no JSON", (_, response) => response.end("<h1>It works!</h1>")],
  ["404 of something else", (_, response) => response.writeHead(404).end("no such page")],
  ["302", (_, response) => response.writeHead(302, { Location: "/login" }).end()],
  ["a connection that is cut", (request) => request.socket.destroy()],
  ["half an answer", (_, response) => {
    response.writeHead(200, { "Content-Length": 100 }).write('{"a":');
    setTimeout(() => response.destroy(), 20);
  }],
]) {
  test(`${title} is Unavailable`, async () => {
    const { url } = await serve(handler);
    await assert.rejects(new Client({ url, ...credentials }).whoami(), Unavailable);
  });
}

test("nobody there is Unavailable", async () => {
  const { url, server } = await serve(() => {});
  server.close();
  await once(server, "close");
  await assert.rejects(new Client({ url, ...credentials }).whoami(), Unavailable);
});

test("an answer that does not come, or does not end, is Unavailable in time", async () => {
  for (const handler of [() => {}, (_, response) => response.writeHead(200).write("{")]) {
    const { url } = await serve(handler);
    await assert.rejects(new Client({ url, ...credentials, timeout: 100 }).whoami(), (error) => {
      assert.ok(error instanceof Unavailable);
      assert.match(error.message, /no answer within 100 ms/);
      return true;
    });
  }
});

// Keeps a connection open after the first answer, and cuts it when it is used again.
async function forgetful() {
  let uses = 0;
  const server = net.createServer((socket) => {
    let first = true;
    socket.on("error", () => {});
    socket.on("data", () => {
      if (!first) return socket.resetAndDestroy();
      first = false;
      uses += 1;
      socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}');
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  open.push(() => server.close());
  return { url: `http://127.0.0.1:${server.address().port}`, uses: () => uses };
}

test("a kept connection that was closed meanwhile goes unnoticed", async () => {
  const { url, uses } = await forgetful();
  const client = new Client({ url, ...credentials });
  for (let i = 0; i < 6; i += 1) await client.sessions.resolve("x");
  assert.equal(uses(), 6);
  client.close();
});

test("what must not be sent twice has a connection of its own", async () => {
  const { url, uses } = await forgetful();
  const client = new Client({ url, ...credentials });
  await client.sessions.resolve("x");
  await client.sessions.cycle("x");
  await client.sessions.save("x", {}, 3);
  await client.authenticate({ username: "a", password: "b" });
  assert.equal(uses(), 4);
  client.close();
});

test("what must not be sent twice is not", async () => {
  const { url, seen } = await serve((request) => request.socket.destroy());
  const client = new Client({ url, ...credentials });
  await assert.rejects(client.sessions.cycle("x"), Unavailable);
  assert.equal(seen.length, 1);
});

test("what is missing is said at the start", () => {
  assert.throws(() => new Client({ ...credentials }), /url is missing, and COUNTERSIGN_URL is not set/);
  assert.throws(() => new Client({ url: "http://h", key: "k" }), /secret is missing/);
  assert.throws(() => new Client({ url: "ftp://h", ...credentials }), /http or https/);
  assert.throws(() => new Client({ url: "http://h", ...credentials, timeout: 0 }), /number of milliseconds/);
});

test("no secret is printed with a client", async () => {
  const { inspect } = await import("node:util");
  const client = new Client({ url: "http://h", key: "k", secret: "do not print" });
  assert.doesNotMatch(inspect(client, { depth: 9, showHidden: true }) + JSON.stringify(client), /do not print/);
});
