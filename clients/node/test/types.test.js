import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

test("the declarations compile, and refuse what is wrong", () => {
  const root = fileURLToPath(new URL("..", import.meta.url));
  const flags = ["--noEmit", "--strict", "--module", "nodenext", "--target", "es2022", "--types", "node"];
  const done = spawnSync(process.execPath, ["node_modules/typescript/bin/tsc", ...flags, "test/types.ts"], {
    cwd: root,
    encoding: "utf8",
  });
  assert.equal(done.status, 0, done.stdout);
});

test("what is declared is there", async () => {
  const { readFileSync } = await import("node:fs");
  for (const name of ["index", "express"]) {
    const text = readFileSync(new URL(`../types/${name}.d.ts`, import.meta.url), "utf8");
    const declared = [...text.matchAll(/^export (?:class|function) (\w+)/gm)].map(([, one]) => one);
    const there = Object.keys(await import(`../src/${name}.js`));
    for (const one of declared) assert.ok(there.includes(one), `${name}: ${one} is declared and not there`);
    const all = name === "index" ? there : there.filter((one) => /session|Session|Store/.test(one));
    for (const one of all) assert.ok(declared.includes(one), `${name}: ${one} is there and not declared`);
  }
});
