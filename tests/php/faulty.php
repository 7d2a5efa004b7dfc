<?php

/** Stands for a data service that is not well. The first word of the path says how it answers. */

declare(strict_types=1);

$server = stream_socket_server('tcp://127.0.0.1:' . $argv[1]);
$problem = fn(int $status, string $code) => ["$status Problem", "Content-Type: application/problem+json\r\nRetry-After: 7",
    json_encode(['code' => $code, 'status' => $status, 'detail' => 'so it is'])];
$slow = [];
while (true) {
    $connection = @stream_socket_accept($server, 3600);
    if ($connection === false) {
        continue;
    }
    $head = '';
    while (!str_contains($head, "\r\n\r\n") && !feof($connection)) {
        $head .= fread($connection, 8192);
    }
    preg_match('~^\S+ /(\w+)~', $head, $found);
    $answer = match ($found[1] ?? '') {
        'unavailable' => $problem(503, 'unavailable'),
        'internal' => $problem(500, 'internal'),
        'proxy404' => ['404 Not Found', 'Content-Type: text/html', '<h1>nginx</h1>'],
        'plain404' => ['404 Not Found', 'Content-Type: application/json', '{"code": "not_found"}'],
        'nonsense' => ['200 OK', 'Content-Type: text/html', '<h1>Welcome to your router</h1>'],
        'stranger' => ['200 OK', 'Content-Type: application/json', '{"hello": "world"}'],
        'redirect' => ['302 Found', "Location: http://127.0.0.1:$argv[1]/stranger", ''],
        default => null,
    };
    if ($answer !== null) {
        [$status, $headers, $body] = $answer;
        fwrite($connection, "HTTP/1.1 $status\r\n$headers\r\nContent-Length: " . strlen($body) . "\r\nConnection: close\r\n\r\n$body");
    } elseif (($found[1] ?? '') === 'short') {
        fwrite($connection, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{}");
    } elseif (($found[1] ?? '') === 'slow') {
        $slow[] = $connection; // never answered
        continue;
    }
    fclose($connection);
}
