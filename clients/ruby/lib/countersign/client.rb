# frozen_string_literal: true

require 'json'
require 'net/http'
require 'openssl'
require 'securerandom'
require 'uri'

module Countersign
  # Signs requests (OAuth 1.0, HMAC-SHA256, oauth_body_hash) and sends them. Connections are kept; any number of threads
  # may share a client.
  class Client
    FAULTS = [SystemCallError, SocketError, IOError, Timeout::Error, OpenSSL::SSL::SSLError,
              Net::ProtocolError, Net::HTTPBadResponse, Net::HTTPHeaderSyntaxError].freeze
    VERBS = { 'GET' => Net::HTTP::Get, 'HEAD' => Net::HTTP::Head, 'POST' => Net::HTTP::Post, 'PUT' => Net::HTTP::Put,
              'PATCH' => Net::HTTP::Patch, 'DELETE' => Net::HTTP::Delete }.freeze
    DEEPEST = 512
    private_constant :FAULTS, :VERBS

    # `timeout` is in seconds.
    def initialize(url:, key:, secret:, token: nil, token_secret: nil, timeout: 5)
      @uri = URI(url.to_s.chomp('/'))
      unless @uri.is_a?(URI::HTTP) && @uri.host && !@uri.query && !@uri.fragment && !@uri.userinfo
        raise ArgumentError, "not the URL of a data service: #{url}"
      end
      raise ArgumentError, 'a consumer has a key and a secret' if [key, secret].any? { |text| text.to_s.empty? }

      @key = key
      @secret = secret
      @token = token
      @token_secret = token_secret
      @timeout = timeout
      @connections = Connections.new { connect }
    end

    # From COUNTERSIGN_URL, COUNTERSIGN_CONSUMER_KEY, COUNTERSIGN_CONSUMER_SECRET and COUNTERSIGN_TIMEOUT.
    def self.from_environment(env = ENV)
      new(url: env.fetch('COUNTERSIGN_URL'), key: env.fetch('COUNTERSIGN_CONSUMER_KEY'),
          secret: env.fetch('COUNTERSIGN_CONSUMER_SECRET'), timeout: Float(env.fetch('COUNTERSIGN_TIMEOUT', 5)))
    end

    # The same client, acting for the user of this token.
    def with_token(token, secret)
      dup.tap do |client|
        client.instance_variable_set(:@token, token)
        client.instance_variable_set(:@token_secret, secret)
      end
    end

    def get(path, headers = {})
      request('GET', path, nil, headers)
    end

    def post(path, body = {}, headers = {})
      request('POST', path, body, headers)
    end

    def put(path, body, headers = {})
      request('PUT', path, body, headers)
    end

    def patch(path, body, headers = {})
      request('PATCH', path, body, headers)
    end

    def delete(path, headers = {})
      request('DELETE', path, nil, headers)
    end

    # The decoded JSON of the answer, nil if it is empty. `path` is as it goes over the wire, with its query; `body`
    # becomes JSON. Raises a Problem.
    def request(method, path, body = nil, headers = {})
      text = body.nil? ? '' : JSON.generate(body, max_nesting: DEEPEST)
      request = VERBS.fetch(method).new(@uri.path + path)
      request['Accept'] = 'application/json'
      request['Accept-Encoding'] = 'identity'
      unless text.empty?
        request.body = text
        request['Content-Type'] = method == 'PATCH' ? 'application/merge-patch+json' : 'application/json'
      end
      headers.each { |name, value| request[name] = value }
      request['Authorization'] = authorization(method, path, text)
      understood(@connections.use { |http| http.request(request) })
    rescue *FAULTS => e
      raise Unavailable.new('unavailable', "#{e.class}: #{e.message}")
    end

    # What is signed: RFC 5849, section 3.4.1. `path` has no query.
    def self.base_string(method, uri, path, parameters)
      port = uri.port == uri.default_port ? '' : ":#{uri.port}"
      address = "#{uri.scheme.downcase}://#{uri.host.downcase}#{port}#{path.empty? ? '/' : path}"
      pairs = parameters.map { |name, value| [escape(name), escape(value)] }.sort
      [method, address, pairs.map { |pair| pair.join('=') }.join('&')].map { |part| escape(part) }.join('&')
    end

    def self.escape(text)
      text.to_s.b.gsub(/[^A-Za-z0-9\-._~]/) { |byte| format('%%%02X', byte.ord) }
    end

    # Without the secrets.
    def inspect
      "#<#{self.class} #{@uri} key=#{@key.inspect} token=#{@token.inspect}>"
    end

    private

    def authorization(method, path, body)
      path, query = (@uri.path + path).split('?', 2)
      oauth = { 'oauth_consumer_key' => @key, 'oauth_nonce' => SecureRandom.hex(16),
                'oauth_signature_method' => 'HMAC-SHA256', 'oauth_timestamp' => Time.now.to_i.to_s,
                'oauth_version' => '1.0' }
      oauth['oauth_token'] = @token if @token
      oauth['oauth_body_hash'] = [OpenSSL::Digest::SHA256.digest(body)].pack('m0') unless body.empty?
      base = self.class.base_string(method, @uri, path, URI.decode_www_form(query.to_s) + oauth.to_a)
      key = "#{self.class.escape(@secret)}&#{self.class.escape(@token_secret)}"
      oauth['oauth_signature'] = [OpenSSL::HMAC.digest('SHA256', key, base)].pack('m0')
      "OAuth #{oauth.map { |name, value| %(#{name}="#{self.class.escape(value)}") }.join(', ')}"
    end

    def understood(response)
      status = response.code.to_i
      body = response.body.to_s
      if response['Content-Length'] && response.body && body.bytesize < response['Content-Length'].to_i
        raise EOFError, 'the answer broke off'
      end
      raise Problem.of(status, response['Content-Type'], body, response['Retry-After']) unless status.between?(200, 299)

      body.empty? ? nil : JSON.parse(body, max_nesting: DEEPEST)
    rescue JSON::ParserError
      raise Unavailable.new('unavailable', 'the answer is no JSON', status: status)
    end

    # No proxy of the environment and no redirect: what is sent here is for the service alone. And nothing is sent twice:
    # the nonce would be known.
    def connect
      http = Net::HTTP.new(@uri.host.delete('[]'), @uri.port, nil)
      http.use_ssl = @uri.scheme == 'https'
      http.open_timeout = http.read_timeout = http.write_timeout = @timeout
      http.max_retries = 0
      http.start
    end

    # Idle connections, for any number of threads; not for a process forked off.
    class Connections
      def initialize(&connect)
        @connect = connect
        @lock = Mutex.new
        @idle = []
        @pid = Process.pid
      end

      def use
        http = take || @connect.call
        answer = yield http
        give(http)
        http = nil
        answer
      ensure
        close(http) if http # whatever is still to come on it answers nobody's question
      end

      private

      def take
        @lock.synchronize do
          @idle = [] unless @pid == Process.pid
          @pid = Process.pid
          @idle.pop
        end
      end

      def give(http)
        @lock.synchronize { @idle.push(http) }
      end

      def close(http)
        http.finish
      rescue IOError
        nil # it was closed already
      end
    end
    private_constant :Connections
  end
end
