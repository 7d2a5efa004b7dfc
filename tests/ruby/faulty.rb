# frozen_string_literal: true

require 'json'
require 'socket'

# Stands for a data service that is not well. The first word of the path says how it answers.
class Faulty
  KINDS = %w[unavailable internal proxy404 plain404 nonsense stranger redirect short cut slow].freeze

  def initialize
    @server = TCPServer.new('127.0.0.1', 0)
    @open = []
    Thread.new { loop { serve(@server.accept) } }
  end

  def url
    "http://127.0.0.1:#{@server.addr[1]}"
  end

  private

  def serve(socket)
    kind = socket.gets.to_s[%r{/(\w+)}, 1]
    nil until [nil, "\r\n"].include?(socket.gets)
    return @open << socket if kind == 'slow' # never answered

    case kind
    when 'short' then socket.write("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{}")
    when 'cut' then nil
    else
      status, headers, body = answer(kind)
      socket.write("HTTP/1.1 #{status} It\r\n#{headers}\r\nContent-Length: #{body.bytesize}\r\nConnection: close\r\n\r\n#{body}")
    end
    socket.close
  rescue SystemCallError
    nil # whoever asked has gone
  end

  def answer(kind)
    case kind
    when 'unavailable' then problem(503, kind)
    when 'internal' then problem(500, kind)
    when 'proxy404' then [404, 'Content-Type: text/html', '<h1>nginx</h1>']
    when 'plain404' then [404, 'Content-Type: application/json', '{"code": "not_found"}']
    when 'nonsense' then [200, 'Content-Type: text/html', '<h1>Welcome to your router</h1>']
    when 'stranger' then [200, 'Content-Type: application/json', '{"hello": "world"}']
    when 'redirect' then [302, "Location: #{url}/stranger", '']
    end
  end

  def problem(status, code)
    [status, "Content-Type: application/problem+json\r\nRetry-After: 7",
     JSON.generate(code: code, status: status, detail: 'so it is')]
  end
end
