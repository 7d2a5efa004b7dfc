<?php

/** The application of tests/conformance: its routes, with Countersign.php. */

declare(strict_types=1);

use Countersign\Client;
use Countersign\Problem;
use Countersign\Session;

require __DIR__ . '/../Countersign.php';

/** @return never */
function answer(mixed $body, int $status = 200): void
{
    http_response_code($status);
    header('Content-Type: application/json');
    echo json_encode($body, JSON_THROW_ON_ERROR | JSON_PRESERVE_ZERO_FRACTION);
    exit;
}

function person(?array $user): ?array
{
    return $user === null ? null : ['id' => $user['id'], 'username' => $user['username']];
}

$path = parse_url($_SERVER['REQUEST_URI'], PHP_URL_PATH);
if ($path === '/') {
    answer(new stdClass());
}

$client = Client::fromEnvironment();
// {} and [] are told apart here, which arrays would not.
$session = Session::start($client, objects: true);
$in = (array) json_decode(file_get_contents('php://input'));

try {
    switch ("$_SERVER[REQUEST_METHOD] $path") {
        case 'GET /read':
            $data = ($_GET['namespace'] ?? 'own') === 'shared' ? $session->shared : $_SESSION;
            $found = array_key_exists($_GET['key'], $data);
            answer(['found' => $found, 'value' => $data[$_GET['key']] ?? null, 'version' => $session->version()]);

        case 'POST /write':
            usleep(1000 * ($in['pause'] ?? 0));
            if (isset($in['version'])) {
                $session->expect($in['version']);
            }
            if (($in['namespace'] ?? 'own') === 'shared') {
                $session->shared[$in['key']] = $in['value'];
            } else {
                $_SESSION[$in['key']] = $in['value'];
            }
            $session->save();
            answer(new stdClass());

        case 'POST /delete':
            if (($in['namespace'] ?? 'own') === 'shared') {
                unset($session->shared[$in['key']]);
            } else {
                unset($_SESSION[$in['key']]);
            }
            answer(new stdClass());

        case 'POST /cycle':
            $session->cycle();
            answer(new stdClass());

        case 'POST /login':
            $user = $session->login($in['username'], $in['password'], remember: $in['remember'] ?? false);
            answer(['user' => person($user)]);

        case 'POST /logout':
            $session->logout();
            answer(new stdClass());

        case 'GET /whoami':
            answer(['user' => person($session->user())]);

        case 'GET /service':
            answer(($session->user() === null ? $client : $session->asUser())->request('GET', '/'));
    }
    answer(['code' => 'not_found'], 404);
} catch (Problem $problem) {
    answer(['code' => $problem->word], $problem->status >= 400 && $problem->status < 500 ? $problem->status : 503);
}
