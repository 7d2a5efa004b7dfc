<?php

/** Session::start(): a page that leaves everything to it. */

declare(strict_types=1);

$start = '$session = Session::start();';

check('a visitor who writes nothing costs nothing', function () use ($site, $well) {
    $browser = new Browser($site);
    $away = "new Client('http://127.0.0.1:" . Site::freePort() . "', 'key', 'secret')";
    $code = "\$session = Session::start($away); unset(\$_SESSION['x']); \$session->cycle(); \$session->logout(); "
        . 'echo json_encode([$_SESSION, $session->shared, $session->user(), $session->version()]);';
    foreach ([null, 'malformed'] as $cookie) {
        $cookie === null || $browser->cookies['sessionid'] = $cookie;
        $answer = $browser->visit($code);
        same([200, '[[],[],null,null]'], [$answer->status, $answer->body]);
        same($cookie !== null, $answer->cookie('sessionid') !== null); // logging out removes what is there
    }
});

check('the first write makes the session, in any namespace, however late', function () use ($site, $seen, $start) {
    foreach (['own' => '$_SESSION["a"] = 1;', 'shared' => '$session->shared["a"] = 1;'] as $namespace => $write) {
        $browser = new Browser($site);
        $answer = $browser->visit("$start echo str_repeat('x', 100000); $write");
        same(100000, strlen($answer->body));
        contains('path=/; HttpOnly; SameSite=Lax', $answer->cookie('sessionid'));
        same([$namespace => ['a' => 1]], array_filter($seen($browser->cookies['sessionid'])['data']));
        same('1', $browser->visit("$start $write echo \$session->version();")->body);
    }
});

check('a redirect leaves when the session is saved', function () use ($site, $seen, $start) {
    $browser = new Browser($site);
    $answer = $browser->visit("$start \$_SESSION['a'] = 1; header('Location: /next'); exit;");
    same([302, '/next'], [$answer->status, $answer->headers['location'][0]]);
    same(['a' => 1], $seen($browser->cookies['sessionid'])['data']['own']);
});

check('a page that flushes is saved first', function () use ($site, $seen, $start) {
    $browser = new Browser($site);
    $answer = $browser->visit("$start \$_SESSION['a'] = 1; echo 'one '; ob_flush(); \$_SESSION['b'] = 2; echo 'two';");
    same('one two', $answer->body);
    same(['a' => 1, 'b' => 2], $seen($browser->cookies['sessionid'])['data']['own']);
});

check('a page that streams is not held in memory', function () use ($site, $seen, $start) {
    $browser = new Browser($site);
    $stream = 'ini_set("memory_limit", "32M"); for ($n = 0; $n < 40; $n++) { echo str_repeat("x", 1 << 20); }';
    $answer = $browser->visit("$start \$_SESSION['a'] = 1; \$session->save(); ob_end_flush(); $stream \$_SESSION['b'] = 2;");
    same([40 << 20, ['a' => 1, 'b' => 2]], [strlen($answer->body), $seen($browser->cookies['sessionid'])['data']['own']]);
    same(40 << 20, strlen($browser->visit("$start $stream")->body));
});

check('a page that was sent before its first write says so', function () use ($site, $start) {
    $browser = new Browser($site);
    $answer = $browser->visit("$start echo 'one '; ob_flush(); flush(); try { \$_SESSION['a'] = 1; \$session->save(); } "
        . 'catch (LogicException $e) { echo $e->getMessage(); }');
    contains('too late for a cookie', $answer->body);
    same([], $browser->cookies);
});

check('output buffers of the page stay its own', function () use ($site, $seen, $start) {
    $browser = new Browser($site);
    $answer = $browser->visit("$start ob_start(); echo 'a'; \$_SESSION['a'] = ob_get_clean(); echo 'b'; ob_clean(); echo 'c';");
    same(['c', ['a' => 'a']], [$answer->body, $seen($browser->cookies['sessionid'])['data']['own']]);
});

check('logs in and out', function () use ($site, $seen, $start, $blog) {
    $browser = new Browser($site);
    $browser->visit("$start \$_SESSION['cart'] = [1]; \$session->shared['theme'] = 'dark';");
    $visitor = $browser->cookies['sessionid'];
    $login = fn(string $more = '') => "$start \$user = \$session->login('ann', getenv('PASSWORD')$more);";

    $wrong = $browser->visit("$start try { \$session->login('ann', 'wrong'); } catch (Countersign\InvalidCredentials) { echo 'no'; }");
    same(['no', null], [$wrong->body, $wrong->cookie('sessionid')]);
    foreach (['"ann\xff", getenv("PASSWORD")', '"ann", "\xff"'] as $bytes) {
        same('no', $browser->visit("$start try { \$session->login($bytes); } catch (Countersign\InvalidCredentials) { echo 'no'; }")->body);
    }
    same(true, $seen($visitor) !== null);

    $browser->cookies['device'] = '%ff';
    $answer = $browser->visit($login() . ' $_SESSION["seen"] = $user["username"]; echo json_encode([$_SESSION, $session->shared]);');
    same('[{"cart":[1],"seen":"ann"},{"theme":"dark"}]', $answer->body);
    same(null, $seen($visitor));
    $ann = $browser->cookies['sessionid'];
    same(['ann', ['cart' => [1], 'seen' => 'ann'], ['theme' => 'dark']],
        [$seen($ann)['user']['username'], $seen($ann)['data']['own'], $seen($ann, $blog)['data']['shared']]);
    contains('HttpOnly; SameSite=Lax', $answer->cookie('device'));
    contains('path=/', $answer->cookie('device'));

    $answer = $browser->visit("$start echo \$session->user()['username'], \$session->asUser()->request('GET', '/')['user']['username'];");
    same('annann', $answer->body);

    // Somebody else at the same browser.
    $answer = $browser->visit("$start \$session->login('bob', getenv('PASSWORD'), remember: true); "
        . 'echo json_encode([$_SESSION, $session->shared, $session->user()["username"]]);');
    same('[[],[],"bob"]', $answer->body);
    contains('Max-Age=34560000', $answer->cookie('sessionid'));
    $bob = $browser->cookies['sessionid'];
    same([[], []], array_values($seen($bob)['data']));

    $answer = $browser->visit("$start \$session->logout(); echo json_encode([\$_SESSION, \$session->user()]);");
    same('[[],null]', $answer->body);
    same([null, null, false], [$seen($bob), $seen($bob, $blog), isset($browser->cookies['sessionid'])]);
    $browser->cookies['sessionid'] = $bob;
    same('null', $browser->visit("$start echo json_encode(\$session->user());")->body);
});

check('a login cycles on, and a word of farewell finds a new session', function () use ($site, $seen, $start) {
    $browser = new Browser($site);
    $browser->visit("$start \$session->login('ann', getenv('PASSWORD'));");
    $before = $browser->cookies['sessionid'];
    $browser->visit("$start \$session->cycle(); \$_SESSION['a'] = 1;");
    $after = $browser->cookies['sessionid'];
    same([null, 'ann', ['a' => 1]], [$seen($before), $seen($after)['user']['username'], $seen($after)['data']['own']]);
    $browser->visit("$start \$session->logout(); \$_SESSION['flash'] = 'Goodbye';");
    same([null, ['flash' => 'Goodbye']], [$seen($after), $seen($browser->cookies['sessionid'])['data']['own']]);
    $answer = $browser->visit("$start try { \$session->asUser(); } catch (LogicException \$e) { echo 'nobody'; }");
    same('nobody', $answer->body);
});

foreach ([...$bad, 'away'] as $fault) {
    check("a fault ($fault) is a 503, and the cookie stays", function () use ($site, $well, $fault) {
        $client = $fault === 'away' ? "new Client('http://127.0.0.1:" . Site::freePort() . "', 'key', 'secret')" : $well($fault);
        $browser = new Browser($site);
        $browser->cookies['sessionid'] = str_repeat('A', 43);
        $answer = $browser->visit("Session::start($client); echo 'went on';");
        same([503, null], [$answer->status, $answer->cookie('sessionid')]);
        contains('Please try again in a moment.', $answer->body);
        same(false, str_contains($answer->body, 'went on'));
        same($fault === 'unavailable' || $fault === 'internal' ? ['7'] : null, $answer->headers['retry-after'] ?? null);

        // A visitor who writes: the page is thrown away, its headers too.
        $browser = new Browser($site);
        $answer = $browser->visit("Session::start($client); header('Location: /next'); echo 'went on'; \$_SESSION['a'] = 1;");
        same([503, null, null], [$answer->status, $answer->cookie('sessionid'), $answer->headers['location'][0] ?? null]);
        same(false, str_contains($answer->body, 'went on'));
    });
}

check('a service that does not know us is a fault', function () use ($site) {
    $browser = new Browser($site);
    $browser->cookies['sessionid'] = str_repeat('A', 43);
    $answer = $browser->visit("Session::start(new Client(getenv('COUNTERSIGN_URL'), getenv('COUNTERSIGN_CONSUMER_KEY'), 'no'));");
    same([503, null], [$answer->status, $answer->cookie('sessionid')]);
});

check('a page whose session cannot be saved is thrown away', function () use ($site, $seen, $start) {
    $browser = new Browser($site);
    $browser->visit("$start \$_SESSION['a'] = 1;");
    $end = "Client::fromEnvironment()->request('POST', '/sessions/end', ['sessionid' => session_id()]);";
    foreach ([
        413 => '$_SESSION["b"] = str_repeat("x", 70000);',
        500 => '$_SESSION["b"] = new ArrayObject();',
        409 => "\$_SESSION['b'] = 1; $end",
    ] as $status => $code) {
        $answer = $browser->visit("$start header('Location: /next'); echo 'went on'; $code");
        same([$status, null, null], [$answer->status, $answer->headers['location'][0] ?? null, $answer->cookie('sessionid')]);
        same(false, str_contains($answer->body, 'went on'));
        if ($status !== 409) {
            same(['a' => 1], $seen($browser->cookies['sessionid'])['data']['own']);
        }
    }
});

check('the page for a fault may be one\'s own', function () use ($site, $well) {
    $browser = new Browser($site);
    $browser->cookies['sessionid'] = str_repeat('A', 43);
    $answer = $browser->visit("Session::start({$well('cut')}, faultPage: fn(Throwable \$e) => 'Tea break: ' . get_class(\$e));");
    same([503, 'Tea break: Countersign\Unavailable'], [$answer->status, $answer->body]);
});

check('the cookie is Secure but for http on this machine', function () use ($site, $start) {
    foreach ([
        ['Host: localhost:1', false],
        ['Host: [::1]:1', false],
        ['Host: example.com', true],
        ['Host: 127.0.0.1.example.com', true],
        ['X-Forwarded-Proto: https', true],
        ['X-Forwarded-For: 203.0.113.7', true],
    ] as [$header, $secure]) {
        $answer = (new Browser($site))->visit("$start \$_SESSION['a'] = 1;", $header);
        same($secure, str_contains($answer->cookie('sessionid'), '; secure'), $header);
    }
    $answer = (new Browser($site))->visit("\$session = Session::start(secure: true); \$_SESSION['a'] = 1;");
    contains('; secure', $answer->cookie('sessionid'));
});

check('{} and [] are told apart by who asks for it', function () use ($site, $shop) {
    $browser = new Browser($site);
    $objects = '$session = Session::start(objects: true);';
    $browser->visit("$objects \$_SESSION['o'] = new stdClass(); \$_SESSION['l'] = []; \$_SESSION['d'] = (object) ['x' => new stdClass()];");
    $browser->visit("$objects \$_SESSION['d']->y = \$_SESSION['o']; \$_SESSION['o2'] = \$_SESSION['o'];");
    $got = json_decode($shop->send('POST', '/sessions/resolve', ['sessionid' => $browser->cookies['sessionid']]));
    same('{"d":{"x":{},"y":{}},"l":[],"o":{},"o2":{}}', json_encode($got->data->own));
});

check('there is no warning in the log', function () use ($site) {
    same([], preg_grep('/PHP (Warning|Notice|Deprecated)/', explode("\n", $site->log())) ?: []);
});
