# frozen_string_literal: true

# Countersign for Ruby: a client that signs its requests, and a session kept by the data service. See README.md.
module Countersign
end

require 'countersign/problem'
require 'countersign/client'
require 'countersign/json'
require 'countersign/session'
