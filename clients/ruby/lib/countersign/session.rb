# frozen_string_literal: true

module Countersign
  # The session of one request, loaded when it is first asked for and saved by whoever holds it. A framework's session sits on
  # top of it: Countersign::Rack::Session.
  class Session
    COOKIE = 'sessionid'

    # What a login told about this browser, for a cookie called `device`.
    attr_reader :device
    # True if the login shall outlive the browser.
    attr_reader :remember

    # `cookie` is what the browser sent as `sessionid`, `device` what it sent as that.
    def initialize(client, cookie, device: nil)
      @client = client
      @cookie = cookie.to_s.b.match?(/\A[A-Za-z0-9_-]{16,128}\z/) ? cookie.to_s : nil
      @known_device = device.to_s.b.match?(/\A[!-~]{1,512}\z/) ? device.to_s : nil
      @loaded = false
      forget
    end

    # What this service keeps: a hash to be changed.
    def own
      load.instance_variable_get(:@own)
    end

    # What every service sees: a hash to be changed.
    def shared
      load.instance_variable_get(:@shared)
    end

    # Who is logged in: "id", "username", "email", "name", …; nil: nobody.
    def user
      load.instance_variable_get(:@state)['user']
    end

    # The public id, as in the list of a user's sessions.
    def id
      load.instance_variable_get(:@state)['id']
    end

    # Counts the changes to the session's data; nil without a session.
    def version
      load.instance_variable_get(:@state)['version']
    end

    # The value for the cookie; nil without a session.
    def sessionid
      load.instance_variable_get(:@sessionid)
    end

    def loaded?
      @loaded
    end

    # True if there is something to begin a session for.
    def anything?
      !own.compact.empty? || !shared.compact.empty?
    end

    # True if the session was ended by this request.
    def ended?
      @ended
    end

    # The next save is refused (PreconditionFailed) if the session has another version by then.
    def expect(version)
      @expected = version
    end

    # A client that signs as the user who is logged in.
    def as_user
      load
      raise ArgumentError, 'nobody is logged in, or this service may no longer act for them' unless @state['token']

      @client.with_token(@state['token'], @state['secret'])
    end

    # One round trip at most, and none without a cookie. Only the service's own 404 means that there is no session; with any
    # other refusal it is not known.
    def load
      return self if @loaded

      begin
        take(@client.post('/sessions/resolve', { 'sessionid' => @cookie }), @cookie) if @cookie
      rescue NotFound
        forget
      rescue Problem => e
        raise e.is_a?(Unavailable) ? e : Unavailable.new(e.code, e.message, status: e.status, fields: e.fields)
      end
      @loaded = true
      self
    end

    # Sends what has changed since it was loaded; begins the session if there is none. What could not be saved is taken
    # back and not tried again.
    def save
      load
      own = Json.tree(@own, @own_was, 'session')
      shared = Json.tree(@shared, @shared_was, 'shared')
      @sessionid ? send_changes(own, shared) : create(own, shared)
    rescue StandardError
      @expected = nil
      @own.replace(copy(@own_was))
      @shared.replace(copy(@shared_was))
      raise
    end

    # A new id for the same session; the old one is dead at once.
    def cycle
      return unless sessionid

      @sessionid = has(@client.post('/sessions/cycle', { 'sessionid' => @sessionid }), 'sessionid')['sessionid']
    end

    # Logs in: a new id, and what was in the visitor's session goes along. `address` is where the person comes from, so
    # that guessing is slowed down fairly. Answers the user; raises InvalidCredentials, Throttled, …
    def login(username, password, remember: false, address: nil)
      username, password = [username, password].map { |text| typed(text) }
      another = !user.nil?
      about = { 'address' => address, 'device' => @known_device }.compact
      answer = has(@client.post('/authenticate', {
        'username' => username, 'password' => password, 'remember' => remember || nil,
        'sessionid' => another ? nil : @sessionid, 'client' => about.empty? ? nil : about
      }.compact), 'sessionid', 'user')
      forget if another
      @sessionid = answer['sessionid']
      @state = answer.slice('user', 'token', 'secret', 'expires_at')
      @device = answer['device']
      @remember = remember
      @ended = false
      answer['user']
    end

    # Ends the session for every service.
    def logout
      @client.post('/sessions/end', { 'sessionid' => sessionid }) if sessionid
      forget
      @ended = true
    end

    # Without the secrets.
    def inspect
      "#<#{self.class} #{@loaded ? @state.slice('id', 'version') : 'not loaded'}>"
    end

    private

    def create(own, shared)
      return if own.empty? && shared.empty?
      raise PreconditionFailed.new('precondition_failed', 'there is no session', status: 412) if @expected

      take(@client.post('/sessions', { 'data' => { 'own' => own, 'shared' => shared } }))
    end

    def send_changes(own, shared)
      patch = { 'own' => Json.patch(@own_was, own), 'shared' => Json.patch(@shared_was, shared) }
      patch.reject! { |_, changes| changes.empty? }
      return if patch.empty? && @expected.nil?

      body = { 'sessionid' => @sessionid, 'patch' => patch, 'version' => @expected }.compact
      @state['version'] = has(@client.post('/sessions/save', body), 'version')['version']
      @own_was = own
      @shared_was = shared
      @expected = nil
    rescue NotFound => e
      raise SessionEnded.new(e.code, 'the session was ended meanwhile', status: e.status)
    end

    # Keeps what the service says of a session.
    def take(answer, sessionid = has(answer, 'sessionid')['sessionid'])
      data = has(answer, 'id', 'data')['data']
      @sessionid = sessionid
      @own_was = data['own'] || {}
      @shared_was = data['shared'] || {}
      @own.replace(copy(@own_was))
      @shared.replace(copy(@shared_was))
      @state = answer.reject { |name, _| %w[data sessionid].include?(name) }
      @ended = false
    end

    # The hashes stay the same ones: a framework holds them.
    def forget
      @sessionid = @expected = nil
      @state = {}
      @own_was = {}
      @shared_was = {}
      (@own ||= {}).clear
      (@shared ||= {}).clear
    end

    # What somebody typed into a form, or sent in its place.
    def typed(text)
      text = text.is_a?(String) ? text.dup.force_encoding(Encoding::UTF_8) : nil
      return text if text&.valid_encoding?

      raise InvalidCredentials.new('invalid_credentials', 'the name or the password is no text', status: 401)
    end

    # A 200 that is not the service's is a fault like any other.
    def has(answer, *fields)
      return answer if answer.is_a?(Hash) && fields.all? { |field| answer[field] }

      raise Unavailable.new('unavailable', "the answer lacks #{fields.join(' or ')}", status: 200)
    end

    def copy(value)
      case value
      when Hash then value.transform_values { |item| copy(item) }
      when Array then value.map { |item| copy(item) }
      else value.dup
      end
    end
  end
end
