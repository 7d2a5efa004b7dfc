# frozen_string_literal: true

# A browser in front of a Rack application that is made anew for each request.
class Browser
  attr_accessor :cookies
  attr_reader :errors

  def initialize(client, **options)
    @client = client
    @options = options
    @cookies = {}
    @errors = StringIO.new
  end

  # The block is the application; what it answers is the body.
  def visit(env = {}, &page)
    # Rack::Lint in here would look at the session, and a page need not.
    inner = lambda do |given|
      body = page.call(Rack::Request.new(given), given['countersign.session'])
      [200, { 'Content-Type' => 'text/plain' }, [body.to_s]]
    end
    app = Countersign::Rack::FaultPage.new(Countersign::Rack::Session.new(inner, client: @client, **@options))
    sent = { 'HTTP_HOST' => 'localhost:80', 'rack.errors' => @errors }.merge(env)
    sent['HTTP_COOKIE'] ||= @cookies.map { |pair| pair.join('=') }.join('; ') unless @cookies.empty?
    response = Rack::MockRequest.new(Rack::Lint.new(app)).get(sent.delete('PATH') || '/', sent)
    keep(response)
    response
  end

  # The last Set-Cookie of this name, whole.
  def self.cookie(response, name)
    lines(response).reverse.find { |line| line.start_with?("#{name}=") }
  end

  def self.lines(response)
    Array(response.headers['Set-Cookie']).flat_map { |value| value.split("\n") }
  end

  private

  def keep(response)
    self.class.lines(response).each do |line|
      name, value = line.split(';').first.split('=', 2)
      line.include?('max-age=0') ? @cookies.delete(name) : @cookies[name] = value
    end
  end
end
