<?php

/** Tests clients/php against a real service: tests/php/run starts one. One line per check. */

declare(strict_types=1);

use Countersign\Client;
use Countersign\InvalidCredentials;
use Countersign\NotFound;
use Countersign\Problem;
use Countersign\Unavailable;

require __DIR__ . '/../../clients/php/Countersign.php';
require __DIR__ . '/browser.php';

set_error_handler(fn($level, $message, $file, $line) => (error_reporting() & $level) !== 0
    && throw new ErrorException($message, 0, $level, $file, $line));
error_reporting(E_ALL);

$passed = $failed = 0;
$label = 'php ' . (function_exists('curl_init') ? 'curl' : 'streams');

function check(string $name, callable $body): void
{
    global $passed, $failed, $label;
    try {
        $body();
        $passed++;
        echo "ok $label $name\n";
    } catch (Throwable $e) {
        $failed++;
        echo "not ok $label $name: " . get_class($e) . ": {$e->getMessage()} at " . basename($e->getFile()) . ":{$e->getLine()}\n";
    }
}

function same(mixed $wanted, mixed $got, string $what = 'it'): void
{
    if ($wanted !== $got) {
        throw new RuntimeException("$what is " . json_encode($got) . ', wanted ' . json_encode($wanted) . ' in line '
            . debug_backtrace(DEBUG_BACKTRACE_IGNORE_ARGS)[0]['line']);
    }
}

function contains(string $needle, ?string $hay): void
{
    if (!str_contains((string) $hay, $needle)) {
        throw new RuntimeException("no $needle in " . json_encode($hay));
    }
}

/** The problem that this ends in. */
function problem(callable $body): Problem
{
    try {
        $body();
    } catch (Problem $problem) {
        return $problem;
    }
    throw new RuntimeException('there was no problem');
}

$shop = Client::fromEnvironment();
$blog = new Client(getenv('COUNTERSIGN_URL'), getenv('BLOG_KEY'), getenv('BLOG_SECRET'));
/** What the service has of a session, as another one sees it; null: there is none. */
$seen = function (?string $sessionid, ?Client $by = null) use ($shop): ?array {
    try {
        return ($by ?? $shop)->request('POST', '/sessions/resolve', ['sessionid' => (string) $sessionid]);
    } catch (NotFound) {
        return null;
    }
};

$site = new Site('declare(strict_types=1); use Countersign\{Client, Session, Problem, Unavailable};'
    . 'require ' . var_export(realpath(__DIR__ . '/../../clients/php/Countersign.php'), true) . ';');
$faults = Site::freePort();
$site->run([PHP_BINARY, '-n', __DIR__ . '/faulty.php', (string) $faults], $faults);
$bad = ['unavailable', 'internal', 'proxy404', 'plain404', 'nonsense', 'stranger', 'redirect', 'short', 'cut', 'slow'];
$well = fn(string $fault): string => "new Client('http://127.0.0.1:$faults/$fault', 'key', 'secret', timeout: 0.5)";

require __DIR__ . '/test_client.php';
require __DIR__ . '/test_handler.php';
require __DIR__ . '/test_page.php';

echo "$passed passed, $failed failed\n";
exit($failed === 0 ? 0 : 1);
