<?php

/** The shop of the site: one page of PHP. */

declare(strict_types=1);

use Countersign\Session;

require __DIR__ . '/../../../clients/php/Countersign.php';

const COLOURS = ['teal', 'plum', 'rust', 'moss', 'sea'];

$path = parse_url($_SERVER['REQUEST_URI'], PHP_URL_PATH);
if (!in_array($path, ['/shop/', '/shop/logout'], true)) {
    http_response_code(404);
    exit('There is nothing at this address.');
}

// COUNTERSIGN_URL, COUNTERSIGN_CONSUMER_KEY and COUNTERSIGN_CONSUMER_SECRET say the rest.
$session = Session::start(secure: getenv('SITE_HTTPS') === '1');

if ($_SERVER['REQUEST_METHOD'] === 'POST') {
    if ($path === '/shop/logout') {
        $session->logout(); // everywhere
    } else {
        if (in_array($_POST['colour'] ?? null, COLOURS, true)) {
            $session->shared['colour'] = $_POST['colour']; // every service sees it
        }
        if (is_string($_POST['note'] ?? null) && preg_match('/^.{0,200}/us', $_POST['note'], $found)) {
            $_SESSION['note'] = $found[0]; // this one alone
        }
    }
    header('Location: /shop/', true, 303);
    exit;
}

header('Cache-Control: no-store');
$user = $session->user();
$colour = $session->shared['colour'] ?? COLOURS[0];
$note = $_SESSION['note'] ?? '';
$text = fn(string $value): string => htmlspecialchars($value, ENT_QUOTES);
?>
<!doctype html>
<html lang="en" data-colour="<?= $text($colour) ?>">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Shop · Fourways</title>
<link rel="icon" href="/style/mark.svg" type="image/svg+xml">
<link rel="stylesheet" href="/style/site.css">
</head>
<body>
<header>
<a class="brand" href="/">Fourways</a>
<nav aria-label="Services">
<a href="/">Home</a>
<a href="/blog/">Blog</a>
<a href="/dashboard/">Dashboard</a>
<a href="/shop/" aria-current="page">Shop</a>
</nav>
<div class="who">
<?php if ($user): ?>
<a href="/accounts/"><?= $text($user['username']) ?></a>
<form method="post" action="/shop/logout"><button>Log out</button></form>
<?php else: ?>
<a class="button" href="/accounts/login?next=%2Fshop%2F">Log in</a>
<?php endif ?>
</div>
</header>
<main>
<p class="language">PHP</p>
<h1>The shop</h1>
<?php if ($user): ?>
<p class="lead">Hello, <b><?= $text($user['name'] ?? $user['username']) ?></b>. You logged in once, and the shop knows you.</p>
<?php else: ?>
<p class="lead">You are a stranger here. What you choose is kept all the same, and comes along when you log in.</p>
<?php endif ?>
<form class="card" method="post">
<fieldset>
<legend>The colour of the site</legend>
<p class="hint">Shared: every service sees it.</p>
<div class="colours">
<?php foreach (COLOURS as $name): ?>
<label class="<?= $name ?>"><input type="radio" name="colour" value="<?= $name ?>"<?= $name === $colour ? ' checked' : '' ?>><?= $name ?></label>
<?php endforeach ?>
</div>
</fieldset>
<div>
<label for="note">A note</label>
<p class="hint" id="about-note">The shop's own: no other service sees it.</p>
<input type="text" id="note" name="note" maxlength="200" value="<?= $text($note) ?>" aria-describedby="about-note">
</div>
<div><button class="main">Save</button></div>
</form>
</main>
</body>
</html>
