// The story of examples/site: one login, four services in four languages, one logout. Told by a browser.
//
//   node story.mjs
//
// Wants SITE, SETUP_LINK and CHROMIUM; ./run sets them.
import { chromium, close, complaints, look, ok, same } from '../browser/checks.mjs';

const { SITE: site, SETUP_LINK: link, CHROMIUM: executablePath } = process.env;
const name = 'ada';
const password = 'correct horse battery staple';
const services = [
  { title: 'Home', path: '' },
  { title: 'Blog', path: 'blog/' },
  { title: 'Dashboard', path: 'dashboard/' },
  { title: 'Shop', path: 'shop/' },
];
const browser = await chromium.launch({ executablePath, args: ['--no-sandbox'] });

/** A browser of its own, with its own cookies, and what it complains about. */
async function visitor() {
  const context = await browser.newContext({ locale: 'en-GB' });
  const page = await context.newPage();
  page.setDefaultTimeout(60_000);
  return { context, page, complained: complaints(page) };
}

async function press(page, selector) {
  const [answer] = await Promise.all([page.waitForNavigation(), page.click(selector)]);
  return answer;
}

async function visit(page, { title, path }) {
  const answer = await page.goto(site + path);
  same(`${title} answers`, answer.status(), 200);
}

/** What a page shows: who it takes the visitor for, the colour, and the note. */
async function shown(page) {
  return {
    who: (await page.locator('.who a[href="/accounts/"]').allTextContents())[0] ?? null,
    colour: await page.getAttribute('html', 'data-colour'),
    checked: await page.inputValue('input[name=colour]:checked'),
    note: await page.inputValue('#note'),
  };
}

async function sees(page, service, who, colour, note) {
  await visit(page, service);
  same(`${service.title} shows it`, JSON.stringify(await shown(page)), JSON.stringify({ who, colour, checked: colour, note }));
}

async function change(page, colour, note) {
  await page.check(`input[value=${colour}]`);
  await page.fill('#note', note);
  same('a change is saved', (await press(page, 'button.main')).status(), 200);
}

/** From the link of a page to the login form and back. */
async function logIn(page, { title, path }) {
  await press(page, '.who a');
  ok(`${title} leads to the login`, page.url().startsWith(`${site}accounts/login?next=`), page.url());
  await page.fill('#username', name);
  await page.fill('#password', password);
  await press(page, 'main button.main');
  same(`and the login back to ${title}`, page.url(), site + path);
}

async function sessionCookie(context) {
  return (await context.cookies()).find((cookie) => cookie.name === 'sessionid');
}

async function thereIsAnAdministrator({ page }) {
  await page.goto(link);
  await page.fill('#username', name);
  await page.fill('#password', password);
  same('the administrator is made', (await press(page, 'main button.main')).status(), 200);
}

async function aStrangerIsAStrangerInAll({ context, page }) {
  for (const service of services) {
    await sees(page, service, null, 'teal', '');
    same('and is given no session for looking', await sessionCookie(context), undefined);
    await look(page, `${service.title}, stranger`, 'with-javascript');
  }
}

async function aStrangersChoiceIsSeenByAll({ context, page }) {
  await visit(page, services[3]);
  await change(page, 'rust', '<b>"the shop\'s" & é</b>');
  ok('there is a session now', (await sessionCookie(context))?.httpOnly);
  for (const service of services) await sees(page, service, null, 'rust', service.title === 'Shop' ? '<b>"the shop\'s" & é</b>' : '');
}

async function oneLoginIsEnough({ context, page }) {
  const before = await sessionCookie(context);
  await visit(page, services[1]);
  await logIn(page, services[1]);
  const { value, httpOnly, sameSite, path } = await sessionCookie(context);
  ok('the session has a new id', value !== before.value);
  same('its cookie is careful', JSON.stringify({ httpOnly, sameSite, path }), '{"httpOnly":true,"sameSite":"Lax","path":"/"}');
  for (const service of services) {
    await sees(page, service, name, 'rust', service.title === 'Shop' ? '<b>"the shop\'s" & é</b>' : '');
    ok('and greets', (await page.textContent('.lead')).includes(`Hello, ${name}`));
    await look(page, `${service.title}, known`, 'with-javascript');
  }
}

async function eachOneChangesWhatAllSee({ page }) {
  const colours = ['plum', 'moss', 'sea', 'teal'];
  const notes = services.map(() => '');
  notes[3] = '<b>"the shop\'s" & é</b>';
  for (const [index, service] of services.entries()) {
    await visit(page, service);
    notes[index] = `only ${service.title} knows`;
    await change(page, colours[index], notes[index]);
    await look(page, `${service.title}, ${colours[index]}`, 'with-javascript');
    for (const [other, at] of services.entries()) await sees(page, at, name, colours[index], notes[other]);
  }
}

async function theNavigationLeadsThroughAll({ page }) {
  await visit(page, services[0]);
  for (const { title, path } of [...services.slice(1), services[0]]) {
    await press(page, `nav a >> text="${title}"`);
    same(`the link ${title}`, page.url(), site + path);
    same('is where we are', await page.textContent('nav a[aria-current=page]'), title);
  }
}

async function theKeysAreEnough({ page }) {
  await visit(page, services[2]);
  await page.focus('input[name=colour]:checked');
  await page.keyboard.press('ArrowRight');
  await page.keyboard.press('Tab');
  await page.keyboard.type('!');
  await Promise.all([page.waitForNavigation(), page.keyboard.press('Enter')]);
  await sees(page, services[0], name, 'plum', 'only Home knows');
}

async function aLogoutInOneIsOneInAll({ context, page }) {
  for (const [index, service] of services.entries()) {
    const copy = await visitor();
    await copy.context.addCookies([await sessionCookie(context)]);
    await visit(copy.page, services[(index + 1) % services.length]);
    same('a copy of the cookie is known', (await shown(copy.page)).who, name);
    await visit(page, service);
    await press(page, '.who button');
    same(`logging out in ${service.title} stays there`, page.url(), site + service.path);
    same('the cookie is gone', await sessionCookie(context), undefined);
    for (const other of services) {
      await sees(page, other, null, 'teal', '');
      await sees(copy.page, other, null, 'teal', '');
    }
    await copy.page.goto(`${site}accounts/`);
    ok('and in the frontend', copy.page.url().startsWith(`${site}accounts/login`), copy.page.url());
    copy.complained.forEach((complaint) => ok('the copy has nothing to complain about', false, complaint));
    await copy.context.close();
    await visit(page, service);
    await logIn(page, service);
  }
}

async function aLogoutInTheFrontendIsOneInAll({ page }) {
  await page.goto(`${site}accounts/`);
  await press(page, 'header button');
  for (const service of services) await sees(page, service, null, 'teal', '');
}

const first = await visitor();
for (const chapter of [
  thereIsAnAdministrator,
  aStrangerIsAStrangerInAll,
  aStrangersChoiceIsSeenByAll,
  oneLoginIsEnough,
  eachOneChangesWhatAllSee,
  theNavigationLeadsThroughAll,
  theKeysAreEnough,
  aLogoutInOneIsOneInAll,
  aLogoutInTheFrontendIsOneInAll,
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
