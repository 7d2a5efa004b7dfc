# frozen_string_literal: true

Gem::Specification.new do |gem|
  gem.name = 'countersign'
  gem.version = '0.1.0'
  gem.summary = 'Users and sessions kept by Countersign: a signed client and a Rack session store'
  gem.authors = ['The Countersign authors']
  gem.licenses = ['MIT', 'Apache-2.0']
  gem.required_ruby_version = '>= 2.7'
  gem.files = Dir['lib/**/*.rb'] + ['README.md']
  # Rack itself, and with Rack 3 the gem rack-session, come with the application.
end
