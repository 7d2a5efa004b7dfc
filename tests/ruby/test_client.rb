# frozen_string_literal: true

# The signed client.
class TestClient < Case
  def test_the_example_of_rfc_5849_section_3_4_1_1
    parameters = [['b5', '=%3D'], %w[a3 a], ['c@', ''], ['a2', 'r b'], ['c2', ''], ['a3', '2 q'],
                  %w[oauth_consumer_key 9djdj82h48djs9d2], %w[oauth_token kkk9d7dh3k39sjv7],
                  %w[oauth_signature_method HMAC-SHA1], %w[oauth_timestamp 137131201], %w[oauth_nonce 7d8f3e4a]]
    base = Countersign::Client.base_string('POST', URI('HTTP://EXAMPLE.com:80'), '/request', parameters)
    assert_equal 'POST&http%3A%2F%2Fexample.com%2Frequest&a2%3Dr%2520b%26a3%3D2%2520q%26a3%3Da%26b5%3D%253D%25253D%26c%2540%3D%26' \
                 'c2%3D%26oauth_consumer_key%3D9djdj82h48djs9d2%26oauth_nonce%3D7d8f3e4a%26oauth_signature_method%3DHMAC-SHA1%26' \
                 'oauth_timestamp%3D137131201%26oauth_token%3Dkkk9d7dh3k39sjv7', base
  end

  [['GET', '/echo', nil, 0],
   ['GET', '/echo/a%20b/%C3%A9?x=1&y=a+b&y=%C3%A9&z=%F0%9F%98%80&e=&a%5B%5D=-._~%21%2A%27%28%29', nil, 6],
   ['DELETE', '/echo/x?limit=10', nil, 1],
   ['POST', '/echo', { 'text' => "é€😀 & = + %\n", 'n' => [1, 2.5] }, 0],
   ['POST', '/echo', {}, 0],
   ['PUT', '/echo', { deep: { er: nil } }, 0],
   ['PATCH', '/echo?a=b', 'text', 1]].each_with_index do |(method, path, body, parameters), n|
    define_method("test_signs_#{n}_#{method}_#{path}") do
      answer = SHOP.request(method, path, body)
      assert_equal [method, parameters, 'HMAC-SHA256'], answer.values_at('method', 'parameters', 'signature_method')
      assert_equal body && JSON.generate(body).bytesize || 0, answer['body_bytes']
      body ? assert_equal('sha256', answer['body_hash']) : assert_nil(answer['body_hash'])
    end
  end

  def test_signs_as_a_user
    login = SHOP.post('/authenticate', { username: 'ann', password: PASSWORD })
    ann = SHOP.with_token(login['token'], login['secret'])
    assert_equal 'ann', ann.get('/')['user']['username']
    user = ann.patch('/users/me', { name: 'Ann É.' }, { 'If-Match' => %("#{login['user']['version']}") })
    assert_equal ['Ann É.', login['user']['version'] + 1], user.values_at('name', 'version')
    assert_raises(Countersign::PreconditionFailed) { ann.patch('/users/me', { name: 'x' }, { 'If-Match' => '"1"' }) }
    assert_nil SHOP.get('/')['user']
  end

  def test_problems_are_exceptions_by_their_word
    wrong = assert_raises(Countersign::InvalidCredentials) { SHOP.post('/authenticate', { username: 'ann', password: 'no' }) }
    assert_equal ['invalid_credentials', 401], [wrong.code, wrong.status]
    assert_raises(Countersign::NotFound) { SHOP.post('/sessions/resolve', { sessionid: NOWHERE }) }
    may = assert_raises(Countersign::Forbidden) { SHOP.get('/consumers') }
    assert_equal 'consumers.read', may.fields['access']
    stranger = Countersign::Client.new(url: ENV.fetch('COUNTERSIGN_URL'), key: ENV.fetch('COUNTERSIGN_CONSUMER_KEY'), secret: 'no')
    problem = assert_raises(Countersign::Problem) { stranger.get('/') }
    assert_equal 'signature_invalid', problem.code
  end

  (Faulty::KINDS - ['stranger']).each do |kind|
    define_method("test_a_service_that_is_not_well_(#{kind})_is_unavailable") do
      problem = assert_raises(Countersign::Unavailable) { faulty(kind).post('/sessions/resolve', { sessionid: 'x' }) }
      %w[unavailable internal].include?(kind) ? assert_equal(7, problem.retry_after) : assert_nil(problem.retry_after)
    end
  end

  def test_a_service_that_is_not_there_is_unavailable
    server = TCPServer.new('127.0.0.1', 0)
    port = server.addr[1]
    server.close
    client = Countersign::Client.new(url: "http://127.0.0.1:#{port}", key: 'key', secret: 'secret')
    assert_raises(Countersign::Unavailable) { client.get('/') }
    client = Countersign::Client.new(url: 'http://nowhere.invalid', key: 'key', secret: 'secret')
    assert_raises(Countersign::Unavailable) { client.get('/') }
  end

  def test_no_proxy_of_the_environment_is_asked
    was = ENV.to_h.slice('http_proxy', 'no_proxy')
    proxy = TCPServer.new('127.0.0.1', 0)
    ENV.update('http_proxy' => "http://127.0.0.1:#{proxy.addr[1]}", 'no_proxy' => '')
    # Ruby would ask no proxy for this machine.
    client = Countersign::Client.new(url: 'http://nowhere.invalid', key: 'key', secret: 'secret', timeout: 0.5)
    assert_raises(Countersign::Unavailable) { client.get('/') }
    assert_equal :wait_readable, proxy.accept_nonblock(exception: false)
  ensure
    proxy&.close
    ENV.delete('http_proxy')
    ENV.delete('no_proxy')
    ENV.update(was)
  end

  def test_threads_and_a_forked_process_share_a_client
    client = Countersign::Client.from_environment
    client.get('/echo')
    answers = Array.new(8) { |n| Thread.new { Array.new(5) { client.get("/echo/#{n}")['url'][/\d+\z/].to_i } } }.map(&:value)
    assert_equal Array.new(8) { |n| [n] * 5 }, answers
    children = Array.new(4) { |n| fork { exit!(Array.new(5) { client.get("/echo/#{n}")['url'][/\d+\z/].to_i }.all?(n)) } }
    5.times { assert_match(/mine\z/, client.get('/echo/mine')['url']) }
    assert(children.all? { |child| Process.wait2(child)[1].success? })
  end

  def test_a_client_shows_no_secret
    client = SHOP.with_token('the token', 'token secret')
    assert_includes client.inspect, 'the token'
    [ENV.fetch('COUNTERSIGN_CONSUMER_SECRET'), 'token secret'].each { |secret| refute_includes client.inspect, secret }
  end

  def test_what_is_no_service_is_refused_at_once
    ['localhost:8000', 'http://x/?a', 'ftp://x', 'http://me@x'].each do |url|
      assert_raises(ArgumentError, url) { Countersign::Client.new(url: url, key: 'key', secret: 'secret') }
    end
    assert_raises(ArgumentError) { Countersign::Client.new(url: 'http://x', key: 'key', secret: '') }
  end
end
