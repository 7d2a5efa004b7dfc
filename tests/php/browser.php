<?php

/** A site made of pages of PHP, a browser in front of it, and a data service that is not well. */

declare(strict_types=1);

final class Answer
{
    public function __construct(public int $status, public array $headers, public string $body) {}

    /** The last Set-Cookie of this name, whole. */
    public function cookie(string $name): ?string
    {
        $found = array_filter($this->headers['set-cookie'] ?? [], fn($line) => str_starts_with($line, "$name="));
        return $found === [] ? null : end($found);
    }
}

final class Site
{
    public readonly string $folder;
    public readonly int $port;
    private array $processes = [];
    private int $pages = 0;

    public function __construct(private string $preamble)
    {
        $this->folder = sys_get_temp_dir() . '/countersign-' . bin2hex(random_bytes(8));
        mkdir($this->folder, 0700);
        register_shutdown_function($this->stop(...));
        pcntl_async_signals(true);
        pcntl_signal(SIGTERM, fn() => exit(1));
        $this->port = self::freePort();
        $this->run([PHP_BINARY, ...self::options(), '-d', 'display_errors=0', '-d', 'log_errors=1', '-S', "127.0.0.1:$this->port",
            '-t', $this->folder], $this->port);
    }

    /** What this PHP was started with: without ext-curl, so are the others. */
    private static function options(): array
    {
        return php_ini_loaded_file() === false ? ['-n'] : [];
    }

    public static function freePort(): int
    {
        $socket = stream_socket_server('tcp://127.0.0.1:0');
        preg_match('/:(\d+)$/', stream_socket_get_name($socket, false), $found);
        return (int) $found[1];
    }

    /** Starts something that will listen there. */
    public function run(array $command, int $port): void
    {
        $log = ['file', "$this->folder/log", 'a'];
        // PHP's server leaves its workers behind, so it gets a process group of its own.
        $group = ['bash', '-c', 'set -m; "$@" & trap "kill -TERM -- -$!" TERM; wait; wait', 'bash', ...$command];
        $this->processes[] = proc_open($group, [['file', '/dev/null', 'r'], $log, $log], $pipes, null,
            ['PHP_CLI_SERVER_WORKERS' => '8'] + getenv());
        for ($tries = 0; $tries < 600; $tries++) {
            if (@stream_socket_client("tcp://127.0.0.1:$port", timeout: 1)) {
                return;
            }
            usleep(50_000);
        }
        throw new RuntimeException("nothing listens on $port: " . $this->log());
    }

    public function log(): string
    {
        return file_get_contents("$this->folder/log");
    }

    private function stop(): void
    {
        foreach ($this->processes as $process) {
            proc_terminate($process);
            while (proc_get_status($process)['running']) {
                usleep(10_000);
            }
        }
        array_map(unlink(...), glob("$this->folder/*"));
        rmdir($this->folder);
    }

    /** Makes a page of this code; its path. */
    public function page(string $code): string
    {
        $path = '/' . ++$this->pages . '.php';
        file_put_contents($this->folder . $path, "<?php\n$this->preamble\n$code\n");
        return $path;
    }
}

final class Browser
{
    public array $cookies = [];

    public function __construct(private Site $site) {}

    /** Visits a page of this code, and keeps the cookies. */
    public function visit(string $code, string ...$headers): Answer
    {
        return $this->answer($this->ask($this->site->page($code), ...$headers));
    }

    /** @return resource */
    public function ask(string $path, string ...$headers)
    {
        $cookies = implode('; ', array_map(fn($name, $value) => "$name=$value", array_keys($this->cookies), $this->cookies));
        $all = ["Host: 127.0.0.1:{$this->site->port}", ...$cookies === '' ? [] : ["Cookie: $cookies"], ...$headers];
        $lines = [];
        foreach ($all as $line) {
            $lines[strtolower(explode(':', $line)[0])] = $line; // a later one takes the place of an earlier one
        }
        $connection = stream_socket_client("tcp://127.0.0.1:{$this->site->port}");
        stream_set_timeout($connection, 60);
        fwrite($connection, "GET $path HTTP/1.0\r\n" . implode("\r\n", $lines) . "\r\n\r\n");
        return $connection;
    }

    /** @param resource $connection */
    public function answer($connection): Answer
    {
        [$head, $body] = explode("\r\n\r\n", (string) stream_get_contents($connection), 2) + ['', ''];
        $lines = explode("\r\n", $head);
        $status = (int) (explode(' ', array_shift($lines))[1] ?? 0);
        $headers = [];
        foreach ($lines as $line) {
            [$name, $value] = explode(': ', $line, 2) + ['', ''];
            $headers[strtolower($name)][] = $value;
        }
        foreach ($headers['set-cookie'] ?? [] as $cookie) {
            [$name, $value] = explode('=', explode(';', $cookie)[0], 2);
            $this->cookies[$name] = $value;
            if (str_contains($cookie, 'Max-Age=0')) {
                unset($this->cookies[$name]);
            }
        }
        return new Answer($status, $headers, $body);
    }
}
