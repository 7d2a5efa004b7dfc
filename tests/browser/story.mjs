// The story of the pages: from the one-time link to a logout, told by a browser.
//
//   node story.mjs with-javascript|without-javascript
//
// Wants COUNTERSIGN_FRONTEND, COUNTERSIGN_SETUP_LINK and CHROMIUM; ./run sets them.
import { chromium } from 'playwright-core';
import { close, complaints, look, ok, same } from './checks.mjs';

const story = process.argv[2];
const { COUNTERSIGN_FRONTEND, COUNTERSIGN_SETUP_LINK: link, CHROMIUM: executablePath } = process.env;
const home = `${COUNTERSIGN_FRONTEND.replace(/\/$/, '')}/`;
const login = `${home}login`;
const name = 'ada';
const password = 'correct horse battery staple';
const javaScriptEnabled = story === 'with-javascript';

const browser = await chromium.launch({ executablePath, args: ['--no-sandbox'] });

/** A browser of its own, with its own cookies, and what it complains about. */
async function visitor() {
  const context = await browser.newContext({ javaScriptEnabled, locale: 'en-GB' });
  const page = await context.newPage();
  page.setDefaultTimeout(20_000);
  return { context, page, complained: complaints(page) };
}

/** Sends the main form of a page; answers the status of what came. */
async function send(page) {
  const [answer] = await Promise.all([page.waitForNavigation(), page.click('main button.main')]);
  return answer.status();
}

/** Logs in with the keys alone: the first field has the focus when the page opens. */
async function logInByKeys(page, secret = password) {
  await page.goto(login);
  // The browser gives the focus when it paints, which is a little later than the page is there.
  await page.locator('#username:focus').waitFor();
  await page.keyboard.type(name);
  await page.keyboard.press('Tab');
  await page.keyboard.type(secret);
  const [answer] = await Promise.all([page.waitForNavigation(), page.keyboard.press('Enter')]);
  return answer.status();
}

/** Presses a button by the keys. */
async function pressEnter(page, button) {
  await button.focus();
  await Promise.all([page.waitForNavigation(), page.keyboard.press('Enter')]);
}

async function text(page, selector) {
  return (await page.textContent(selector)).trim();
}

async function sessionCookie(context) {
  return (await context.cookies()).find((cookie) => cookie.name === 'sessionid');
}

async function theLinkMakesAnAdministrator({ page }) {
  const answer = await page.goto(link);
  same('the link opens a form', answer.status(), 200);
  await look(page, 'setup', story);
  await page.fill('#username', 'a b');
  await page.fill('#password', password);
  same('a name that is none is refused', await send(page), 422);
  ok('and the field says why', (await text(page, '#username-hint')).startsWith('1 to 64'));
  await look(page, 'setup with a mistake', story);
  await page.fill('#username', name);
  await page.fill('#email', 'ada@example.com');
  await page.fill('#password', password);
  same('the administrator is made', await send(page), 200);
  ok('and sent to the login', page.url().startsWith(login), page.url());
  ok('which says so', (await text(page, '[role=status]')).includes('administrator'));
  await look(page, 'login after setup', story);
}

async function theLinkWorksOnce({ page }) {
  await page.goto(link);
  await page.fill('#username', 'eve');
  await page.fill('#password', password);
  same('the link works once', await send(page), 410);
  ok('and the page says how to get another', (await text(page, 'main')).includes('countersign up'));
  await look(page, 'link used up', story);
}

async function aWrongPasswordIsRefused({ context, page }) {
  same('a wrong password is refused', await logInByKeys(page, 'wrong'), 401);
  ok('in one sentence', /^[^.]+\. [^.]+\.$/.test(await text(page, '[role=alert]')), await text(page, '[role=alert]'));
  same('the name is kept', await page.inputValue('#username'), name);
  same('the password is not', await page.inputValue('#password'), '');
  same('there is no session', await sessionCookie(context), undefined);
  await look(page, 'login refused', story);
}

async function theAccountPageShowsWhoAndWhere({ context, page }) {
  await page.goto(home);
  ok('a visitor is sent to the login', page.url().startsWith(`${login}?next=`), page.url());
  await look(page, 'login', story);
  same('the keys alone log in', await logInByKeys(page), 200);
  same('and lead to the account page', page.url(), home);
  same('which greets', await text(page, 'h1'), `Hello, ${name}`);
  ok('and knows the address', (await text(page, 'dl')).includes('ada@example.com'));
  same('and lists this login', await page.locator('.badge').first().textContent(), 'this page');
  await look(page, 'account', story);
  const cookie = await sessionCookie(context);
  const { httpOnly, sameSite, path, expires } = cookie;
  const wanted = { httpOnly: true, sameSite: 'Lax', path: '/', expires: -1 };
  same('the cookie is careful', JSON.stringify({ httpOnly, sameSite, path, expires }), JSON.stringify(wanted));
}

async function anotherAccessCanBeEnded({ page }) {
  const other = await visitor();
  await logInByKeys(other.page);
  await page.goto(home);
  const buttons = page.locator('section[aria-labelledby=places] button');
  same('the access of another login is listed', await buttons.count(), 1);
  await pressEnter(page, buttons.first());
  same('and can be ended', await text(page, '[role=status]'), 'That access has been ended.');
  same('and is gone', await buttons.count(), 0);
  await look(page, 'account after ending', story);
  await other.context.close();
}

async function otherLoginsCanBeEnded({ page }) {
  const others = [await visitor(), await visitor()];
  for (const other of others) await logInByKeys(other.page);
  await page.goto(home);
  const ends = page.locator('section[aria-labelledby=logins] li button');
  const before = await ends.count();
  ok('other logins are listed', before >= 2, before);
  await look(page, 'account with other logins', story);
  await pressEnter(page, ends.first());
  same('one can be ended', await text(page, '[role=status]'), 'That login has been ended.');
  same('and is gone', await ends.count(), before - 1);
  await pressEnter(page, page.getByRole('button', { name: 'End all others' }));
  same('and all at once', await text(page, '[role=status]'), 'All other logins have been ended.');
  same('and are gone', await ends.count(), 0);
  await page.goto(home);
  same('this one goes on', page.url(), home);
  for (const other of others) {
    await other.page.goto(home);
    ok('the others are logged out', other.page.url().startsWith(login), other.page.url());
    await other.context.close();
  }
}

async function aBrowserRemembersIfItIsToldTo() {
  const other = await visitor();
  await other.page.goto(login);
  await other.page.locator('#username:focus').waitFor();
  await other.page.keyboard.type(name);
  await other.page.keyboard.press('Tab');
  await other.page.keyboard.type(password);
  await other.page.keyboard.press('Tab');
  await other.page.keyboard.press('Space');
  ok('the box is ticked by the keys', await other.page.isChecked('#remember'));
  await look(other.page, 'login to be remembered', story);
  same('and the login works', await send(other.page), 200);
  const { expires } = await sessionCookie(other.context);
  ok('the cookie outlives the browser', expires > Date.now() / 1000 + 300 * 86400, expires);
  await other.context.close();
}

async function loggingOutEndsItEverywhere({ context, page }) {
  const copy = await visitor();
  await copy.context.addCookies([await sessionCookie(context)]);
  await copy.page.goto(home);
  same('a copy of the cookie is logged in', copy.page.url(), home);
  await Promise.all([page.waitForNavigation(), page.click('header button')]);
  same('logging out leads to the login', page.url(), login);
  same('the cookie is gone', await sessionCookie(context), undefined);
  await page.goBack();
  ok('going back shows no account', page.url().startsWith(login), page.url());
  await copy.page.goto(home);
  ok('the copy is logged out too', copy.page.url().startsWith(login), copy.page.url());
  same('and its cookie is gone', await sessionCookie(copy.context), undefined);
  await copy.context.close();
}

async function thereAreFriendlyErrors({ page }) {
  same('an unknown page is not found', (await page.goto(`${home}nothing`)).status(), 404);
  await look(page, 'not found', story);
}

const first = await visitor();
for (const chapter of [
  theLinkMakesAnAdministrator,
  theLinkWorksOnce,
  aWrongPasswordIsRefused,
  theAccountPageShowsWhoAndWhere,
  anotherAccessCanBeEnded,
  otherLoginsCanBeEnded,
  aBrowserRemembersIfItIsToldTo,
  loggingOutEndsItEverywhere,
  thereAreFriendlyErrors,
]) {
  try {
    await chapter(first);
  } catch (error) {
    ok(`${chapter.name} is told to its end`, false, error.message.split('\n')[0]);
  }
}
ok('the browser has nothing to complain about', first.complained.length === 0, first.complained.join(' | '));
await browser.close();
process.exitCode = close();
