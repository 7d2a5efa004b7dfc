// The dashboard of the site, in Express.
import express from "express";
import { session } from "countersign/express";
import { page } from "./page.mjs";

const COLOURS = ["teal", "plum", "rust", "moss", "sea"];

const app = express();
app.set("trust proxy", "loopback");
app.disable("x-powered-by");

const site = express.Router();
app.use("/dashboard", site);
// COUNTERSIGN_URL, COUNTERSIGN_CONSUMER_KEY and COUNTERSIGN_CONSUMER_SECRET say the rest.
site.use(session({ secure: process.env.SITE_HTTPS === "1" }));
site.use(express.urlencoded({ extended: false }));

site.get("/", (request, response) => {
  const { user, session } = request;
  response.set("Cache-Control", "no-store");
  response.send(page({ user, colours: COLOURS, colour: session.shared.colour ?? COLOURS[0], note: session.note ?? "" }));
});

site.post("/", (request, response) => {
  const { colour, note } = request.body;
  if (COLOURS.includes(colour)) request.session.shared.colour = colour; // every service sees it
  if (typeof note === "string") request.session.note = [...note].slice(0, 200).join(""); // this one alone
  response.redirect(303, "/dashboard/");
});

site.post("/logout", async (request, response) => {
  await request.countersign.logout(); // everywhere
  response.redirect(303, "/dashboard/");
});

const server = app.listen(Number(process.env.PORT), "127.0.0.1");
process.on("SIGTERM", () => {
  server.close();
  server.closeIdleConnections();
});
