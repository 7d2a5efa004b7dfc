// The difference of two JSON objects as a merge patch (RFC 7396): null removes, objects merge, all else replaces.

const isObject = (value) => value !== null && typeof value === "object" && !Array.isArray(value);

/**
 * The value as it will be when it comes back: what JSON cannot say is gone, and so are the nulls that a merge patch
 * cannot say. Inside lists nulls stay. Undefined for what is not there.
 */
export function normalise(value) {
  const text = JSON.stringify(value);
  return text === undefined ? undefined : withoutNulls(JSON.parse(text));
}

function withoutNulls(value) {
  if (value === null) return undefined;
  if (!isObject(value)) return value;
  const out = Object.create(null); // "__proto__" is a key like any other
  for (const [key, inner] of Object.entries(value)) {
    const kept = withoutNulls(inner);
    if (kept !== undefined) out[key] = kept;
  }
  return out;
}

/** What has to be sent to get from `before` to `after`, two normalised objects; undefined when nothing has to be. */
export function difference(before, after) {
  const patch = Object.create(null);
  let changed = false;
  for (const key of Object.keys(before)) {
    if (!Object.hasOwn(after, key)) {
      patch[key] = null;
      changed = true;
    }
  }
  for (const [key, value] of Object.entries(after)) {
    const old = Object.hasOwn(before, key) ? before[key] : undefined;
    if (isObject(old) && isObject(value)) {
      const inner = difference(old, value);
      if (inner === undefined) continue;
      patch[key] = inner;
    } else if (old !== undefined && same(old, value)) {
      continue;
    } else {
      patch[key] = value;
    }
    changed = true;
  }
  return changed ? patch : undefined;
}

function same(a, b) {
  if (a === b) return true;
  if (Array.isArray(a) && Array.isArray(b)) return a.length === b.length && a.every((item, i) => same(item, b[i]));
  if (!isObject(a) || !isObject(b)) return false;
  const keys = Object.keys(a);
  return keys.length === Object.keys(b).length && keys.every((key) => Object.hasOwn(b, key) && same(a[key], b[key]));
}

/** A copy of `target` with the patch applied. */
export function apply(target, patch) {
  const out = Object.assign(Object.create(null), target);
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) delete out[key];
    else if (isObject(value)) out[key] = apply(isObject(out[key]) ? out[key] : {}, value);
    else out[key] = value;
  }
  return out;
}
