// The page of the dashboard.

const escapes = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;" };
const text = (value) => String(value).replace(/[&<>"']/g, (character) => escapes[character]);

export const page = ({ user, colours, colour, note }) => `<!doctype html>
<html lang="en" data-colour="${text(colour)}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Dashboard · Fourways</title>
<link rel="icon" href="/style/mark.svg" type="image/svg+xml">
<link rel="stylesheet" href="/style/site.css">
</head>
<body>
<header>
<a class="brand" href="/">Fourways</a>
<nav aria-label="Services">
<a href="/">Home</a>
<a href="/blog/">Blog</a>
<a href="/dashboard/" aria-current="page">Dashboard</a>
<a href="/shop/">Shop</a>
</nav>
<div class="who">${user
  ? `<a href="/accounts/">${text(user.username)}</a>
<form method="post" action="/dashboard/logout"><button>Log out</button></form>`
  : `<a class="button" href="/accounts/login?next=%2Fdashboard%2F">Log in</a>`}</div>
</header>
<main>
<p class="language">Node, Express</p>
<h1>The dashboard</h1>
<p class="lead">${user
  ? `Hello, <b>${text(user.name ?? user.username)}</b>. You logged in once, and the dashboard knows you.`
  : "You are a stranger here. What you choose is kept all the same, and comes along when you log in."}</p>
<form class="card" method="post">
<fieldset>
<legend>The colour of the site</legend>
<p class="hint">Shared: every service sees it.</p>
<div class="colours">
${colours.map((name) => `<label class="${name}"><input type="radio" name="colour" value="${name}"${name === colour ? " checked" : ""}>${name}</label>`).join("\n")}
</div>
</fieldset>
<div>
<label for="note">A note</label>
<p class="hint" id="about-note">The dashboard's own: no other service sees it.</p>
<input type="text" id="note" name="note" maxlength="200" value="${text(note)}" aria-describedby="about-note">
</div>
<div><button class="main">Save</button></div>
</form>
</main>
</body>
</html>
`;
