// Sessions for Express, old and new, against a real service. What every language must do is in tests/conformance;
// here is what only Express has.

import assert from "node:assert/strict";
import { once } from "node:events";
import { after, before, describe, test } from "node:test";
import compression from "compression";
import express5 from "express";
import express4 from "express-4";
import expressSession from "express-session";
import { Client, CountersignStore, Unavailable, session } from "../src/express.js";
import { executable, startService } from "./service.js";

const password = "correct horse battery staple";
const skip = executable ? false : "COUNTERSIGN, the path of the executable, is not set";

let service;
let client;
before(async () => {
  if (skip) return;
  service = await startService();
  client = new Client({ url: service.url, ...service.consumer("shop") });
  service.user("ann", password);
});
after(() => {
  client?.close();
  return service?.stop();
});

// A browser at an application; its answers carry what was set.
async function visit(app) {
  const server = app.listen(0, "127.0.0.1");
  await once(server, "listening");
  const jar = { cookie: null };
  const ask = async (method, path, headers = {}) => {
    const url = `http://127.0.0.1:${server.address().port}${path}`;
    const sent = jar.cookie ? { Cookie: `sessionid=${jar.cookie}`, ...headers } : headers;
    const answer = await fetch(url, { method, headers: sent, redirect: "manual", signal: AbortSignal.timeout(20_000) });
    const cookies = answer.headers.getSetCookie().filter((one) => one.startsWith("sessionid="));
    for (const one of cookies) jar.cookie = /^sessionid=([^;]*)/.exec(one)[1] || null;
    const text = await answer.text();
    let json = null;
    try {
      json = JSON.parse(text);
    } catch {}
    return { status: answer.status, headers: answer.headers, cookies, text, json };
  };
  const close = () => {
    server.close();
    server.closeAllConnections();
  };
  return { jar, ask, close, get: (path, headers) => ask("GET", path, headers) };
}

const promised = (work) => (request, response, next) => Promise.resolve(work(request, response)).catch(next);

for (const [version, express] of [["4", express4], ["5", express5]]) {
  describe(`Express ${version}`, { skip }, () => {
    // Builds an application, visits it, and closes it.
    const withApp = (build, story, options = {}) => async () => {
      const app = express();
      app.use(session({ client, ...options }));
      build(app);
      app.use((error, request, response, next) => {
        response.status(error.status ?? 500).json({ code: error.code, message: error.message });
      });
      const browser = await visit(app);
      try {
        await story(browser);
      } finally {
        browser.close();
      }
    };
    const counter = (app) => {
      app.get("/count", (request, response) => {
        request.session.n = (request.session.n ?? 0) + 1;
        response.json({ n: request.session.n, id: request.sessionID ?? null });
      });
      app.get("/data", (request, response) => response.json({ ...request.session }));
    };

    test("a counter counts", withApp(counter, async ({ get }) => {
      for (const n of [1, 2, 3]) assert.equal((await get("/count")).json.n, n);
      assert.deepEqual((await get("/data")).json, { n: 3 });
    }));

    test("the cookie is set once, and again only when it changes", withApp(counter, async ({ get }) => {
      const first = await get("/count");
      assert.match(first.cookies[0], /^sessionid=[A-Za-z0-9_-]{43}; Path=\/; HttpOnly; SameSite=Lax$/);
      assert.deepEqual((await get("/count")).cookies, []);
    }));

    test("a cookie is Secure anywhere but on loopback http", withApp((app) => {
      // Browsers name hosts; fetch may not.
      app.use((request, response, next) => {
        request.session.n = 1;
        next();
      });
      app.get("/", (request, response) => response.json({}));
    }, async ({ get, jar }) => {
      assert.doesNotMatch((await get("/")).cookies[0], /Secure/);
      jar.cookie = null;
      assert.match((await get("/", { "X-Forwarded-Proto": "https" })).cookies[0], /; Secure/);
    }));

    test("secure and the cookie's name can be said", withApp(counter, async ({ get }) => {
      assert.match((await get("/count")).headers.getSetCookie()[0], /^visit=.*; Secure$/);
    }, { cookie: "visit", secure: true }));

    test("regenerate: a new id, no own data, and what is shared stays", withApp((app) => {
      counter(app);
      app.get("/share", (request, response) => {
        request.session.shared.lang = "de";
        response.json({});
      });
      app.get("/shared", (request, response) => response.json(request.session.shared));
      app.get("/regenerate", (request, response, next) => {
        const old = request.session;
        request.session.regenerate((error) => {
          if (error) return next(error);
          request.session.fresh = request.session !== old;
          response.json({ id: request.session.id, same: request.session.id === request.sessionID });
        });
      });
    }, async ({ get, jar }) => {
      await get("/count");
      await get("/share");
      const old = jar.cookie;
      const { json, cookies } = await get("/regenerate");
      assert.equal(json.same, true);
      assert.equal(cookies.length, 1);
      assert.equal(jar.cookie, json.id);
      assert.notEqual(jar.cookie, old);
      assert.deepEqual((await get("/data")).json, { fresh: true });
      assert.deepEqual((await get("/shared")).json, { lang: "de" });
      jar.cookie = old;
      assert.deepEqual((await get("/data")).json, {});
    }));

    test("destroy: no session, no cookie, here and at the service", withApp((app) => {
      counter(app);
      app.get("/destroy", (request, response, next) => {
        request.session.destroy((error) => (error ? next(error) : response.json({ gone: request.session === undefined })));
      });
      app.get("/destroy-and-go", (request, response) => {
        request.session.destroy();
        response.json({});
      });
    }, async ({ get, jar }) => {
      for (const path of ["/destroy", "/destroy-and-go"]) {
        await get("/count");
        const old = jar.cookie;
        const { json, cookies } = await get(path);
        assert.notEqual(json.gone, false);
        assert.match(cookies[0], /^sessionid=; .*Max-Age=0/);
        await assert.rejects(client.sessions.resolve(old), { code: "not_found" });
      }
    }));

    test("save at once, reload, and promises beside callbacks", withApp((app) => {
      app.get("/", promised(async (request, response) => {
        request.session.a = 1;
        await request.session.save();
        const saved = (await client.sessions.resolve(request.session.id)).data.own;
        request.session.a = 2;
        const back = await new Promise((resolve, reject) => {
          request.session.reload((error) => (error ? reject(error) : resolve(request.session.a)));
        });
        response.json({ saved, back });
      }));
    }, async ({ get }) => {
      assert.deepEqual((await get("/")).json, { saved: { a: 1 }, back: 1 });
    }));

    test("a save that nobody waits for is not lost, and not done twice", withApp((app) => {
      app.get("/", (request, response) => {
        request.session.a = 1;
        request.session.save();
        response.json({});
      });
    }, async ({ get, jar }) => {
      service.network.requests.length = 0;
      await get("/");
      assert.deepEqual(service.network.requests, ["POST /sessions"]);
      assert.deepEqual((await client.sessions.resolve(jar.cookie)).data.own, { a: 1 });
    }));

    test("a save under a condition: refused, loaded anew, and done", withApp((app) => {
      counter(app);
      app.get("/race", promised(async (request, response) => {
        await client.sessions.save(request.sessionID, { own: { n: 40 } });
        const tries = [];
        for (let i = 0; i < 3; i += 1) {
          request.session.n += 1;
          try {
            await request.countersign.save({ version: true });
            tries.push("saved");
            break;
          } catch (error) {
            tries.push(error.code);
          }
        }
        response.json({ tries, n: request.session.n });
      }));
    }, async ({ get }) => {
      await get("/count");
      assert.deepEqual((await get("/race")).json, { tries: ["precondition_failed", "saved"], n: 41 });
      assert.deepEqual((await get("/data")).json, { n: 41 });
    }));

    test("what was refused is not saved with the answer", withApp((app) => {
      counter(app);
      app.get("/large", promised(async (request, response) => {
        request.session.large = "x".repeat(70_000);
        const error = await request.session.save().catch((one) => one);
        response.json({ code: error.code, left: Object.keys(request.session) });
      }));
    }, async ({ get }) => {
      assert.deepEqual((await get("/large")).json, { code: "body_too_large", left: [] });
      await get("/count");
      assert.deepEqual((await get("/large")).json, { code: "body_too_large", left: ["n"] });
      assert.deepEqual((await get("/data")).json, { n: 1 });
    }));

    test("redirects, files and streams carry the cookie", withApp((app) => {
      const changing = (work) => (request, response) => {
        request.session.at = `${request.url}${Math.random()}`;
        work(request, response);
      };
      app.get("/redirect", changing((request, response) => response.redirect("/data")));
      app.get("/file", changing((request, response) => response.sendFile(new URL(import.meta.url).pathname)));
      app.get("/head", changing((request, response) => {
        response.writeHead(200, { "Content-Type": "text/plain" });
        response.write("a");
        response.end("b");
      }));
      app.get("/empty", changing((request, response) => response.status(204).end()));
    }, async ({ get, jar }) => {
      for (const [path, status] of [["/redirect", 302], ["/file", 200], ["/head", 200], ["/empty", 204]]) {
        jar.cookie = null;
        const answer = await get(path);
        assert.deepEqual([path, answer.status, answer.cookies.length], [path, status, 1]);
        assert.match((await client.sessions.resolve(jar.cookie)).data.own.at, new RegExp(`^${path}`));
      }
      assert.match((await get("/file")).text, /carry the cookie/);
      assert.equal((await get("/head")).text, "ab");
    }));

    test("mounted twice it is one; beside another session it says so", async () => {
      const app = express().set("env", "test").use(session({ client }), session({ client }));
      app.get("/", (request, response) => {
        request.session.n = 1;
        response.json({});
      });
      const { get, close } = await visit(app);
      assert.equal((await get("/").finally(close)).cookies.length, 1);

      const other = express().set("env", "test");
      other.use(expressSession({ secret: "x", resave: false, saveUninitialized: false }), session({ client }));
      const second = await visit(other);
      const { status, text } = await second.get("/").finally(second.close);
      assert.equal(status, 500);
      assert.match(text, /in place of express-session/);
    });

    test("compression before or after it", async () => {
      for (const order of [["compression", "session"], ["session", "compression"]]) {
        const app = express();
        const parts = { compression: compression({ threshold: 0 }), session: session({ client }) };
        for (const name of order) app.use(parts[name]);
        app.get("/", (request, response) => {
          request.session.a = Math.random();
          response.json({ text: "x".repeat(5000) });
        });
        const { get, jar, close } = await visit(app);
        try {
          const { json, headers, cookies } = await get("/", { "Accept-Encoding": "gzip" });
          assert.deepEqual([json?.text.length, headers.get("content-encoding"), cookies.length], [5000, "gzip", 1]);
          assert.equal(typeof (await client.sessions.resolve(jar.cookie)).data.own.a, "number");
        } finally {
          close();
        }
      }
    });

    test("names that Express keeps for itself are left as another language wrote them", withApp(counter, async ({ get, jar }) => {
      await get("/count");
      const theirs = { cookie: { a: 1 }, shared: "s", save: 1, id: "x", constructor: "c" };
      await client.sessions.save(jar.cookie, { own: theirs });
      assert.equal((await get("/count")).json.n, 2);
      assert.deepEqual((await client.sessions.resolve(jar.cookie)).data.own, { ...theirs, n: 2 });
    }));

    test("a session that cannot be written as JSON is an error, and the old one stays", withApp((app) => {
      counter(app);
      app.get("/circle", (request, response) => {
        request.session.circle = request.session;
        response.json({ fine: true });
      });
      app.get("/list", (request, response) => {
        request.session.shared = [1];
        response.json({ fine: true });
      });
    }, async ({ get }) => {
      await get("/count");
      for (const path of ["/circle", "/list"]) assert.equal((await get(path)).status, 500);
      assert.deepEqual((await get("/data")).json, { n: 1 });
    }));

    test("login: a user, a token, what the visitor had and did; remember outlives the browser", withApp((app) => {
      counter(app);
      app.get("/login", promised(async (request, response) => {
        request.session.unsaved = true;
        await request.countersign.login({ username: "ann", password, remember: request.query.remember === "1" });
        response.json({ user: request.user.username, who: (await request.countersign.request("GET", "/")).user.username });
      }));
    }, async ({ get }) => {
      await get("/count");
      const { json, cookies } = await get("/login");
      assert.deepEqual(json, { user: "ann", who: "ann" });
      assert.doesNotMatch(cookies[0], /Max-Age|Expires/);
      assert.deepEqual((await get("/data")).json, { n: 1, unsaved: true });
      assert.match((await get("/login?remember=1")).cookies[0], /; Max-Age=\d{7,}/);
    }));

    test("a fault before the application is 503 with Retry-After, also when nobody handles it", async () => {
      const app = express().set("env", "test").use(session({ client }));
      app.get("/", (request, response) => response.json(request.session));
      app.get("/write", (request, response) => {
        request.session.n = Math.random();
        response.json({});
      });
      const { get, jar, close } = await visit(app);
      try {
        await get("/write");
        const before = jar.cookie;
        service.network.away = true;
        for (const path of ["/", "/write"]) {
          const { status, headers, cookies } = await get(path);
          assert.deepEqual([status, headers.get("retry-after"), cookies], [503, "1", []]);
        }
        service.network.away = false;
        assert.equal(jar.cookie, before);
        assert.equal(typeof (await get("/")).json.n, "number");
      } finally {
        service.network.away = false;
        close();
      }
    });

    test("a new id is told even when the save after it fails", withApp((app) => {
      counter(app);
      app.get("/cycle", promised(async (request, response) => {
        await request.countersign.cycle();
        request.session.late = 1;
        service.network.away = true;
        response.json({});
      }));
    }, async ({ get, jar }) => {
      await get("/count");
      const old = jar.cookie;
      try {
        assert.equal((await get("/cycle")).status, 503);
      } finally {
        service.network.away = false;
      }
      assert.notEqual(jar.cookie, old);
      assert.deepEqual((await get("/data")).json, { n: 1 });
    }));

    test("a consumer that may not is our fault, not the visitor's", async () => {
      const app = express().set("env", "test").use(session({ url: service.url, ...service.consumer("poor", ["authenticate"]) }));
      app.get("/", (request, response) => response.json({}));
      const { get, jar, close } = await visit(app);
      jar.cookie = "A".repeat(43);
      const { status } = await get("/").finally(close);
      assert.equal(status, 503);
    });
  });
}

describe("the store", { skip }, () => {
  const call = (store, name, ...words) => new Promise((resolve, reject) => {
    store[name](...words, (error, value) => (error ? reject(error) : resolve(value)));
  });

  test("is one of express-session's", () => {
    const store = new CountersignStore(client);
    assert.ok(store instanceof expressSession.Store);
    for (const name of ["get", "set", "destroy", "touch", "length", "load", "regenerate", "createSession"]) {
      assert.equal(typeof store[name], "function", name);
    }
    for (const name of ["all", "clear"]) assert.equal(store[name], undefined, name);
  });

  test("get, set, touch, destroy", async () => {
    const store = new CountersignStore(client);
    const { sessionid } = await client.sessions.create({ data: { own: { a: 1, b: { c: 2 } }, shared: { s: 1 } } });
    const loaded = await call(store, "get", sessionid);
    assert.deepEqual([loaded.a, loaded.b, loaded.shared], [1, { c: 2 }, { s: 1 }]);
    assert.ok(loaded.cookie.expires instanceof Date);
    // Somebody else writes meanwhile; only our changes go out.
    await client.sessions.save(sessionid, { own: { theirs: 1 }, shared: { theirs: 1 } });
    delete loaded.a;
    loaded.b.c = 3;
    loaded.shared.s = 2;
    await call(store, "set", sessionid, loaded);
    const { data } = await client.sessions.resolve(sessionid);
    assert.deepEqual(data, { own: { b: { c: 3 }, theirs: 1 }, shared: { s: 2, theirs: 1 } });
    // One that was not loaded here is the whole session; what is shared is not its business.
    await call(store, "set", sessionid, { cookie: {}, only: true });
    const again = (await client.sessions.resolve(sessionid)).data;
    assert.deepEqual(again, { own: { only: true }, shared: { s: 2, theirs: 1 } });
    await call(store, "touch", sessionid, loaded);
    await call(store, "destroy", sessionid);
    await call(store, "destroy", sessionid);
    assert.equal(await call(store, "get", sessionid), null);
  });

  test("begins no session, and does not bring one back", async () => {
    const store = new CountersignStore(client);
    const made = "B".repeat(43);
    await assert.rejects(call(store, "set", made, { cookie: {}, a: 1 }), { code: "not_found" });
    await assert.rejects(call(store, "touch", made, {}), { code: "not_found" });
    assert.equal(await call(store, "get", made), null);
  });

  test("tells a fault from an absent session", async () => {
    const store = new CountersignStore(client);
    const { sessionid } = await client.sessions.create();
    service.network.away = true;
    try {
      for (const [name, ...words] of [["get"], ["set", { cookie: {}, a: 1 }], ["touch", {}], ["destroy"]]) {
        await assert.rejects(call(store, name, sessionid, ...words), Unavailable, name);
      }
    } finally {
      service.network.away = false;
    }
    assert.ok(await call(store, "get", sessionid));
  });

  test("length is what the service counts", async () => {
    const watcher = new Client({ url: service.url, ...service.consumer("watcher", ["stats.read"]) });
    assert.ok((await call(new CountersignStore(watcher), "length")) > 0);
    await assert.rejects(call(new CountersignStore(client), "length"), { code: "forbidden" });
    watcher.close();
  });
});
