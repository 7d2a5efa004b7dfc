// The vectors are those that the service itself is held to.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { authorization, baseString } from "../src/sign.js";

const vectors = JSON.parse(readFileSync(new URL("../../../shared/tests/vectors/oauth1.json", import.meta.url)));
const isForm = ({ content_type: type }) => type?.startsWith("application/x-www-form-urlencoded") ?? false;
const oauthOf = ({ params }) => Object.fromEntries(params.filter(([name]) => name.startsWith("oauth_")));
const inHeader = (vector) => vector.oauth_location === "header" && vector.base_string && !isForm(vector);

test("base strings are those of every other library", () => {
  const some = vectors.requests.filter(inHeader);
  assert.ok(some.length > 30, `only ${some.length} vectors`);
  for (const vector of some) {
    assert.equal(baseString(vector.method, vector.url, oauthOf(vector)), vector.base_string, vector.name);
  }
});

test("signatures are those of every other library", () => {
  const ours = ["oauth_consumer_key", "oauth_nonce", "oauth_signature_method", "oauth_timestamp", "oauth_version"];
  const can = [...ours, "oauth_token", "oauth_body_hash"];
  const some = vectors.requests.filter((vector) => {
    const names = Object.keys(oauthOf(vector));
    const hash = oauthOf(vector).oauth_body_hash;
    const kind = vector.signature_method === "HMAC-SHA256" && (hash === undefined || hash.length === 44);
    return kind && inHeader(vector) && ours.every((n) => names.includes(n)) && names.every((n) => can.includes(n));
  });
  assert.ok(some.length >= 4, `only ${some.length} vectors`);
  for (const vector of some) {
    const oauth = oauthOf(vector);
    const header = authorization({
      method: vector.method,
      url: vector.url,
      body: vector.body ?? undefined,
      key: oauth.oauth_consumer_key,
      secret: vector.consumer_secret,
      token: oauth.oauth_token,
      tokenSecret: vector.token_secret,
      timestamp: oauth.oauth_timestamp,
      nonce: oauth.oauth_nonce,
    });
    const signature = decodeURIComponent(/oauth_signature="([^"]*)"/.exec(header)[1]);
    assert.equal(signature, vector.signature, vector.name);
  }
});

test("queries are normalised and percent-encoded as everywhere", () => {
  for (const { query, normalized } of vectors.normalization) {
    assert.equal(decodeURIComponent(baseString("GET", `http://h/?${query}`, {}).split("&")[2]), normalized);
  }
  for (const { input, encoded } of vectors.percent_encoding) {
    const text = decodeURIComponent(baseString("GET", "http://h/", { n: input }).split("&")[2]);
    assert.equal(text, `n=${encoded}`);
  }
});

test("no two requests are signed alike", () => {
  const request = { method: "GET", url: "http://h/", key: "k", secret: "s" };
  const nonces = Array.from({ length: 1000 }, () => /oauth_nonce="([^"]*)"/.exec(authorization(request))[1]);
  assert.equal(new Set(nonces).size, 1000);
});
