# frozen_string_literal: true

# The application of tests/conformance: its routes, with Countersign::Rack::Session.

require 'json'
require 'countersign/rack/session'

CLIENT = Countersign::Client.from_environment

# What goes wrong is told by the service's word.
class Words
  def initialize(app)
    @app = app
  end

  def call(env)
    @app.call(env)
  rescue Countersign::Problem => e
    status = (400..499).cover?(e.status.to_i) ? e.status : 503
    [status, { 'content-type' => 'application/json' }, [JSON.generate('code' => e.code)]]
  end
end

def data(request, namespace)
  namespace == 'shared' ? request.env['countersign.session'].shared : request.session
end

def person(user)
  user&.slice('id', 'username')
end

def answer(request, given)
  session = request.env['countersign.session']
  case [request.request_method, request.path_info]
  when %w[GET /] then {}
  when %w[GET /read]
    key = request.params['key']
    held = data(request, request.params['namespace'])
    { found: held.key?(key), value: held[key], version: session.version }
  when %w[POST /write]
    if given['pause']
      session.load
      sleep(given['pause'] / 1000.0)
    end
    session.expect(given['version']) if given['version']
    data(request, given['namespace'])[given['key']] = given['value']
    {}
  when %w[POST /delete]
    data(request, given['namespace']).delete(given['key'])
    {}
  when %w[POST /cycle]
    request.session_options[:renew] = true
    {}
  when %w[POST /login]
    { user: person(session.login(given['username'], given['password'], remember: given['remember'] == true)) }
  when %w[POST /logout]
    session.logout
    {}
  when %w[GET /whoami] then { user: person(session.user) }
  when %w[GET /service] then (session.user ? session.as_user : CLIENT).get('/')
  end
end

use Words
use Countersign::Rack::Session, client: CLIENT
run(lambda do |env|
  request = Rack::Request.new(env)
  found = answer(request, request.post? ? JSON.parse(request.body.read.then { |text| text.empty? ? '{}' : text }) : {})
  [found ? 200 : 404, { 'content-type' => 'application/json' }, [JSON.generate(found || { code: 'not_found' })]]
end)
