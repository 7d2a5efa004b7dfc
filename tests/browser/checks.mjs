// What every page must be, in every size and colour: read on a phone, labelled, free of complaints.
import { mkdir, readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import path from 'node:path';

export { chromium } from 'playwright-core';

const sizes = [{ width: 320, height: 640 }, { width: 1280, height: 800 }];
const schemes = ['light', 'dark'];
const axe = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

let passed = 0;
let failed = 0;

/** Notes one result. */
export function ok(name, good, why = '') {
  if (good) passed += 1;
  else failed += 1;
  console.log(`${good ? 'ok' : 'not ok'} ${name}${good || why === '' ? '' : `: ${why}`}`);
}

/** Notes whether two values are the same. */
export function same(name, is, wanted) {
  ok(name, is === wanted, `${JSON.stringify(is)} instead of ${JSON.stringify(wanted)}`);
}

/** The closing line, and the exit code that goes with it. */
export function close() {
  console.log(`${passed} passed, ${failed} failed`);
  return failed === 0 ? 0 : 1;
}

/** Collects what a browser complains about, but for the statuses that the story provokes. */
export function complaints(page) {
  const list = [];
  page.on('console', (message) => {
    const provoked = /^Failed to load resource: .* status of (401|403|404|410|422)/.test(message.text());
    if (['error', 'warning'].includes(message.type()) && !provoked) list.push(message.text());
  });
  page.on('pageerror', (error) => list.push(String(error)));
  page.on('requestfailed', (request) => {
    // Whoever moves on does not wait for the icon.
    const why = request.failure()?.errorText;
    if (why !== 'net::ERR_ABORTED') list.push(`${request.url()}: ${why}`);
  });
  return list;
}

/** Looks at a page in every size and colour, and leaves it as it was. */
export async function look(page, name, story) {
  const frame = await page.evaluate(() => ({
    lang: document.documentElement.lang,
    mains: document.querySelectorAll('main').length,
    headings: document.querySelectorAll('h1').length,
    scripts: document.scripts.length,
    unlabelled: [...document.querySelectorAll('input:not([type=hidden])')].filter((i) => i.labels.length === 0).length,
  }));
  const wanted = { lang: 'en', mains: 1, headings: 1, scripts: 0, unlabelled: 0 };
  same(`${name}: frame and labels`, JSON.stringify(frame), JSON.stringify(wanted));
  for (const size of sizes) {
    for (const colorScheme of schemes) {
      await page.setViewportSize(size);
      await page.emulateMedia({ colorScheme });
      const over = await page.evaluate(() => {
        const { scrollWidth, clientWidth } = document.documentElement;
        return scrollWidth - clientWidth;
      });
      same(`${name}: no scrolling sideways, ${size.width} ${colorScheme}`, over, 0);
      await screenshot(page, `${story}-${name}-${size.width}-${colorScheme}`);
      await accessible(page, `${name}: accessible, ${size.width} ${colorScheme}`, story === 'with-javascript');
    }
  }
}

async function screenshot(page, name) {
  const folder = process.env.SCREENSHOTS;
  if (!folder) return;
  await mkdir(folder, { recursive: true });
  const file = path.join(folder, `${name.replaceAll(/[^a-z0-9]+/gi, '-')}.png`);
  await page.screenshot({ path: file, fullPage: true });
}

async function accessible(page, name, javaScriptEnabled) {
  // axe is a script; what it reads is the same page.
  if (!javaScriptEnabled) return;
  await page.evaluate(axe);
  const { violations } = await page.evaluate(() => globalThis.axe.run(document, { resultTypes: ['violations'] }));
  ok(name, violations.length === 0, violations.map((v) => `${v.id} at ${v.nodes[0].target}`).join(', '));
}
