// A real service in a folder of its own, and a proxy in front of it that can be taken away.

import { spawn, spawnSync } from "node:child_process";
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from "node:fs";
import net from "node:net";
import { once } from "node:events";
import { tmpdir } from "node:os";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

export const executable = process.env.COUNTERSIGN;

// A proxy for bytes. While `away`, connections are cut; `requests` counts what went through.
async function proxy() {
  const sockets = new Set();
  const state = { away: false, requests: [], target: null };
  const server = net.createServer((client) => {
    sockets.add(client);
    const upstream = state.away ? null : net.connect(state.target, "127.0.0.1");
    const cut = () => {
      sockets.delete(client);
      client.destroy();
      upstream?.destroy();
    };
    for (const socket of [client, upstream]) socket?.on("error", cut).on("close", cut);
    if (!upstream) return cut();
    client.on("data", (chunk) => {
      if (state.away) return cut();
      const line = /^(GET|POST|PUT|PATCH|DELETE) (\S+) HTTP/.exec(chunk.toString("latin1"));
      if (line) state.requests.push(`${line[1]} ${line[2]}`);
      upstream.write(chunk);
    });
    upstream.on("data", (chunk) => client.write(chunk));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const close = () => {
    server.close();
    for (const socket of sockets) socket.destroy();
  };
  return Object.assign(state, { url: `http://127.0.0.1:${server.address().port}`, close });
}

async function freePort() {
  const probe = net.createServer().listen(0, "127.0.0.1");
  await once(probe, "listening");
  const { port } = probe.address();
  probe.close();
  await once(probe, "close");
  return port;
}

/** Starts it; `{url, direct, consumer, user, operator, network, stop}`. `url` leads through the proxy. */
export async function startService() {
  const folder = mkdtempSync(path.join(tmpdir(), "countersign-node-"));
  const dir = path.join(folder, "var");
  const network = await proxy();
  network.target = await freePort();
  const direct = `http://127.0.0.1:${network.target}`;
  const env = {
    ...process.env,
    COUNTERSIGN__DATA_SERVICE__PUBLIC_URLS: `${direct},${network.url}`,
    COUNTERSIGN__PASSWORDS__MEMORY_KIB: "1024",
    COUNTERSIGN__PASSWORDS__PASSES: "1",
  };
  const listen = ["--data-service", `127.0.0.1:${network.target}`, "--frontend", "127.0.0.1:0", "--json-ready", "3"];
  // Files, for what Node calls a pipe is a socket, which cannot be opened by its number.
  const [log, ready] = ["log", "ready"].map((name) => path.join(folder, name));
  const [out, done] = [log, ready].map((name) => openSync(name, "w"));
  const child = spawn(executable, ["up", "--dir", dir, ...listen], { env, stdio: ["ignore", out, out, done] });
  for (const file of [out, done]) closeSync(file);
  const exited = once(child, "exit");
  for (let waited = 0; !readFileSync(ready, "utf8").endsWith("\n"); waited += 50) {
    if (child.exitCode !== null || waited > 60_000) throw new Error(`it did not come up: ${readFileSync(log, "utf8")}`);
    await sleep(50);
  }

  const operator = (words, input) => {
    const done = spawnSync(executable, [...words, "--dir", dir], { env, input, encoding: "utf8", timeout: 120_000 });
    if (done.status !== 0) throw new Error(`countersign ${words.join(" ")}: ${done.stderr}`);
    return done.stdout;
  };
  return {
    url: network.url,
    direct,
    network,
    operator,
    consumer(service, access = ["authenticate", "sessions.#", "users.me.#", "tokens.me.#"]) {
      const words = access.flatMap((word) => ["--access", word]);
      return JSON.parse(operator(["consumer", "add", "--service", service, ...words, "--json"]));
    },
    user(username, password) {
      operator(["user", "add", username, "--password-stdin"], `${password}\n`);
      return { username, password };
    },
    async stop() {
      child.kill("SIGTERM");
      await exited;
      network.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
