<?php

/** An application that calls session_start() by itself. */

declare(strict_types=1);

$native = '$session = Session::register(); session_start();';

check('a session is made by the service, and kept', function () use ($site, $seen, $native) {
    $browser = new Browser($site);
    $answer = $browser->visit("$native \$_SESSION['a'] = 1; \$session->shared['b'] = ['c' => 'é'];");
    $cookie = $answer->cookie('sessionid');
    contains('path=/; HttpOnly; SameSite=Lax', $cookie);
    same(false, str_contains(strtolower($cookie), 'secure') || str_contains(strtolower($cookie), 'max-age'));
    same(['own' => ['a' => 1], 'shared' => ['b' => ['c' => 'é']]], $seen($browser->cookies['sessionid'])['data']);
    $answer = $browser->visit("$native echo json_encode([\$_SESSION, \$session->shared, \$session->version()]);");
    same('[{"a":1},{"b":{"c":"\u00e9"}},2]', $answer->body);
    same(null, $answer->cookie('sessionid'));
});

check('only what has changed is sent, into arrays too', function () use ($site, $seen, $native) {
    $browser = new Browser($site);
    $browser->visit("$native \$_SESSION = ['cart' => ['tea' => 1, 'milk' => 2, 'tags' => ['x', 'y']], 'n' => 1, 'gone' => true];");
    $slow = $browser->ask($site->page("$native unset(\$_SESSION['gone']); \$_SESSION['cart']['tea'] = 5; "
        . 'unset($_SESSION["cart"]["tags"][0]); touch(__FILE__ . ".loaded"); usleep(400000);'));
    while (glob("$site->folder/*.loaded") === []) {
        usleep(10_000);
    }
    $browser->visit("$native \$_SESSION['cart']['milk'] = 9; \$_SESSION['n'] = null; \$_SESSION['new'] = ['a' => ['b' => null, 'c' => 1]];");
    $browser->answer($slow);
    same(['cart' => ['milk' => 9, 'tags' => ['1' => 'y'], 'tea' => 5], 'new' => ['a' => ['c' => 1]]],
        $seen($browser->cookies['sessionid'])['data']['own']);
});

check('nothing is sent when nothing has changed', function () use ($site, $native) {
    $browser = new Browser($site);
    $values = "['f' => 1.0, 'g' => 0.1, 'i' => PHP_INT_MAX, 'e' => [], 'l' => [1, [2, ['x' => []]]], 's' => \"a\\u{1F600}\", 'b' => false, 7 => 8]";
    $browser->visit("$native \$_SESSION = $values; \$session->shared = $values;");
    for ($n = 0; $n < 2; $n++) {
        $answer = $browser->visit("$native echo json_encode([\$_SESSION == $values, \$session->version()]);");
        same('[true,2]', $answer->body);
    }
});

check('what others have put in stays as it is', function () use ($site, $shop, $seen, $native) {
    $browser = new Browser($site);
    $data = '{"own": {"o": {}, "deep": {"list": [{}, []], "0": {"0": "x"}, "nul": null}, "n": 1, "big": 18446744073709551615}}';
    $made = $shop->request('POST', '/sessions', ['data' => json_decode($data)]);
    $browser->cookies['sessionid'] = $made['sessionid'];
    same(200, $browser->visit("$native \$_SESSION['deep']['list'][] = 1; \$_SESSION['deep'][0][1] = 'y'; \$_SESSION['n']++;")->status);
    $got = $shop->send('POST', '/sessions/resolve', ['sessionid' => $made['sessionid']]);
    $own = json_decode($got)->data->own;
    same('{"0":{"0":"x","1":"y"},"list":[{},[],1]}', json_encode(array_filter((array) $own->deep, fn($item) => $item !== null)));
    same(['{}', 2], [json_encode($own->o), $own->n]);
});

check('a list may take the place of an object, and an object that is emptied stays one', function () use ($site, $shop, $native) {
    $browser = new Browser($site);
    $made = $shop->request('POST', '/sessions', ['data' => json_decode('{"own": {"a": {"x": 1}, "b": {}, "c": {"x": 1}, "d": [1]}}')]);
    $browser->cookies['sessionid'] = $made['sessionid'];
    $browser->visit("$native \$_SESSION['a'] = [1, 2]; \$_SESSION['b'][] = 1; unset(\$_SESSION['c']['x'], \$_SESSION['d'][0]);");
    $got = json_decode($shop->send('POST', '/sessions/resolve', ['sessionid' => $made['sessionid']]));
    same('{"a":[1,2],"b":[1],"c":{},"d":[]}', json_encode($got->data->own));
});

check('an unknown id is never adopted', function () use ($site, $seen, $native) {
    foreach ([str_repeat('A', 43), 'short', 'a b%00', '../../etc', str_repeat('x', 3000)] as $planted) {
        $browser = new Browser($site);
        $browser->cookies['sessionid'] = $planted;
        $answer = $browser->visit("$native \$_SESSION['a'] = 1;");
        same(200, $answer->status);
        same(false, $planted === $browser->cookies['sessionid']);
        same(['a' => 1], $seen($browser->cookies['sessionid'])['data']['own']);
        same(null, $seen($planted === '' ? 'x' : $planted));
    }
    $browser = new Browser($site);
    same(200, $browser->visit("$native \$_SESSION['a'] = 1;", 'Cookie: sessionid[]=x')->status);
});

foreach (['true', 'false'] as $delete) {
    check("session_regenerate_id($delete) cycles", function () use ($site, $seen, $native, $delete) {
        $browser = new Browser($site);
        $browser->visit("$native \$_SESSION['a'] = 1;");
        $old = $browser->cookies['sessionid'];
        $before = $seen($old);
        $answer = $browser->visit("$native \$_SESSION['b'] = 2; session_regenerate_id($delete); \$_SESSION['c'] = 3;");
        same([200, true], [$answer->status, $old !== $browser->cookies['sessionid']]);
        same(null, $seen($old));
        $after = $seen($browser->cookies['sessionid']);
        same([['a' => 1, 'b' => 2, 'c' => 3], $before['id']], [$after['data']['own'], $after['id']]);
    });
}

check('session_destroy() ends it, and what comes next is new', function () use ($site, $seen, $native, $blog) {
    $browser = new Browser($site);
    $browser->visit("$native \$_SESSION['a'] = 1; \$session->shared['s'] = 1;");
    $old = $browser->cookies['sessionid'];
    same(true, $seen($old, $blog) !== null);
    $browser->visit("$native session_destroy(); session_start(); \$_SESSION['b'] = 2;");
    same([null, null], [$seen($old), $seen($old, $blog)]);
    same(['own' => ['b' => 2], 'shared' => []], $seen($browser->cookies['sessionid'])['data']);
});

check('a session that was ended meanwhile does not come back', function () use ($site, $seen, $native, $shop) {
    $browser = new Browser($site);
    $browser->visit("$native \$_SESSION['a'] = 1;");
    $old = $browser->cookies['sessionid'];
    $end = "Client::fromEnvironment()->request('POST', '/sessions/end', ['sessionid' => session_id()]);";
    $answer = $browser->visit("$native \$_SESSION['b'] = 1; $end try { session_write_close(); } "
        . 'catch (Countersign\SessionEnded) { echo "ended"; }');
    same(['ended', null, null], [$answer->body, $answer->cookie('sessionid'), $seen($old)]);
});

check('what JSON cannot say is refused with its place, and nothing is lost', function () use ($site, $seen, $native) {
    $browser = new Browser($site);
    $browser->visit("$native \$_SESSION['a'] = 1; \$_SESSION['cart'] = [];");
    foreach ([
        'new ArrayObject([1])' => '$_SESSION[cart][0] is a ArrayObject',
        'new DateTime()' => '$_SESSION[cart][0] is a DateTime',
        'Kind::A' => '$_SESSION[cart][0] is a Kind',
        'NAN' => 'no finite number',
        '"\xff"' => 'not UTF-8',
        '["\xff" => 1]' => 'not UTF-8',
        '["\0x" => 1]' => 'NUL',
    ] as $value => $words) {
        $answer = $browser->visit("enum Kind { case A; } $native \$_SESSION['b'] = 2; \$_SESSION['cart'][] = $value; "
            . 'try { session_write_close(); } catch (InvalidArgumentException $e) { echo $e->getMessage(); }');
        contains($words, $answer->body);
        same(['a' => 1, 'cart' => []], $seen($browser->cookies['sessionid'])['data']['own']);
    }
    $answer = $browser->visit("$native \$_SESSION['x'] = []; \$_SESSION['x']['x'] = &\$_SESSION['x']; "
        . 'try { session_write_close(); } catch (InvalidArgumentException $e) { echo $e->getMessage(); }');
    contains('nested too deeply', $answer->body);
});

check('a save may insist on a version', function () use ($site, $seen, $native) {
    $browser = new Browser($site);
    $browser->visit("$native \$_SESSION['a'] = 1;");
    $save = 'try { $session->save(); echo "saved"; } catch (Problem $e) { echo $e->word, json_encode($_SESSION); }';
    $answer = $browser->visit("$native \$session->expect(1); \$_SESSION['a'] = 2; $save");
    same('precondition_failed{"a":1}', $answer->body);
    $answer = $browser->visit("$native \$session->expect(\$session->version()); \$_SESSION['a'] = 3; $save");
    same(['saved', ['a' => 3]], [$answer->body, $seen($browser->cookies['sessionid'])['data']['own']]);
});

check('read_and_close, session_abort and session_reset do what they say', function () use ($site, $seen) {
    $browser = new Browser($site);
    $browser->visit('Session::register(); session_start(); $_SESSION["a"] = 1;');
    $browser->visit('Session::register(); session_start(["read_and_close" => true]); $_SESSION["a"] = 2;');
    $browser->visit('Session::register(); session_start(); $_SESSION["a"] = 3; session_abort();');
    $answer = $browser->visit('Session::register(); session_start(); $_SESSION["a"] = 4; session_reset(); echo $_SESSION["a"];');
    same(['1', ['a' => 1]], [$answer->body, $seen($browser->cookies['sessionid'])['data']['own']]);
});

check('a session that is started again in one request is looked at again', function () use ($site, $native) {
    $browser = new Browser($site);
    $browser->visit("$native \$_SESSION['a'] = 1;");
    $answer = $browser->visit("$native \$id = session_id(); session_write_close(); Client::fromEnvironment()->request('POST', "
        . "'/sessions/save', ['sessionid' => \$id, 'patch' => ['own' => ['a' => 2]]]); session_start(); echo \$_SESSION['a'];");
    same('2', $answer->body);
});

foreach ([...$bad, 'away'] as $fault) {
    check("a fault ($fault) is an exception, and the cookie stays", function () use ($site, $well, $fault) {
        $client = $fault === 'away' ? "new Client('http://127.0.0.1:" . Site::freePort() . "', 'key', 'secret')" : $well($fault);
        $code = "\$session = Session::register($client); try { session_start(); echo 'went on'; } catch (Unavailable) { echo 'away'; }";
        foreach ([str_repeat('A', 43), null] as $cookie) {
            $browser = new Browser($site);
            $cookie === null || $browser->cookies['sessionid'] = $cookie;
            if ($cookie === null) {
                $code = str_replace('catch (Unavailable)', 'catch (Error)', $code); // PHP's own, with ours inside
            }
            $answer = $browser->visit($code);
            same(['away', null], [$answer->body, $answer->cookie('sessionid')]);
        }
    });
}

check('settings that would adopt ids are refused', function () use ($site) {
    $browser = new Browser($site);
    foreach (['use_strict_mode', 'serialize_handler'] as $setting) {
        $answer = $browser->visit("Session::register(); ini_set('session.$setting', '$setting' === 'serialize_handler' ? 'php' : '0');"
            . 'try { session_start(); } catch (Throwable $e) { echo $e->getMessage(); }');
        contains("session.$setting must be", $answer->body);
    }
});

check('a hundred writes at once lose nothing', function () use ($site, $seen, $native) {
    $browser = new Browser($site);
    $browser->visit("$native \$_SESSION['first'] = 1;");
    $page = $site->page("$native \$_SESSION['k' . \$_GET['n']] = 1; \$_SESSION['all'][\$_GET['n']] = 1;");
    $asked = [];
    for ($n = 0; $n < 100; $n++) {
        $asked[] = $browser->ask("$page?n=x$n");
    }
    array_map(fn($connection) => same(200, $browser->answer($connection)->status), $asked);
    $own = $seen($browser->cookies['sessionid'])['data']['own'];
    same([102, 100], [count($own), count($own['all'])]);
});
