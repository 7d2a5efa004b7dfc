# frozen_string_literal: true

# The home page of the site, in Rack.

require 'erb'
require 'countersign'
require 'countersign/rack/session'

COLOURS = %w[teal plum rust moss sea].freeze

class Home
  PAGE = ERB.new(File.read(File.join(__dir__, 'page.erb')), trim_mode: '-')
  SEE_OTHER = [303, { 'location' => '/' }, []].freeze

  def call(env)
    request = Rack::Request.new(env)
    visit = env['countersign.session']
    case [request.request_method, request.path]
    in ['GET' | 'HEAD', '/'] then show(visit)
    in ['POST', '/'] then save(visit, request)
    in ['POST', '/logout'] then log_out(visit)
    else [404, { 'content-type' => 'text/plain' }, ["There is nothing at this address.\n"]]
    end
  end

  private

  def show(visit)
    user = visit.user
    colour = visit.shared['colour'] || COLOURS.first
    note = visit.own['note'] || ''
    page = PAGE.result_with_hash(user: user, colour: colour, note: note)
    [200, { 'content-type' => 'text/html; charset=utf-8', 'cache-control' => 'no-store' }, [page]]
  end

  def save(visit, request)
    colour, note = request.params.values_at('colour', 'note')
    visit.shared['colour'] = colour if COLOURS.include?(colour) # every service sees it
    visit.own['note'] = note.scrub[0, 200] if note.is_a?(String) # this one alone
    SEE_OTHER.dup
  end

  def log_out(visit)
    visit.logout # everywhere
    SEE_OTHER.dup
  end
end

# COUNTERSIGN_URL, COUNTERSIGN_CONSUMER_KEY and COUNTERSIGN_CONSUMER_SECRET say the rest.
use Countersign::Rack::FaultPage
use Countersign::Rack::Session, secure: ENV['SITE_HTTPS'] == '1'
run Home.new
