// Signs requests with Node's OAuth 1.0 libraries and checks what /echo says was verified.
//
// One line per check; what the environment must hold is in tests/clients/run.

import { createHash, createHmac } from "node:crypto";
import { isDeepStrictEqual } from "node:util";
import oauth from "oauth";
import OAuth1a from "oauth-1.0a";

const env = (name) => {
  const value = process.env[`COUNTERSIGN_${name}`];
  if (!value) throw new Error(`COUNTERSIGN_${name} is not set`);
  return value;
};
const credentials = (prefix) => ({
  key: env(`${prefix}CONSUMER_KEY`),
  secret: env(`${prefix}CONSUMER_SECRET`),
  token: env(`${prefix}TOKEN`),
  tokenSecret: env(`${prefix}TOKEN_SECRET`),
});
const alone = (c) => ({ key: c.key, secret: c.secret, token: null, tokenSecret: null });
const url = env("URL").replace(/\/$/, "");
const strict = credentials("");
const lax = credentials("LAX_");

const formType = "application/x-www-form-urlencoded";
const json = JSON.stringify({ text: "é€😀 & = + %", n: [1, 2] });
const form = {
  text: "1 + 1 = 2 & 100%",
  tag: ["z", "é", "a b"],
  ünïcode: "日本語",
  reserved: "-._~!*'(){}|^",
  empty: "",
};
const formCount = 7;
// Oauth-1.0a does not decode names or "+" in a URL; node-oauth renames duplicates to tag[0], tag[1].
const plainQuery = "q=a%20b%2Bc%26d%3De&empty=&u=%C3%A9%E2%82%AC%F0%9F%98%80&r=-._~%21%2A%27%28%29%3B%3A%40%2F%3F%23%5B%5D%25";
const twice = `${plainQuery}&tag=b&tag=a`;
const plusAndNames = `${plainQuery}&plus=a+b&n%C3%A4me=1`;
const queryCount = 6;

let passed = 0;
let failed = 0;

// Sends, and compares the fields of the reply that are named in `expected`.
async function check(name, expected, send) {
  let problem;
  try {
    const { status, text } = await send();
    const reply = JSON.parse(text);
    const seen = Object.fromEntries(Object.keys(expected).map((k) => [k, k === "status" ? status : reply[k]]));
    if (!isDeepStrictEqual(seen, expected)) {
      problem = `got ${JSON.stringify(seen)}, wanted ${JSON.stringify(expected)}: ${text.slice(0, 300)}`;
    }
  } catch (error) {
    problem = String(error);
  }
  if (problem) failed += 1;
  else passed += 1;
  console.log(problem ? `not ok node ${name}: ${problem}` : `ok node ${name}`);
}

// oauth-1.0a: signs only; the body hash is an option, and its hash a function of ours.
function oauth1a(c, algorithm) {
  const signer = new OAuth1a({
    consumer: { key: c.key, secret: c.secret },
    signature_method: `HMAC-${algorithm.toUpperCase()}`,
    hash_function: (base, key) => createHmac(algorithm, key).update(base).digest("base64"),
    body_hash_function: (body) => createHash(algorithm).update(body).digest("base64"),
  });
  const token = c.token ? { key: c.token, secret: c.tokenSecret } : undefined;
  return async (method, path, { form, body } = {}) => {
    const request = { method, url: url + path, data: body ?? { ...form }, includeBodyHash: body !== undefined };
    const headers = { ...signer.toHeader(signer.authorize(request, token)) };
    if (form) headers["Content-Type"] = formType;
    if (body) headers["Content-Type"] = "application/json";
    const content = form ? encoded(form) : body;
    const reply = await fetch(url + path, { method, headers, body: content, signal: AbortSignal.timeout(20_000) });
    return { status: reply.status, text: await reply.text() };
  };
}

// oauth (node-oauth): signs and sends; it knows no body hash.
function nodeOauth(c, algorithm) {
  const client = new oauth.OAuth(null, null, c.key, c.secret, "1.0", null, `HMAC-${algorithm.toUpperCase()}`);
  return (method, path, { form, body } = {}) =>
    new Promise((resolve, reject) => {
      const done = (error, text, response) =>
        response ? resolve({ status: response.statusCode, text }) : reject(new Error(String(error?.message ?? error)));
      if (method === "GET") client.get(url + path, c.token, c.tokenSecret, done);
      else if (form) client.post(url + path, c.token, c.tokenSecret, { ...form }, done);
      else client.post(url + path, c.token, c.tokenSecret, body, "application/json", done);
    });
}

function encoded(form) {
  const pairs = new URLSearchParams();
  for (const [name, value] of Object.entries(form)) {
    for (const one of [value].flat()) pairs.append(name, one);
  }
  return pairs.toString();
}

const echoed = (c, method, algorithm, parameters, bodyHash = null) => ({
  status: 200,
  consumer: c.key,
  token: c.token,
  method,
  parameters,
  signature_method: `HMAC-${algorithm.toUpperCase()}`,
  body_hash: bodyHash,
});

async function suite(name, client, algorithm, query, hashes) {
  const bodyHash = hashes ? algorithm : null;
  const title = `${name} HMAC-${algorithm.toUpperCase()}`;
  for (const [legs, who] of [["two-legged", alone], ["three-legged", (c) => c]]) {
    const c = who(strict);
    const send = client(c, algorithm);
    await check(`${title} ${legs} GET`, { ...echoed(c, "GET", algorithm, queryCount), body_bytes: 0 }, () =>
      send("GET", `/echo/caf%C3%A9/a%20b?${query}`));
    await check(`${title} ${legs} form POST`, echoed(c, "POST", algorithm, formCount + 1), () =>
      send("POST", "/echo/form?page=2", { form }));
    const j = hashes ? c : who(lax);
    const how = hashes ? `with body hash ${bodyHash}` : "without body hash (lax consumer: the library has none)";
    const expected = { ...echoed(j, "POST", algorithm, 1, bodyHash), body_bytes: Buffer.byteLength(json) };
    await check(`${title} ${legs} JSON POST ${how}`, expected, () =>
      client(j, algorithm)("POST", "/echo/json?dry=a%20b", { body: json }));
  }
  const wrong = client({ ...alone(strict), secret: `${strict.secret}x` }, algorithm);
  await check(`${title} wrong secret is refused`, { status: 401, code: "signature_invalid" }, () =>
    wrong("GET", `/echo?${query}`));
}

for (const algorithm of ["sha1", "sha256"]) {
  await suite("oauth-1.0a", oauth1a, algorithm, twice, true);
  await suite("oauth", nodeOauth, algorithm, plusAndNames, false);
}
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed > 0 ? 1 : 0;
