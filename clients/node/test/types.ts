// Compiled and not run: the declarations say what the code does.

import express from "express";
import countersign, { Client, CountersignStore, InvalidCredentials, session } from "countersign/express";
import { authorization, Unavailable } from "countersign";

const client = new Client({ url: "http://127.0.0.1:8000", key: "k", secret: "s", timeout: 1000 });
const store = new CountersignStore(client);
store.get("id", (error, found) => void [error, found?.shared]);
const header: string = authorization({ method: "GET", url: "http://h/", key: "k", secret: "s" });

const app = express();
app.use(session({ client }));
app.use(countersign.session({ cookie: "sessionid", secure: "auto" }));
app.post("/", async (request, response) => {
  request.session.shared.language = "de";
  await request.session.save();
  request.session.regenerate((error) => void error);
  const name: string | undefined = request.user?.username;
  try {
    const user = await request.countersign.login({ username: "ann", password: "x", remember: true });
    await request.countersign.save({ version: true });
    response.json([user.id, name, header, request.countersign.version]);
  } catch (error) {
    if (error instanceof InvalidCredentials) response.status(error.status).json(error.code);
    else if (error instanceof Unavailable) response.status(503).json(error.retryAfter);
    else throw error;
  }
});

// @ts-expect-error -- there is no such option
session({ colour: "teal" });
// @ts-expect-error -- a password is wanted
client.authenticate({ username: "ann" });
