# Signs requests with Ruby's oauth library and checks what /echo says was verified.
#
# One line per check; what the environment must hold is in tests/clients/run.
# The library hashes the body by itself, of everything that is not a form and may have a body.

require 'json'
require 'oauth'
require 'oauth/signature/hmac/sha1'
begin
  require 'oauth/signature/hmac/sha256' # not in every version
rescue LoadError
  puts "# ruby-oauth #{OAuth::VERSION} has no HMAC-SHA256"
end

URL = ENV.fetch('COUNTERSIGN_URL').chomp('/')
KEY, SECRET, TOKEN, TOKEN_SECRET =
  %w[CONSUMER_KEY CONSUMER_SECRET TOKEN TOKEN_SECRET].map { |name| ENV.fetch("COUNTERSIGN_#{name}") }

QUERY = 'q=a%20b%2Bc%26d%3De&tag=b&tag=a&empty=&n%C3%A4me=%C3%A9%E2%82%AC%F0%9F%98%80' \
        '&a%5B%5D=-._~%21%2A%27%28%29%3B%3A%40%2F%3F%23%5B%5D%25&plus=a+b'.freeze
QUERY_COUNT = 7
# The library sorts what is decoded and not what is encoded, so no name and no repeated value here tells the two apart.
FORM = {
  'text' => '1 + 1 = 2 & 100%', 'tag' => ['z', 'a b', 'a+c'], 'nïcode' => '日本語',
  'reserved' => "-._~!*'(){}|^", 'empty' => ''
}.freeze
FORM_COUNT = 7
# As bytes: the library takes the length in characters for Content-Length.
JSON_BODY = JSON.generate('text' => 'é€😀 & = + %', 'n' => [1, 2]).b.freeze
JSON_TYPE = { 'Content-Type' => 'application/json' }.freeze

@passed = @failed = 0

# Sends, and compares the fields of the reply that are named in `expected`.
def check(name, expected)
  reply = begin
    yield
  rescue OAuth::Problem => e
    e.request # the library's word for a reply that carries oauth_problem
  end
  fields = JSON.parse(reply.body)
  seen = { 'status' => reply.code.to_i }
  (expected.keys - ['status']).each { |key| seen[key] = fields[key] }
  return report(name, nil) if seen == expected

  report(name, "got #{seen}, wanted #{expected}: #{reply.body[0, 300]}")
rescue StandardError => e
  report(name, "#{e.class}: #{e.message}")
end

def report(name, problem)
  if problem
    @failed += 1
    puts "not ok ruby ruby-oauth #{name}: #{problem}"
  else
    @passed += 1
    puts "ok ruby ruby-oauth #{name}"
  end
end

def echoed(method, verb, token, parameters, body_hash, body_bytes)
  {
    'status' => 200, 'consumer' => KEY, 'token' => token&.token, 'method' => verb,
    'parameters' => parameters, 'signature_method' => method,
    'body_hash' => body_hash, 'body_bytes' => body_bytes
  }
end

def suite(method, hash)
  consumer = OAuth::Consumer.new(KEY, SECRET, site: URL, signature_method: method)
  token = OAuth::AccessToken.new(consumer, TOKEN, TOKEN_SECRET)
  { 'two-legged' => nil, 'three-legged' => token }.each do |legs, who|
    send = ->(*request) { consumer.request(request[0], request[1], who, {}, *request.drop(2)) }
    title = "#{method} #{legs}"
    check("#{title} GET", echoed(method, 'GET', who, QUERY_COUNT, nil, 0)) do
      send.call(:get, "/echo/caf%C3%A9/a%20b?#{QUERY}")
    end
    bytes = OAuth::Helper.normalize(FORM).bytesize
    check("#{title} form POST", echoed(method, 'POST', who, FORM_COUNT + 1, nil, bytes)) do
      send.call(:post, '/echo/form?page=2', FORM)
    end
    expected = echoed(method, 'POST', who, 1, hash, JSON_BODY.bytesize)
    check("#{title} JSON POST with body hash #{hash}", expected) do
      send.call(:post, '/echo/json?dry=a%20b', JSON_BODY, JSON_TYPE)
    end
  end
  wrong = OAuth::Consumer.new(KEY, "#{SECRET}x", site: URL, signature_method: method)
  check("#{method} wrong secret is refused", 'status' => 401, 'code' => 'signature_invalid') do
    wrong.request(:get, "/echo?#{QUERY}")
  end
end

suite('HMAC-SHA1', 'sha1')
suite('HMAC-SHA256', 'sha256') if OAuth::Signature.available_methods.key?('hmac-sha256')
puts "#{@passed} passed, #{@failed} failed"
exit(@failed.zero? ? 0 : 1)
