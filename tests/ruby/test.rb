# frozen_string_literal: true

# Tests clients/ruby against a real service: tests/ruby/run starts one. One line per test.

require 'minitest'
require 'rack'
require 'countersign/rack/session'
require_relative 'faulty'
require_relative 'browser'

# One line per test, and the sum.
class Lines < Minitest::AbstractReporter
  def initialize
    super
    @passed = @failed = 0
  end

  def record(result)
    name = "ruby #{result.klass} #{result.name.delete_prefix('test_').tr('_', ' ')}"
    if result.passed?
      @passed += 1
      puts "ok #{name}"
    else
      @failed += 1
      puts "not ok #{name}: #{result.failures.map { |failure| "#{failure.message} #{failure.location}" }.join('; ')}"
    end
  end

  def report
    puts "#{@passed} passed, #{@failed} failed"
  end

  def passed?
    @failed.zero? && @passed.positive?
  end
end

# What the tests share.
class Case < Minitest::Test
  SHOP = Countersign::Client.from_environment
  BLOG = Countersign::Client.new(url: ENV.fetch('COUNTERSIGN_URL'), key: ENV.fetch('BLOG_KEY'), secret: ENV.fetch('BLOG_SECRET'))
  PASSWORD = ENV.fetch('PASSWORD')
  FAULTY = Faulty.new
  NOWHERE = 'A' * 43

  # What the service has of a session, as one of its consumers sees it.
  def seen(sessionid, by = SHOP)
    by.post('/sessions/resolve', { 'sessionid' => sessionid.to_s })
  rescue Countersign::NotFound
    nil
  end

  def faulty(kind)
    Countersign::Client.new(url: "#{FAULTY.url}/#{kind}", key: 'key', secret: 'secret', timeout: 0.5)
  end

  # Counts the requests that this client sends.
  def counted
    count = Hash.new(0)
    client = SHOP.dup
    client.define_singleton_method(:request) do |method, path, *rest|
      count[path] += 1
      super(method, path, *rest)
    end
    [client, count]
  end
end

require_relative 'test_client'
require_relative 'test_session'

module Minitest
  def self.plugin_lines_init(_options)
    reporter.reporters.replace([Lines.new])
  end
  extensions << 'lines'
end

exit Minitest.run
