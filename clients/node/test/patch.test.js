import assert from "node:assert/strict";
import { test } from "node:test";
import { apply, difference, normalise } from "../src/patch.js";

const plain = (value) => (value === undefined ? undefined : JSON.parse(JSON.stringify(value)));

test("only what differs is said", () => {
  const cases = [
    [{ a: 1 }, { a: 1 }, undefined],
    [{ a: 1 }, { a: 2, b: 3 }, { a: 2, b: 3 }],
    [{ a: 1, b: 2 }, { b: 2 }, { a: null }],
    [{ a: { b: 1, c: 2 } }, { a: { c: 3 } }, { a: { b: null, c: 3 } }],
    [{ a: { b: 1, c: 2 } }, { a: { c: 2, b: 1 } }, undefined],
    [{ a: { b: 1 } }, { a: {} }, { a: { b: null } }],
    [{ a: [1, { b: 2 }] }, { a: [1, { b: 2 }] }, undefined],
    [{ a: [1] }, { a: [1, 2] }, { a: [1, 2] }],
    [{ a: [1] }, { a: { 0: 1 } }, { a: { 0: 1 } }],
    [{ a: 0 }, { a: false }, { a: false }],
    [{}, { a: "" }, { a: "" }],
  ];
  for (const [before, after, patch] of cases) {
    assert.deepEqual(plain(difference(normalise(before), normalise(after))), patch, JSON.stringify([before, after]));
  }
});

test("a value is normalised to what will come back", () => {
  const when = new Date(0);
  const value = { a: null, b: undefined, c: () => 1, d: { e: null, f: [null, { g: null }] }, h: when, i: NaN };
  assert.deepEqual(plain(normalise(value)), { d: { f: [null, { g: null }] }, h: when.toISOString() });
  assert.equal(normalise(undefined), undefined);
  assert.throws(() => normalise({ n: 1n }), TypeError);
});

test("__proto__ is a key like any other, and reaches nothing else", () => {
  const evil = normalise(JSON.parse('{"__proto__": {"polluted": 1}, "a": {"__proto__": {"polluted": 1}}}'));
  const patch = difference(normalise({ a: {} }), evil);
  assert.deepEqual(JSON.parse(JSON.stringify(patch)), JSON.parse(JSON.stringify(evil)));
  apply({}, patch);
  assert.equal({}.polluted, undefined);
});

// A small generator with a seed, so that a failure can be repeated.
function random(seed) {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

function value(pick, depth) {
  const kind = pick(depth > 0 ? 8 : 6);
  if (kind < 6) return [null, true, 0, "x", pick(3), `é${pick(3)}`][kind];
  const inner = Array.from({ length: pick(4) }, () => value(pick, depth - 1));
  return kind === 6 ? inner : Object.fromEntries(inner.map((one) => ["abcd"[pick(4)], one]));
}

const object = (pick) => ({ a: value(pick, 3), b: value(pick, 3), c: value(pick, 3) });

test("the difference leads from one to the other, and patches of different keys do not meet", () => {
  for (let seed = 1; seed <= 3000; seed += 1) {
    const pick = random(seed);
    const before = normalise(object(pick));
    const after = normalise(object(pick));
    const patch = difference(before, after);
    assert.deepEqual(plain(apply(before, patch ?? {})), plain(after), `seed ${seed}`);
    assert.equal(difference(after, normalise(plain(after))), undefined, `seed ${seed}`);

    const mine = { ...before, mine: value(pick, 2) };
    const theirs = { ...before, theirs: value(pick, 2) };
    const both = apply(apply(before, difference(before, normalise(mine)) ?? {}), difference(before, normalise(theirs)) ?? {});
    assert.deepEqual(plain(both), plain(normalise({ ...mine, theirs: theirs.theirs })), `seed ${seed}`);
  }
});
