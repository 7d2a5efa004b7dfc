// The application of tests/conformance/README.md, in Express.

import { setTimeout as sleep } from "node:timers/promises";
import { session } from "../src/express.js";

const { default: express } = await import(process.env.EXPRESS ?? "express");
const app = express();
app.use(session({ timeout: 1000 * Number(process.env.COUNTERSIGN_TIMEOUT ?? 5) }));
app.use(express.json({ limit: "1mb" }));

const place = (request, name) => (name === "shared" ? request.session.shared : request.session);

// Express 4 does not look at promises.
const route = (work) => (request, response, next) => work(request, response).catch(next);

app.get("/", (request, response) => response.json({}));

app.get("/read", (request, response) => {
  const { key, namespace } = request.query;
  const data = place(request, namespace);
  const found = Object.hasOwn(data, key);
  response.json({ found, value: found ? data[key] : null, version: request.countersign.version });
});

app.post("/write", route(async (request, response) => {
  const { key, value, namespace, pause, version } = request.body;
  if (pause) await sleep(pause);
  place(request, namespace)[key] = value;
  if (version !== undefined) await request.countersign.save({ version });
  response.json({});
}));

app.post("/delete", (request, response) => {
  const { key, namespace } = request.body;
  delete place(request, namespace)[key];
  response.json({});
});

app.post("/cycle", route(async (request, response) => {
  await request.countersign.cycle();
  response.json({});
}));

app.post("/login", route(async (request, response) => {
  const { username, password, remember } = request.body;
  const { id, username: name } = await request.countersign.login({ username, password, remember });
  response.json({ user: { id, username: name } });
}));

app.post("/logout", route(async (request, response) => {
  await request.countersign.logout();
  response.json({});
}));

app.get("/whoami", (request, response) => {
  response.json({ user: request.user && { id: request.user.id, username: request.user.username } });
});

app.get("/service", route(async (request, response) => {
  response.json(await request.countersign.request("GET", "/"));
}));

// eslint-disable-next-line no-unused-vars -- four parameters make it a handler of errors
app.use((error, request, response, next) => {
  if (!error.status || error.status >= 500) console.error(error.status ? String(error) : error);
  response.status(error.status ?? 500).set(error.headers ?? {}).json({ code: error.code ?? "internal" });
});

const server = app.listen(Number(process.env.PORT), "127.0.0.1");
process.on("SIGTERM", () => {
  server.close();
  server.closeAllConnections();
});
