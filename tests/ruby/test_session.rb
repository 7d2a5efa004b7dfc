# frozen_string_literal: true

# Sessions for Rack.
class TestSession < Case
  def setup
    @client, @count = counted
    @browser = Browser.new(@client)
  end

  def sid
    @browser.cookies['sessionid']
  end

  def trips
    @count.clear
    yield
    @count.to_h
  end

  def begun(data = { 'a' => 1 })
    @browser.visit { |request| data.each { |key, value| request.session[key] = value } }
  end

  def test_a_visitor_who_writes_nothing_costs_nothing
    [{}, { 'sessionid' => 'malformed' }].each do |cookies|
      @browser.cookies = cookies
      seen = nil
      cost = trips do
        response = @browser.visit do |request, session|
          request.session.delete(:x)
          seen = [request.session['a'], request.session.to_hash, session.shared, session.user, session.version]
        end
        assert_nil Browser.cookie(response, 'sessionid')
      end
      assert_equal [{}, [nil, {}, {}, nil, nil]], [cost, seen]
    end
  end

  def test_the_first_write_makes_the_session_in_any_namespace
    { 'own' => ->(request, _) { request.session[:a] = 1 }, 'shared' => ->(_, session) { session.shared['a'] = 1 } }.each do |name, write|
      @browser = Browser.new(@client)
      response = nil
      assert_equal({ '/sessions' => 1 }, trips { response = @browser.visit(&write) })
      assert_equal "sessionid=#{sid}; path=/; HttpOnly; SameSite=Lax", Browser.cookie(response, 'sessionid')
      assert_equal({ 'a' => 1 }, seen(sid)['data'][name])
      assert_equal({ '/sessions/resolve' => 1 }, trips { response = @browser.visit(&write) })
      assert_nil Browser.cookie(response, 'sessionid')
    end
  end

  def test_a_page_that_does_not_look_costs_nothing
    begun
    assert_equal({}, trips { @browser.visit { 'hello' } })
  end

  def test_only_what_has_changed_is_sent_and_into_hashes_too
    begun('cart' => { 'tea' => 1, 'milk' => 2, 'tags' => %w[x y] }, 'n' => 1, 'gone' => true)
    cost = trips do
      @browser.visit do |request|
        request.session.delete('gone')
        request.session['cart']['tea'] = 5 # in place
        request.session['cart']['tags'] << 'z'
        other = Browser.new(SHOP)
        other.cookies = @browser.cookies.dup
        other.visit do |at_once|
          at_once.session['cart']['milk'] = 9
          at_once.session['n'] = nil
          at_once.session['new'] = { a: { b: nil, c: 1 } }
        end
      end
    end
    assert_equal({ '/sessions/resolve' => 1, '/sessions/save' => 1 }, cost)
    assert_equal({ 'cart' => { 'tea' => 5, 'milk' => 9, 'tags' => %w[x y z] }, 'new' => { 'a' => { 'c' => 1 } } },
                 seen(sid)['data']['own'])
  end

  def test_values_come_back_as_they_went_and_nothing_is_sent_for_them
    values = { 'f' => 1.0, 'g' => 0.1, 'i' => 2**63, 'e' => {}, 'l' => [1, [2, { 'x' => [] }]], 's' => "a😀\u0000", 'b' => false }
    begun(values)
    found = nil
    assert_equal({ '/sessions/resolve' => 1 }, trips { @browser.visit { |request| found = request.session.to_hash } })
    assert_equal values, found
    assert found['f'].eql?(1.0) && found['i'].eql?(2**63)
  end

  def test_an_unknown_id_is_never_adopted
    [NOWHERE, 'short', '../../etc', 'x' * 3000, '%ff%fe', ''].each do |planted|
      @browser = Browser.new(@client)
      @browser.cookies['sessionid'] = planted
      begun
      refute_equal planted, sid
      assert_equal({ 'a' => 1 }, seen(sid)['data']['own'])
      assert_nil seen(planted.empty? ? 'x' : planted)
    end
  end

  def test_renew_gives_a_new_id
    begun
    old = sid
    id = seen(old)['id']
    @browser.visit do |request|
      request.session_options[:renew] = true
      request.session['b'] = 2
    end
    assert_nil seen(old)
    assert_equal [id, { 'a' => 1, 'b' => 2 }], [seen(sid)['id'], seen(sid)['data']['own']]
    # Also where nobody has looked at the session.
    old = sid
    cost = trips { @browser.visit { |request| request.session_options[:renew] = true } }
    assert_equal({ '/sessions/resolve' => 1, '/sessions/cycle' => 1 }, cost)
    assert_equal [nil, id], [seen(old), seen(sid)['id']]
  end

  def test_renew_without_a_session_makes_one_if_there_is_something_to_keep
    assert_equal({}, trips { @browser.visit { |request| request.session_options[:renew] = true } })
    @browser.cookies['sessionid'] = NOWHERE
    @browser.visit do |request|
      request.session_options[:renew] = true
      request.session['a'] = 1
    end
    refute_equal NOWHERE, sid
    assert_equal({ 'a' => 1 }, seen(sid)['data']['own'])
  end

  def test_drop_and_destroy_end_it_for_everybody
    [->(request, _) { request.session_options[:drop] = true }, ->(request, _) { request.session.destroy }].each do |finish|
      begun
      old = sid
      refute_nil seen(old, BLOG)
      @browser.visit(&finish)
      assert_equal [nil, nil, nil], [seen(old), seen(old, BLOG), sid]
    end
    begun
    old = sid
    @browser.visit do |request|
      request.session.destroy
      request.session['flash'] = 'Goodbye'
    end
    assert_equal [nil, { 'flash' => 'Goodbye' }], [seen(old), seen(sid)['data']['own']]
  end

  def test_logs_in_and_out
    @browser.visit do |request, session|
      request.session['cart'] = [1]
      session.shared['theme'] = 'dark'
    end
    visitor = sid
    [%w[ann wrong], ["ann\xff", PASSWORD], ['ann', "\xff".b], ['ann', nil], [{ 'a' => 'b' }, PASSWORD]].each do |name, password|
      assert_equal 401, @browser.visit { |_, session| session.login(name, password) }.status
    end
    assert_equal visitor, sid

    @browser.cookies['device'] = '%ff'
    response = @browser.visit('PATH' => '/enter') do |request, session|
      user = session.login('ann', PASSWORD, address: '203.0.113.7')
      request.session['seen'] = user['username']
    end
    ann = sid
    assert_equal [nil, 'ann', { 'cart' => [1], 'seen' => 'ann' }, { 'theme' => 'dark' }],
                 [seen(visitor), seen(ann)['user']['username'], seen(ann)['data']['own'], seen(ann, BLOG)['data']['shared']]
    assert_match(%r{; path=/enter; max-age=15552000; HttpOnly; SameSite=Lax\z}, Browser.cookie(response, 'device'))
    response = @browser.visit { |_, session| [session.user['username'], session.as_user.get('/')['user']['username']].join }
    assert_equal 'annann', response.body

    # Somebody else at the same browser; what the application holds already is emptied.
    response = @browser.visit do |request, session|
      held = request.session['cart']
      session.login('bob', PASSWORD, remember: true)
      [held, request.session.to_hash, session.shared, session.user['username']].inspect
    end
    assert_equal '[[1], {}, {}, "bob"]', response.body
    bob = sid
    assert_equal({ 'own' => {}, 'shared' => {} }, seen(bob)['data'])
    assert_match(/; expires=/, Browser.cookie(response, 'sessionid'))

    response = @browser.visit { |request, session| [session.logout, request.session.to_hash, session.user].inspect }
    assert_equal '[true, {}, nil]', response.body
    assert_equal [nil, nil, nil], [seen(bob), seen(bob, BLOG), sid]
    assert_raises(ArgumentError) { @browser.visit { |_, session| session.as_user } }
  end

  def test_a_session_that_was_ended_meanwhile_does_not_come_back
    begun
    old = sid
    response = @browser.visit do |request|
      request.session['b'] = 1
      SHOP.post('/sessions/end', { sessionid: old })
    end
    assert_equal [409, nil, nil], [response.status, Browser.cookie(response, 'sessionid'), seen(old)]
  end

  def test_what_json_cannot_say_is_refused_with_its_place_and_nothing_is_lost
    begun('a' => 1, 'cart' => [])
    { Time.now => 'session[cart][0] is a Time', :x => 'a Symbol', Float::NAN => 'no finite number', "\xff" => 'no UTF-8',
      { 1 => 2 } => 'neither a String nor a Symbol', { "\xff" => 1 } => 'no UTF-8' }.each do |value, words|
      error = assert_raises(ArgumentError) do
        @browser.visit do |request|
          request.session['b'] = 2
          request.session['cart'] << value
        end
      end
      assert_includes error.message, words
    end
    own = []
    own << own
    assert_includes assert_raises(ArgumentError) { @browser.visit { |request| request.session['o'] = own } }.message, 'nested too deeply'
    assert_equal({ 'a' => 1, 'cart' => [] }, seen(sid)['data']['own'])
  end

  def test_a_save_may_insist_on_a_version
    begun
    found = nil
    @browser.visit do |request, session|
      session.expect(session.version - 1)
      request.session['a'] = 2
      assert_raises(Countersign::PreconditionFailed) { session.save }
      found = request.session.to_hash
    end
    assert_equal [{ 'a' => 1 }, { 'a' => 1 }], [found, seen(sid)['data']['own']]
    @browser.visit do |request, session|
      session.expect(session.version)
      request.session['a'] = 3
    end
    assert_equal({ 'a' => 3 }, seen(sid)['data']['own'])
    response = @browser.visit do |request, session|
      session.expect(1)
      request.session['a'] = 4
    end
    assert_equal [409, { 'a' => 3 }], [response.status, seen(sid)['data']['own']]
  end

  def test_too_much_is_told_and_nothing_is_lost
    begun
    assert_equal 413, @browser.visit { |request| request.session['b'] = 'x' * 70_000 }.status
    assert_equal({ 'a' => 1 }, seen(sid)['data']['own'])
  end

  Faulty::KINDS.each do |kind|
    define_method("test_a_fault_(#{kind})_is_a_503_and_the_cookie_stays") do
      [{ 'sessionid' => NOWHERE }, {}].each do |cookies|
        browser = Browser.new(faulty(kind))
        browser.cookies = cookies
        went_on = false
        response = browser.visit do |request|
          request.session['a'] = 1
          went_on = true
        end
        assert_equal [503, nil, cookies.empty?], [response.status, Browser.cookie(response, 'sessionid'), went_on]
        assert_equal "Please try again in a moment.\n", response.body
        assert_includes browser.errors.string, 'countersign: unavailable' unless kind == 'internal'
      end
    end
  end

  def test_a_service_that_does_not_know_us_is_a_fault_and_what_the_application_asks_is_its_own
    stranger = Countersign::Client.new(url: ENV.fetch('COUNTERSIGN_URL'), key: ENV.fetch('COUNTERSIGN_CONSUMER_KEY'), secret: 'no')
    browser = Browser.new(stranger)
    browser.cookies['sessionid'] = NOWHERE
    response = browser.visit { |request| request.session['a'] }
    assert_equal [503, nil], [response.status, Browser.cookie(response, 'sessionid')]
    assert_includes browser.errors.string, 'signature_invalid'
    assert_raises(Countersign::Forbidden) { @browser.visit { SHOP.get('/consumers') } }
  end

  def test_a_fault_that_the_application_swallows_is_still_no_session
    browser = Browser.new(faulty('unavailable'))
    browser.cookies['sessionid'] = NOWHERE
    response = browser.visit do |request|
      request.session['a']
    rescue Countersign::Unavailable
      begin
        request.session['a'] = 1
      rescue Countersign::Unavailable
        'never mind'
      end
    end
    assert_equal [200, 'never mind', nil], [response.status, response.body, Browser.cookie(response, 'sessionid')]
  end

  def test_the_cookie_is_secure_but_for_http_on_this_machine
    [[{}, false], [{ 'HTTP_HOST' => '[::1]:1' }, false], [{ 'HTTP_HOST' => 'example.com' }, true],
     [{ 'HTTP_HOST' => '127.0.0.1.example.com' }, true], [{ 'HTTP_X_FORWARDED_PROTO' => 'https' }, true],
     [{ 'HTTP_X_FORWARDED_FOR' => '203.0.113.7' }, true], [{ 'HTTPS' => 'on' }, true]].each do |env, secure|
      response = Browser.new(@client).visit(env) { |request| request.session['a'] = 1 }
      assert_equal secure, Browser.cookie(response, 'sessionid').include?('; secure'), env.inspect
    end
    response = Browser.new(@client, secure: true).visit { |request| request.session['a'] = 1 }
    assert_includes Browser.cookie(response, 'sessionid'), '; secure'
  end

  def test_a_hundred_writes_at_once_lose_nothing
    begun
    Array.new(100) do |n|
      Thread.new do
        browser = Browser.new(SHOP)
        browser.cookies = @browser.cookies.dup
        assert_equal 200, browser.visit { |request| request.session["k#{n}"] = n }.status
      end
    end.each(&:join)
    assert_equal 101, seen(sid)['data']['own'].size
  end

  def test_skip_saves_nothing
    begun
    @browser.visit do |request|
      request.session_options[:skip] = true
      request.session['a'] = 2
    end
    assert_equal({ 'a' => 1 }, seen(sid)['data']['own'])
  end

  def test_the_page_for_a_fault_may_be_ones_own
    app = Countersign::Rack::Session.new(->(env) { env['rack.session']['a'] }, client: faulty('cut'))
    page = Countersign::Rack::FaultPage.new(app) { |problem| [503, {}, ["Tea break: #{problem.class}"]] }
    answer = Rack::MockRequest.new(page).get('/', 'HTTP_COOKIE' => "sessionid=#{NOWHERE}")
    assert_equal [503, 'Tea break: Countersign::Unavailable'], [answer.status, answer.body]
  end
end
