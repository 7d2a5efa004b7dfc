<?php

/**
 * Countersign for PHP: a client that signs its requests, and PHP's session kept by the data service.
 *
 * One file, PHP 8.1 or later, no dependencies; ext-curl is used when it is there. See README.md.
 */

declare(strict_types=1);

namespace Countersign;

/** What the data service refused, or could not do. */
class Problem extends \RuntimeException
{
    private const CLASSES = [
        'not_found' => NotFound::class,
        'invalid_credentials' => InvalidCredentials::class,
        'forbidden' => Forbidden::class,
        'conflict' => Conflict::class,
        'gone' => Gone::class,
        'precondition_failed' => PreconditionFailed::class,
        'body_too_large' => BodyTooLarge::class,
        'invalid' => Invalid::class,
        'throttled' => Throttled::class,
    ];

    final public function __construct(
        /** The word to program against, see docs/protocol.md. */
        public readonly string $word,
        string $detail,
        /** The HTTP status, 0 if there was no answer. */
        public readonly int $status = 0,
        /** When to try again, in seconds. */
        public readonly ?int $retryAfter = null,
        /** Everything the service said: `errors`, `access`, `request_id`, … */
        public readonly array $fields = [],
        ?\Throwable $previous = null,
    ) {
        parent::__construct("$word: $detail", $status, $previous);
    }

    /** Only what the service itself refused is a refusal. A proxy's 404 is a fault, and so is everything from 500 on. */
    public static function of(int $status, string $type, string $body, ?string $retryAfter): self
    {
        $fields = str_starts_with($type, 'application/problem+json') ? json_decode($body, true) : null;
        $word = is_array($fields) ? $fields['code'] ?? null : null;
        $retry = $retryAfter !== null && preg_match("/^\d+$/D", $retryAfter) === 1 ? (int) $retryAfter : null;
        if (!is_string($word)) {
            return new Unavailable('unavailable', "an answer $status that is not the service's", $status, $retry);
        }
        $class = $status >= 500 ? Unavailable::class : self::CLASSES[$word] ?? self::class;
        return new $class($word, (string) ($fields['detail'] ?? ''), $status, $retry, $fields);
    }
}

/** The service is out of reach, or its store is. Says nothing about users and sessions. */
class Unavailable extends Problem {}
class NotFound extends Problem {}
/** The session was ended by somebody else while this request ran. */
class SessionEnded extends NotFound {}
class InvalidCredentials extends Problem {}
class Forbidden extends Problem {}
class Conflict extends Problem {}
class Gone extends Problem {}
class PreconditionFailed extends Problem {}
class BodyTooLarge extends Problem {}
class Invalid extends Problem {}
class Throttled extends Problem {}

/** Signs requests (OAuth 1.0, HMAC-SHA256, oauth_body_hash) and sends them. */
final class Client
{
    private static ?\CurlHandle $curl = null;
    private readonly string $url;

    /** @param float $timeout seconds to wait for an answer */
    public function __construct(
        string $url,
        private readonly string $key,
        #[\SensitiveParameter] private readonly string $secret,
        private readonly string $token = '',
        #[\SensitiveParameter] private readonly string $tokenSecret = '',
        private readonly float $timeout = 5.0,
    ) {
        $this->url = rtrim($url, '/');
        if (!preg_match('~^https?://[^/?#@\s]+(/[^?#\s]*)?$~i', $this->url)) {
            throw new \InvalidArgumentException("not the URL of a data service: $url");
        }
        if ($key === '' || $secret === '') {
            throw new \InvalidArgumentException('a consumer has a key and a secret');
        }
    }

    /** From COUNTERSIGN_URL, COUNTERSIGN_CONSUMER_KEY, COUNTERSIGN_CONSUMER_SECRET and COUNTERSIGN_TIMEOUT. */
    public static function fromEnvironment(): self
    {
        $get = static function (string $name): string {
            $value = getenv("COUNTERSIGN_$name");
            return is_string($value) ? $value : throw new \RuntimeException("COUNTERSIGN_$name is not set");
        };
        $timeout = getenv('COUNTERSIGN_TIMEOUT');
        return new self(
            $get('URL'),
            $get('CONSUMER_KEY'),
            $get('CONSUMER_SECRET'),
            timeout: is_numeric($timeout) ? (float) $timeout : 5.0,
        );
    }

    /** The same client, acting for the user of this token. */
    public function withToken(string $token, #[\SensitiveParameter] string $secret): self
    {
        return new self($this->url, $this->key, $this->secret, $token, $secret, $this->timeout);
    }

    /**
     * The decoded JSON of the answer, null if it is empty.
     *
     * @param string $path as it goes over the wire, with its query: `/users?limit=10`
     * @param mixed $body becomes JSON; null is no body, an empty array is `{}`
     * @param array<string, string> $headers for instance `['If-Match' => '"3"']`
     * @throws Problem
     */
    public function request(string $method, string $path, mixed $body = null, array $headers = []): mixed
    {
        return json_decode($this->send($method, $path, $body, $headers), true);
    }

    /**
     * The answer as text.
     *
     * @param array<string, string> $headers
     * @throws Problem
     */
    public function send(string $method, string $path, mixed $body = null, array $headers = []): string
    {
        $method = strtoupper($method);
        try {
            $text = $body === null ? '' : Json::encode($body === [] ? new \stdClass() : $body);
        } catch (\JsonException $e) {
            throw new \InvalidArgumentException("the body cannot be JSON: {$e->getMessage()}", 0, $e);
        }
        $headers += ['Accept' => 'application/json'];
        if ($text !== '') {
            $headers += ['Content-Type' => $method === 'PATCH' ? 'application/merge-patch+json' : 'application/json'];
        }
        $headers['Authorization'] = $this->authorization($method, $this->url . $path, $text);
        $lines = array_map(fn($name, $value) => "$name: $value", array_keys($headers), $headers);

        [$status, $answered, $answer] = function_exists('curl_init')
            ? $this->byCurl($method, $path, $lines, $text)
            : $this->byStream($method, $path, $lines, $text);
        $type = $answered['content-type'] ?? '';
        if ($status < 200 || $status >= 300) {
            throw Problem::of($status, $type, $answer, $answered['retry-after'] ?? null);
        }
        try {
            $answer === '' || Json::decode($answer);
        } catch (\JsonException $e) {
            throw new Unavailable('unavailable', 'the answer is no JSON', $status, previous: $e);
        }
        return $answer;
    }

    private function authorization(string $method, string $url, string $body): string
    {
        $oauth = [
            'oauth_consumer_key' => $this->key,
            'oauth_nonce' => bin2hex(random_bytes(16)),
            'oauth_signature_method' => 'HMAC-SHA256',
            'oauth_timestamp' => (string) time(),
            'oauth_version' => '1.0',
        ];
        if ($this->token !== '') {
            $oauth['oauth_token'] = $this->token;
        }
        if ($body !== '') {
            $oauth['oauth_body_hash'] = base64_encode(hash('sha256', $body, true));
        }
        $key = rawurlencode($this->secret) . '&' . rawurlencode($this->tokenSecret);
        $base = self::baseString($method, $url, $oauth);
        $oauth['oauth_signature'] = base64_encode(hash_hmac('sha256', $base, $key, true));
        $pairs = array_map(fn($name, $value) => "$name=\"" . rawurlencode($value) . '"', array_keys($oauth), $oauth);
        return 'OAuth ' . implode(', ', $pairs);
    }

    /**
     * What is signed: RFC 5849, section 3.4.1.
     *
     * @param array<string, string> $oauth
     */
    public static function baseString(string $method, string $url, array $oauth): string
    {
        [$address, $query] = explode('?', $url, 2) + [1 => ''];
        preg_match('~^(https?)://([^/:]+|\[[^]]+])(?::(\d+))?(/.*)?$~i', $address, $part);
        [$scheme, $port] = [strtolower($part[1]), $part[3] ?? ''];
        $port = $port === '' || $port === ['http' => '80', 'https' => '443'][$scheme] ? '' : ":$port";
        $pairs = [];
        foreach ($query === '' ? [] : explode('&', $query) as $pair) {
            [$name, $value] = array_map('urldecode', explode('=', $pair, 2) + [1 => '']);
            $pairs[] = [rawurlencode($name), rawurlencode($value)];
        }
        foreach ($oauth as $name => $value) {
            $pairs[] = [rawurlencode($name), rawurlencode($value)];
        }
        usort($pairs, fn($a, $b) => strcmp($a[0], $b[0]) ?: strcmp($a[1], $b[1]));
        $parameters = implode('&', array_map(fn($pair) => "$pair[0]=$pair[1]", $pairs));
        $address = "$scheme://" . strtolower($part[2]) . $port . ($part[4] ?? '/');
        return strtoupper($method) . '&' . rawurlencode($address) . '&' . rawurlencode($parameters);
    }

    /**
     * One connection for all requests of this process. No proxy of the environment and no redirect: what is sent here is
     * for the service alone.
     *
     * @param list<string> $lines
     * @return array{int, array<string, string>, string}
     */
    private function byCurl(string $method, string $path, array $lines, string $body): array
    {
        self::$curl ??= curl_init();
        $answered = [];
        $milliseconds = max(1, (int) ($this->timeout * 1000));
        curl_reset(self::$curl);
        curl_setopt_array(self::$curl, [
            CURLOPT_URL => $this->url . $path,
            CURLOPT_CUSTOMREQUEST => $method,
            CURLOPT_NOBODY => $method === 'HEAD',
            CURLOPT_HTTPHEADER => [...$lines, 'Expect:'],
            CURLOPT_RETURNTRANSFER => true,
            CURLOPT_CONNECTTIMEOUT_MS => $milliseconds,
            CURLOPT_TIMEOUT_MS => $milliseconds,
            CURLOPT_NOSIGNAL => true,
            CURLOPT_PROXY => '',
            CURLOPT_PATH_AS_IS => true,
            CURLOPT_PROTOCOLS => CURLPROTO_HTTP | CURLPROTO_HTTPS,
            CURLOPT_HEADERFUNCTION => static function ($curl, string $line) use (&$answered): int {
                $answered = str_starts_with($line, 'HTTP/') ? [] : self::header($line) + $answered;
                return strlen($line);
            },
        ]);
        if ($body !== '') {
            curl_setopt(self::$curl, CURLOPT_POSTFIELDS, $body);
        }
        $answer = curl_exec(self::$curl);
        if (!is_string($answer)) {
            throw new Unavailable('unavailable', curl_error(self::$curl) ?: 'no answer');
        }
        return [curl_getinfo(self::$curl, CURLINFO_RESPONSE_CODE), $answered, $answer];
    }

    /**
     * The same without ext-curl: a connection for each request.
     *
     * @param list<string> $lines
     * @return array{int, array<string, string>, string}
     */
    private function byStream(string $method, string $path, array $lines, string $body): array
    {
        $context = stream_context_create(['http' => [
            'method' => $method,
            'header' => [...$lines, 'Connection: close'],
            'content' => $body,
            'timeout' => $this->timeout,
            'ignore_errors' => true,
            'follow_location' => 0,
            'protocol_version' => 1.1,
        ]]);
        error_clear_last();
        $stream = @fopen($this->url . $path, 'r', false, $context);
        $answer = $stream === false ? false : @stream_get_contents($stream);
        $meta = $stream === false ? [] : stream_get_meta_data($stream);
        if (!is_string($answer) || ($meta['timed_out'] ?? true)) {
            throw new Unavailable('unavailable', error_get_last()['message'] ?? 'no answer in time');
        }
        $answered = [];
        $status = 0;
        foreach ($meta['wrapper_data'] as $line) {
            if (preg_match('~^HTTP/\S+ (\d{3})~', $line, $found)) {
                [$status, $answered] = [(int) $found[1], []];
            } else {
                $answered = self::header($line) + $answered;
            }
        }
        // PHP does not mind an answer that breaks off.
        if (strlen($answer) < (int) ($answered['content-length'] ?? 0) && $method !== 'HEAD') {
            throw new Unavailable('unavailable', 'the answer broke off', $status);
        }
        return [$status, $answered, $answer];
    }

    /** @return array<string, string> */
    private static function header(string $line): array
    {
        [$name, $value] = explode(':', $line, 2) + [1 => ''];
        return trim($name) === '' ? [] : [strtolower(trim($name)) => trim($value)];
    }

    public function __serialize(): array
    {
        throw new \LogicException('a client holds secrets and is not stored');
    }

    /** What `var_dump` shows: no secret. */
    public function __debugInfo(): array
    {
        return ['url' => $this->url, 'key' => $this->key, 'token' => $this->token];
    }
}

/**
 * PHP values as JSON and back. A JSON object is a `\stdClass` here and a list is an array, which PHP's arrays do not tell
 * apart: an array becomes an object if it is not a list, or if it was read from an object that looks like one.
 *
 * @internal
 */
final class Json
{
    private const FLAGS = JSON_THROW_ON_ERROR | JSON_UNESCAPED_SLASHES | JSON_UNESCAPED_UNICODE | JSON_PRESERVE_ZERO_FRACTION;

    public static function encode(mixed $value): string
    {
        return json_encode($value, self::FLAGS);
    }

    public static function decode(string $text): mixed
    {
        try {
            return json_decode($text, false, 512, JSON_THROW_ON_ERROR);
        } catch (\JsonException $e) {
            if ($e->getCode() !== JSON_ERROR_INVALID_PROPERTY_NAME) {
                throw $e;
            }
            // A name that begins with a NUL fits into an array only.
            return self::tree(json_decode($text, true, 512, JSON_THROW_ON_ERROR), new \stdClass(), 'it', false);
        }
    }

    /** What an application gets to see: arrays all the way down. */
    public static function arrays(mixed $value): mixed
    {
        return is_scalar($value) || $value === null ? $value : array_map(self::arrays(...), (array) $value);
    }

    /**
     * JSON for a value that stands where `$like` stood. Nulls in objects are left out: a merge patch cannot keep them.
     *
     * @param bool $exact an array that is a list is a list, whatever stood there
     */
    public static function tree(mixed $value, mixed $like, string $name, bool $exact): mixed
    {
        if (is_string($value) && preg_match('//u', $value) !== 1) {
            throw new \InvalidArgumentException("$name is not UTF-8, which JSON wants: bytes go through base64_encode()");
        }
        if (is_float($value) && !is_finite($value)) {
            throw new \InvalidArgumentException("$name is no finite number, and JSON has no other");
        }
        if ($value === null || is_scalar($value)) {
            return $value;
        }
        if (!is_array($value) && !$value instanceof \stdClass) {
            // From `unserialize`, which makes no objects here, and still knows what they were.
            $type = ((array) $value)['__PHP_Incomplete_Class_Name'] ?? get_debug_type($value);
            throw new \InvalidArgumentException("$name is a $type, and a session keeps what JSON can say: "
                . 'arrays, strings, numbers, booleans. Keep an id or an array instead');
        }
        if (substr_count($name, '][') > 500) {
            throw new \InvalidArgumentException(substr($name, 0, 80) . '… is nested too deeply, or holds itself');
        }
        $had = is_array($like) || $like instanceof \stdClass ? (array) $like : [];
        $object = !$exact && $like instanceof \stdClass && ($value === [] || ($had !== [] && array_is_list($had)));
        if (is_array($value) && array_is_list($value) && !$object) {
            $list = [];
            foreach ($value as $key => $item) {
                $list[] = self::tree($item, is_array($like) ? $had[$key] ?? null : null, "{$name}[$key]", $exact);
            }
            return $list;
        }
        $object = [];
        foreach ((array) $value as $key => $item) {
            if ($item !== null || array_key_exists($key, $had)) {
                if (preg_match('/^(?!\0)/u', (string) $key) !== 1 && !array_key_exists($key, $had)) {
                    throw new \InvalidArgumentException("a key of $name is not UTF-8, or begins with a NUL");
                }
                $object[$key] = self::tree($item, $like instanceof \stdClass ? $had[$key] ?? null : null, "{$name}[$key]", $exact);
            }
        }
        return (object) $object;
    }

    /** The merge patch (RFC 7396) that leads from one object to another. */
    public static function patch(\stdClass $from, \stdClass $to): \stdClass
    {
        [$from, $to, $patch] = [(array) $from, (array) $to, []];
        foreach (array_diff_key($from, $to) as $key => $gone) {
            $patch[$key] = null;
        }
        foreach ($to as $key => $value) {
            $had = $from[$key] ?? null;
            if ($had instanceof \stdClass && $value instanceof \stdClass) {
                $inner = self::patch($had, $value);
                if ((array) $inner !== []) {
                    $patch[$key] = $inner;
                }
            } elseif (!array_key_exists($key, $from) || self::encode($had) !== self::encode($value)) {
                $patch[$key] = $value;
            }
        }
        return (object) $patch;
    }
}

/**
 * PHP's session, kept by the data service: `$_SESSION` is what this service keeps, `$shared` what all services see.
 *
 * `Session::start()` does everything for a page. `Session::register()` is for an application that calls `session_start()`
 * by itself. One session each request; a process that serves many requests at once wants `Client` instead.
 */
final class Session implements \SessionHandlerInterface, \SessionIdInterface, \SessionUpdateTimestampHandlerInterface
{
    public const COOKIE = 'sessionid';

    /** The namespace that every service sees. Written and saved like `$_SESSION`. */
    public array $shared = [];

    private ?string $sessionid = null;
    /** What the service said of the session, without its data: id, user, token, secret, version, … */
    private array $state = [];
    /** The data as it was loaded or last saved. What differs from it is what gets sent. */
    private \stdClass $own;
    private \stdClass $common;
    /** The version that the next save insists on. */
    private ?int $expected = null;
    /** Resolved a moment ago, and not yet read by PHP. */
    private bool $fresh = false;
    /** A visitor's: begun when there is something to save. */
    private bool $lazy = false;
    /** Why PHP may not go on with this session. */
    private ?Problem $fault = null;
    /** The page that is sent in place of one whose session could not be saved. */
    private ?string $page = null;

    private function __construct(private readonly Client $client, private readonly bool $objects)
    {
        $this->forget();
    }

    /**
     * Makes the service the keeper of PHP's sessions. Faults are exceptions, from `session_start()` on.
     *
     * A visitor's `session_start()` makes a session at once, as PHP wants an id for the cookie; `start()` waits.
     *
     * @param bool|null $secure whether the cookie is `Secure`; null: unless it is http on this very machine
     * @param bool $objects JSON objects are `\stdClass` and not arrays, which tells `{}` from `[]`
     */
    public static function register(?Client $client = null, ?bool $secure = null, bool $objects = false): self
    {
        if (session_status() === PHP_SESSION_ACTIVE) {
            throw new \LogicException('a session is there already: register before session_start(), without session.auto_start');
        }
        $session = new self($client ?? Client::fromEnvironment(), $objects);
        foreach (self::settings() as $name => $value) {
            ini_set("session.$name", $value);
        }
        session_name(self::COOKIE);
        session_set_cookie_params([
            'lifetime' => 0,
            'path' => '/',
            'domain' => '',
            'secure' => $secure ?? !self::onThisMachine(),
            'httponly' => true,
            'samesite' => 'Lax',
        ]);
        session_set_save_handler($session, true);
        return $session;
    }

    /** Without these an unknown cookie would be adopted, or the data would not be understood. */
    private static function settings(): array
    {
        return ['use_strict_mode' => '1', 'use_cookies' => '1', 'use_only_cookies' => '1', 'use_trans_sid' => '0',
            'serialize_handler' => 'php_serialize', 'lazy_write' => '1', 'gc_probability' => '0'];
    }

    /**
     * The session of this page. Costs nothing for a visitor without a cookie until there is something to save.
     *
     * The page is held back until the session is saved, at its end or when it is flushed, so that the cookie can come late
     * and a fault can still become a 503. What the page wrote is then thrown away. A page of more than 4 MiB is saved and
     * begins to leave then; one that streams says `$session->save(); ob_end_flush();` before.
     *
     * @param (\Closure(\Throwable): string)|null $faultPage makes the page for a fault
     */
    public static function start(
        ?Client $client = null,
        ?bool $secure = null,
        bool $objects = false,
        ?\Closure $faultPage = null,
    ): self {
        $faultPage ??= self::faultPage(...);
        $opened = null;
        // Before PHP's own, which register() adds: it finds everything saved.
        register_shutdown_function(static function () use (&$opened, $faultPage): void {
            $opened?->settle($faultPage);
        });
        $session = self::register($client, $secure, $objects);
        ob_start(static fn(string $page, int $phase): string => $session->flushed($page, $phase, $faultPage), 4 << 20);
        try {
            $cookie = $_COOKIE[self::COOKIE] ?? null;
            if (is_string($cookie) && $session->resolve($cookie)) {
                session_start();
            } else {
                // The cookie stays: another answer may be about to replace it.
                $_SESSION = [];
                $session->lazy = true;
            }
        } catch (Problem $fault) {
            $session->page = self::failed($fault, $faultPage);
            exit;
        }
        $opened = $session;
        return $session;
    }

    // --- what an application asks ---

    /** Who is logged in: id, username, email, name, …; null: nobody. */
    public function user(): ?array
    {
        return $this->state['user'] ?? null;
    }

    /** The public id of the session, as in the list of a user's sessions. */
    public function id(): ?string
    {
        return $this->state['id'] ?? null;
    }

    /** Counts the changes to the session's data; null without a session. */
    public function version(): ?int
    {
        return $this->state['version'] ?? null;
    }

    /** The next save is refused (`PreconditionFailed`) if the session has another version by then. */
    public function expect(int $version): void
    {
        $this->expected = $version;
    }

    /** A client that signs as the user who is logged in. */
    public function asUser(): Client
    {
        if (!isset($this->state['token'], $this->state['secret'])) {
            throw new \LogicException('nobody is logged in, or this service may no longer act for them');
        }
        return $this->client->withToken($this->state['token'], $this->state['secret']);
    }

    /**
     * Saves now, which otherwise happens at the end of the page. What could not be saved is taken back and not tried again.
     *
     * @throws Problem
     */
    public function save(): void
    {
        try {
            if (session_status() === PHP_SESSION_ACTIVE) {
                $this->keep($_SESSION);
            } elseif ($this->lazy && ($_SESSION !== [] || $this->shared !== [])) {
                $this->begin();
            }
        } catch (\Throwable $e) {
            $this->expected = null;
            $_SESSION = $this->seen($this->own);
            $this->shared = $this->seen($this->common);
            throw $e;
        }
    }

    /**
     * Logs in: a new id, and what was in the visitor's session goes along.
     *
     * @param bool $remember the login outlives the browser
     * @param string|null $address where the person comes from, so that guessing is slowed down fairly: `$_SERVER['REMOTE_ADDR']`,
     *     unless that is a proxy of yours
     * @return array the user
     * @throws InvalidCredentials, Throttled and other problems; the session is then as it was
     */
    public function login(
        string $username,
        #[\SensitiveParameter] string $password,
        bool $remember = false,
        ?string $address = null,
    ): array {
        if (preg_match('//u', $username . "\n" . $password) !== 1) {
            throw new InvalidCredentials('invalid_credentials', 'the name or the password is no text', 401);
        }
        $another = $this->user() !== null;
        $device = $_COOKIE['device'] ?? null;
        $device = is_string($device) && preg_match('/^[!-~]{1,512}$/D', $device) === 1 ? $device : null;
        $answer = $this->client->request('POST', '/authenticate', array_filter([
            'username' => $username,
            'password' => $password,
            'remember' => $remember ?: null,
            'sessionid' => $another ? null : $this->sessionid,
            'client' => array_filter(['address' => $address, 'device' => $device]) ?: null,
        ], fn($value) => $value !== null));
        self::has($answer, 'sessionid', 'user');

        if (session_status() === PHP_SESSION_ACTIVE) {
            session_abort();
        }
        if ($another) {
            $this->forget();
            $_SESSION = [];
        }
        [$mine, $this->sessionid, $this->fresh, $this->lazy] = [$_SESSION ?? [], $answer['sessionid'], true, false];
        $this->state = array_intersect_key($answer, ['user' => 0, 'token' => 0, 'secret' => 0, 'expires_at' => 0]);
        if ($remember) {
            // As long as a browser keeps a cookie; when it ends is the service's to say.
            session_set_cookie_params(['lifetime' => 400 * 86400]);
        }
        session_id($this->sessionid);
        $this->begin();
        $_SESSION = $mine;
        $this->rememberDevice($answer['device'] ?? '');
        return $answer['user'];
    }

    /** Ends the session for every service, and removes the cookie. */
    public function logout(): void
    {
        if (session_status() === PHP_SESSION_ACTIVE) {
            session_destroy();
        } elseif ($this->sessionid !== null) {
            $this->destroy($this->sessionid);
        }
        $this->forget();
        $_SESSION = [];
        $this->lazy = true;
        if (isset($_COOKIE[self::COOKIE])) {
            $this->cookie(self::COOKIE, '', 1, '/');
        }
    }

    /** A new id for the same session, as `session_regenerate_id(true)`; the old one is dead at once. */
    public function cycle(): void
    {
        if (session_status() === PHP_SESSION_ACTIVE) {
            self::unwrapped(fn() => session_regenerate_id(true));
        }
    }

    // --- what PHP asks ---

    public function open(string $path, string $name): bool
    {
        foreach (['use_strict_mode' => '1', 'serialize_handler' => 'php_serialize'] as $setting => $value) {
            if (ini_get("session.$setting") !== $value) {
                throw new \LogicException("session.$setting must be $value");
            }
        }
        return true;
    }

    public function close(): bool
    {
        return true;
    }

    /** The one round trip of a request: `read` finds its answer. */
    public function validateId(string $id): bool
    {
        if (self::regenerating()) {
            return false; // PHP asks whether the new id is taken
        }
        try {
            return ($this->fresh && $id === $this->sessionid) || $this->resolve($id);
        } catch (Problem $fault) {
            $this->fault = $fault; // a "no" would replace the cookie: `read` says it
            return true;
        }
    }

    public function read(string $id): string
    {
        if ($this->fault !== null) {
            [$fault, $this->fault] = [$this->fault, null];
            throw $fault;
        }
        if ($id !== $this->sessionid) {
            throw new \LogicException('PHP reads a session that it has not asked for');
        }
        $this->fresh = false;
        return serialize($this->seen($this->own));
    }

    public function create_sid(): string
    {
        if (self::regenerating()) {
            $answer = $this->client->request('POST', '/sessions/cycle', ['sessionid' => $this->sessionid]);
            return $this->sessionid = self::has($answer, 'sessionid')['sessionid'];
        }
        if ($this->expected !== null) {
            throw new PreconditionFailed('precondition_failed', 'there is no session', 412);
        }
        $visitor = $this->lazy ? [$_SESSION ?? [], $this->shared] : [[], []];
        $own = $this->json($visitor[0], new \stdClass(), '$_SESSION');
        $shared = $this->json($visitor[1], new \stdClass(), 'shared');
        $this->take($this->client->send('POST', '/sessions', ['data' => ['own' => $own, 'shared' => $shared]]));
        return $this->sessionid;
    }

    public function write(string $id, string $data): bool
    {
        return $this->updateTimestamp($id, $data);
    }

    /** PHP calls this in place of `write` if `$_SESSION` is as it was. There may be more to save; to resolve was to touch. */
    public function updateTimestamp(string $id, string $data): bool
    {
        if ($id !== $this->sessionid) {
            throw new \LogicException('PHP writes a session that it has not read');
        }
        $this->keep(unserialize($data, ['allowed_classes' => [\stdClass::class]]));
        return true;
    }

    /** Ends the session. When PHP regenerates the id it calls this too, and then `create_sid`, which cycles. */
    public function destroy(string $id): bool
    {
        if (!self::regenerating()) {
            $this->client->request('POST', '/sessions/end', ['sessionid' => $id]);
            $this->forget();
        }
        return true;
    }

    /** The service keeps house by itself. */
    public function gc(int $max_lifetime): int
    {
        return 0;
    }

    // --- inside ---

    private function resolve(#[\SensitiveParameter] string $id): bool
    {
        if (preg_match('/^[A-Za-z0-9_-]{16,128}$/D', $id) !== 1) {
            return false;
        }
        try {
            $this->take($this->client->send('POST', '/sessions/resolve', ['sessionid' => $id]), $id);
            return true;
        } catch (NotFound) {
            $this->forget();
            return false;
        }
    }

    /** Keeps what the service says of a session. */
    private function take(string $answer, ?string $id = null): void
    {
        $state = Json::decode($answer);
        if (!is_string($state->id ?? null) || ($id === null && !is_string($state->sessionid ?? null))) {
            throw new Unavailable('unavailable', 'the answer is no session', 200);
        }
        [$this->own, $this->common] = [$state->data->own ?? new \stdClass(), $state->data->shared ?? new \stdClass()];
        $this->state = Json::arrays($state);
        $this->sessionid = $id ?? $this->state['sessionid'];
        $this->shared = $this->seen($this->common);
        $this->fresh = true;
        $this->lazy = false;
        unset($this->state['data'], $this->state['sessionid']);
    }

    /** A 200 that is not the service's is a fault like any other. */
    private static function has(mixed $answer, string ...$fields): array
    {
        foreach ($fields as $field) {
            is_array($answer) && isset($answer[$field]) || throw new Unavailable('unavailable', "the answer has no $field", 200);
        }
        return $answer;
    }

    private function forget(): void
    {
        [$this->own, $this->common, $this->shared] = [new \stdClass(), new \stdClass(), []];
        [$this->sessionid, $this->state, $this->fresh, $this->lazy, $this->expected] = [null, [], false, false, null];
    }

    /** Sends what has changed since it was loaded, if anything has. */
    private function keep(array $own): void
    {
        $own = $this->json($own, $this->own, '$_SESSION');
        $shared = $this->json($this->shared, $this->common, 'shared');
        $patch = ['own' => Json::patch($this->own, $own), 'shared' => Json::patch($this->common, $shared)];
        $patch = array_filter($patch, fn($changes) => (array) $changes !== []);
        if ($patch === [] && $this->expected === null) {
            return;
        }
        $body = ['sessionid' => $this->sessionid, 'patch' => (object) $patch, 'version' => $this->expected];
        try {
            $answer = $this->client->request('POST', '/sessions/save', array_filter($body, fn($value) => $value !== null));
        } catch (NotFound $e) {
            throw new SessionEnded($e->word, 'the session was ended meanwhile', $e->status, previous: $e);
        }
        [$this->own, $this->common, $this->expected] = [$own, $shared, null];
        $this->state['version'] = self::has($answer, 'version')['version'];
    }

    private function json(array $data, \stdClass $was, string $name): \stdClass
    {
        return Json::tree((object) $data, $was, $name, $this->objects);
    }

    /** Has PHP start its session, with the id we gave it or a new one, and send the cookie. */
    private function begin(): void
    {
        if (headers_sent($file, $line)) {
            throw new \LogicException("too late for a cookie, output began in $file:$line: save() the session before");
        }
        unset($_COOKIE[self::COOKIE]); // it leads nowhere
        self::unwrapped(fn() => session_start());
    }

    private function seen(\stdClass $data): array
    {
        return $this->objects ? unserialize(serialize((array) $data)) : Json::arrays($data);
    }

    /** PHP tells a handler only to destroy and to create: who has called makes the difference. */
    private static function regenerating(): bool
    {
        return (debug_backtrace(DEBUG_BACKTRACE_IGNORE_ARGS, 3)[2]['function'] ?? '') === 'session_regenerate_id';
    }

    /** PHP wraps what `create_sid` throws into an error of its own. */
    private static function unwrapped(\Closure $run): void
    {
        try {
            $run();
        } catch (\Error $error) {
            for ($e = $error; $e !== null; $e = $e->getPrevious()) {
                if ($e instanceof Problem || $e instanceof \InvalidArgumentException) {
                    throw $e;
                }
            }
            throw $error;
        }
    }

    /** Output leaves: at the end, or because the page flushes. */
    private function flushed(string $page, int $phase, \Closure $faultPage): string
    {
        if (($phase & PHP_OUTPUT_HANDLER_CLEAN) === 0) {
            $this->settle($faultPage);
        }
        [$fault, $this->page] = [$this->page, $this->page === null ? null : ''];
        return $fault ?? $page;
    }

    private function settle(\Closure $faultPage): void
    {
        if ($this->page !== null) {
            return;
        }
        try {
            $this->save();
        } catch (\Throwable $e) {
            $this->page = self::failed($e, $faultPage);
        }
    }

    private static function failed(\Throwable $e, \Closure $faultPage): string
    {
        error_log('countersign: ' . $e->getMessage());
        if (!headers_sent()) {
            header_remove(); // no redirect, no cookie
            http_response_code(match (true) {
                $e instanceof SessionEnded, $e instanceof PreconditionFailed => 409,
                $e instanceof BodyTooLarge => 413,
                $e instanceof Problem => 503,
                default => 500,
            });
            header('Cache-Control: no-store');
            header('Content-Type: text/html; charset=utf-8');
            if ($e instanceof Problem && $e->retryAfter !== null) {
                header("Retry-After: $e->retryAfter");
            }
        }
        return $faultPage($e);
    }

    private static function faultPage(\Throwable $e): string
    {
        $words = match (true) {
            $e instanceof SessionEnded => 'You were logged out in the meantime. Nothing was saved.',
            $e instanceof PreconditionFailed => 'It was changed in the meantime. Nothing was saved.',
            $e instanceof Problem => 'Please try again in a moment.',
            default => 'Something went wrong here.',
        };
        return "<!DOCTYPE html>\n<title>$words</title>\n<p>$words</p>\n";
    }

    /** The service slows down guesses at a name, but not for a browser that has logged in before. */
    private function rememberDevice(string $device): void
    {
        $path = explode('?', $_SERVER['REQUEST_URI'] ?? '/', 2)[0];
        if ($device !== '') {
            $this->cookie('device', $device, time() + 180 * 86400, preg_match('~^/[\w./%-]*$~D', $path) ? $path : '/');
        }
    }

    private function cookie(string $name, string $value, int $expires, string $path): void
    {
        $flags = array_diff_key(session_get_cookie_params(), ['lifetime' => 0]);
        setcookie($name, $value, ['expires' => $expires, 'path' => $path] + $flags);
    }

    /** Browsers keep no `Secure` cookie over http; on loopback alone it may go without. */
    private static function onThisMachine(): bool
    {
        $https = !in_array(strtolower($_SERVER['HTTPS'] ?? ''), ['', 'off'], true);
        $proxied = isset($_SERVER['HTTP_FORWARDED']) || isset($_SERVER['HTTP_X_FORWARDED_FOR'])
            || isset($_SERVER['HTTP_X_FORWARDED_PROTO']);
        $host = preg_replace('/:\d+$/D', '', strtolower($_SERVER['HTTP_HOST'] ?? ''));
        return !$https && !$proxied && preg_match('/^(localhost|127(\.\d{1,3}){3}|\[::1])$/D', $host) === 1;
    }
}
