# frozen_string_literal: true

require 'countersign'
require 'rack'
require 'rack/session/abstract/id' # Rack 2 brings it, Rack 3 wants the gem rack-session

module Countersign
  module Rack
    # Keeps `env['rack.session']` in the data service.
    #
    #   use Countersign::Rack::FaultPage
    #   use Countersign::Rack::Session, client: Countersign::Client.from_environment
    #
    # Nothing is asked of the service until the session is, and nothing ever for a visitor without a cookie who writes nothing.
    # `env['countersign.session']` is the Countersign::Session underneath: `shared`, `user`, `as_user`, `login`, `logout`.
    # `rack.session.options` means what it means everywhere: `:renew` gives a new id, `:drop` ends the session.
    class Session < ::Rack::Session::Abstract::PersistedSecure
      ENV_KEY = 'countersign.session'
      DEFAULT_OPTIONS = superclass::DEFAULT_OPTIONS.merge(
        key: Countersign::Session::COOKIE, same_site: :lax, secure: nil # decided for each request
      ).freeze
      # As long as browsers keep a cookie: when a login ends is the service's to say.
      REMEMBERED = 400 * 86_400
      DEVICE = 180 * 86_400
      private_constant :REMEMBERED, :DEVICE

      def initialize(app, options = {})
        options = options.dup
        @client = options.delete(:client) || Client.from_environment
        super(app, options)
      end

      # The hash of the session below, so that there is one.
      class Values < ::Rack::Session::Abstract::PersistedSecure::SecureSessionHash
        private

        def load!
          super
          @data = @req.get_header(ENV_KEY).own
        end
      end

      def commit_session(req, res)
        visit = visit(req)
        options = req.session_options
        options[:expire_after] ||= REMEMBERED if visit.remember
        super
        cookies(req, res, visit, options)
      end

      private

      def prepare_session(req)
        req.set_header(ENV_KEY, Countersign::Session.new(@client, req.cookies[key], device: req.cookies['device']))
        super
        options = req.session_options
        options[:secure] = !on_this_machine?(req) if options[:secure].nil?
      end

      def session_class
        Values
      end

      def visit(req)
        req.get_header(ENV_KEY)
      end

      def find_session(req, _sid)
        visit = visit(req)
        [visit.sessionid && ::Rack::Session::SessionId.new(visit.sessionid), visit.own]
      end

      # Rack asks whether the connection is secure; here the cookie is marked, and the browser sees to it.
      def commit_session?(req, _session, options)
        visit = visit(req)
        !options[:skip] && visit.loaded? && (!visit.sessionid.nil? || visit.anything?)
      end

      def write_session(req, _sid, _session, _options)
        visit = visit(req)
        visit.save
        ::Rack::Session::SessionId.new(visit.sessionid)
      end

      def delete_session(req, _sid, options)
        visit = visit(req)
        if options[:renew] && !options[:drop]
          # Without a session there is nothing to cycle: what is written begins one, and that is new.
          ::Rack::Session::SessionId.new(visit.cycle)
        else
          visit.logout
          nil
        end
      end

      def generate_sid(*)
        nil # the service makes them
      end

      def cookies(req, res, visit, options)
        flags = { httponly: true, same_site: @same_site, secure: options[:secure] }
        if visit.device
          path = req.path.match?(%r{\A/[\w./%-]*\z}) ? req.path : '/'
          res.set_cookie('device', flags.merge(value: visit.device, path: path, max_age: DEVICE.to_s))
        end
        return unless visit.ended? && req.cookies[key]

        res.delete_cookie(key, flags.merge(path: options[:path], domain: options[:domain]))
      end

      # Browsers keep no Secure cookie over http; on loopback alone it may go without.
      def on_this_machine?(req)
        proxied = %w[HTTP_FORWARDED HTTP_X_FORWARDED_FOR HTTP_X_FORWARDED_PROTO].any? { |name| req.has_header?(name) }
        host = req.get_header('HTTP_HOST').to_s.downcase.sub(/:\d+\z/, '')
        !req.ssl? && !proxied && host.match?(/\A(localhost|127(\.\d{1,3}){3}|\[::1\])\z/)
      end
    end

    # Answers for a session that could not be loaded or saved: 503 when the service is away. No cookie is touched. What
    # the application's own requests were refused with is the application's.
    #
    #   use(Countersign::Rack::FaultPage) { |problem| [503, { 'content-type' => 'text/html' }, ['…']] }
    class FaultPage
      STATUS = { Unavailable => 503, InvalidCredentials => 401, Throttled => 429, SessionEnded => 409,
                 PreconditionFailed => 409, BodyTooLarge => 413 }.freeze
      WORDS = { 401 => 'Wrong name or password.', 429 => 'Too many attempts. Please try again later.',
                409 => 'It was changed in the meantime, or you were logged out. Nothing was saved.',
                413 => 'This is too much to be kept. Nothing was saved.',
                503 => 'Please try again in a moment.' }.freeze
      private_constant :STATUS, :WORDS

      def initialize(app, &page)
        @app = app
        @page = page || method(:page)
      end

      def call(env)
        @app.call(env)
      rescue *STATUS.keys => e
        env['rack.errors']&.puts("countersign: #{e.message}")
        @page.call(e)
      end

      private

      def page(problem)
        status = STATUS.fetch(problem.class)
        headers = { 'content-type' => 'text/plain; charset=utf-8', 'cache-control' => 'no-store' }
        headers['retry-after'] = problem.retry_after.to_s if problem.retry_after
        [status, headers, ["#{WORDS[status]}\n"]]
      end
    end
  end
end
