<?php

/** The signed client. */

declare(strict_types=1);

use Countersign\Client;
use Countersign\Forbidden;
use Countersign\InvalidCredentials;
use Countersign\NotFound;
use Countersign\Unavailable;

check('the example of RFC 5849, section 3.4.1.1', function () {
    $base = Client::baseString('post', 'HTTP://EXAMPLE.com:80/request?b5=%3D%253D&a3=a&c%40=&a2=r%20b&c2&a3=2+q', [
        'oauth_consumer_key' => '9djdj82h48djs9d2', 'oauth_token' => 'kkk9d7dh3k39sjv7',
        'oauth_signature_method' => 'HMAC-SHA1', 'oauth_timestamp' => '137131201', 'oauth_nonce' => '7d8f3e4a',
    ]);
    same('POST&http%3A%2F%2Fexample.com%2Frequest&a2%3Dr%2520b%26a3%3D2%2520q%26a3%3Da%26b5%3D%253D%25253D%26c%2540%3D%26c2%3D'
        . '%26oauth_consumer_key%3D9djdj82h48djs9d2%26oauth_nonce%3D7d8f3e4a%26oauth_signature_method%3DHMAC-SHA1'
        . '%26oauth_timestamp%3D137131201%26oauth_token%3Dkkk9d7dh3k39sjv7', $base);
});

foreach ([
    ['GET', '/echo', null, 0],
    ['GET', '/echo/a%20b/%C3%A9?x=1&y=a+b&y=%C3%A9&z=%F0%9F%98%80&e=&a%5B%5D=-._~%21%2A%27%28%29', null, 6],
    ['DELETE', '/echo/x?limit=10', null, 1],
    ['POST', '/echo', ['text' => "é€😀 & = + %\n", 'n' => [1, 2.5]], 0],
    ['POST', '/echo', [], 0],
    ['PUT', '/echo', ['deep' => ['er' => null]], 0],
    ['PATCH', '/echo?a=b', 'text', 1],
] as [$method, $path, $body, $parameters]) {
    check("signs $method $path " . json_encode($body), function () use ($shop, $method, $path, $body, $parameters) {
        $answer = $shop->request($method, $path, $body);
        same([$method, $parameters, 'HMAC-SHA256', $body === null ? null : 'sha256'],
            [$answer['method'], $answer['parameters'], $answer['signature_method'], $answer['body_hash']]);
        same($body === null ? 0 : ($body === [] ? 2 : strlen(Countersign\Json::encode($body))), $answer['body_bytes']);
    });
}

check('signs as a user', function () use ($shop) {
    $login = $shop->request('POST', '/authenticate', ['username' => 'ann', 'password' => getenv('PASSWORD')]);
    $ann = $shop->withToken($login['token'], $login['secret']);
    same('ann', $ann->request('GET', '/')['user']['username']);
    [$version, $name] = [$login['user']['version'], 'Ann É. ' . bin2hex(random_bytes(4))];
    $match = ['If-Match' => "\"$version\""];
    $user = $ann->request('PATCH', '/users/me', ['name' => $name], $match);
    same([$name, $version + 1], [$user['name'], $user['version']]);
    same(412, problem(fn() => $ann->request('PATCH', '/users/me', ['name' => 'x'], $match))->status);
    same(null, $ann->request('DELETE', '/users/me/sessions/' . $ann->request('GET', '/users/me/sessions')['items'][0]['id']));
});

check('problems are exceptions by their word', function () use ($shop) {
    $wrong = problem(fn() => $shop->request('POST', '/authenticate', ['username' => 'ann', 'password' => 'no']));
    same([InvalidCredentials::class, 'invalid_credentials', 401], [get_class($wrong), $wrong->word, $wrong->status]);
    $none = problem(fn() => $shop->request('POST', '/sessions/resolve', ['sessionid' => str_repeat('a', 43)]));
    same([NotFound::class, 'not_found', 404], [get_class($none), $none->word, $none->status]);
    $may = problem(fn() => $shop->request('GET', '/consumers'));
    same([Forbidden::class, 'consumers.read'], [get_class($may), $may->fields['access']]);
    $stranger = new Client(getenv('COUNTERSIGN_URL'), getenv('COUNTERSIGN_CONSUMER_KEY'), 'wrong');
    same('signature_invalid', problem(fn() => $stranger->request('GET', '/'))->word);
});

foreach ($bad as $fault) {
    check("a service that is not well ($fault) is unavailable", function () use ($faults, $fault) {
        $client = new Client("http://127.0.0.1:$faults/$fault", 'key', 'secret', timeout: 0.5);
        // An answer that is JSON is for the caller to understand.
        if ($fault === 'stranger') {
            same(['hello' => 'world'], $client->request('POST', '/sessions/resolve', []));
            return;
        }
        $problem = problem(fn() => $client->request('POST', '/sessions/resolve', ['sessionid' => 'x']));
        same(Unavailable::class, get_class($problem));
        same(in_array($fault, ['unavailable', 'internal']) ? 7 : null, $problem->retryAfter);
    });
}

check('a service that is not there is unavailable', function () {
    $client = new Client('http://127.0.0.1:' . Site::freePort(), 'key', 'secret');
    same(Unavailable::class, get_class(problem(fn() => $client->request('GET', '/'))));
});

check('no proxy of the environment is asked', function () use ($shop) {
    putenv('http_proxy=http://127.0.0.1:1');
    putenv('no_proxy=');
    $shop->request('GET', '/echo');
    putenv('http_proxy');
});

check('a client shows no secret, and is not stored', function () use ($shop) {
    $client = $shop->withToken('token', 'token secret');
    $shown = print_r($client, true);
    contains('token', $shown);
    same(false, str_contains($shown, 'token secret') || str_contains($shown, getenv('COUNTERSIGN_CONSUMER_SECRET')));
    try {
        serialize($client);
    } catch (LogicException) {
        return;
    }
    throw new RuntimeException('it was stored');
});

check('what is no service is refused at once', function () {
    foreach (['localhost:8000', 'http://', 'http://x/?a', 'ftp://x', 'http://me@x'] as $url) {
        try {
            new Client($url, 'key', 'secret');
        } catch (InvalidArgumentException) {
            continue;
        }
        throw new RuntimeException("$url is good enough");
    }
});
