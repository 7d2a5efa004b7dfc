# frozen_string_literal: true

require 'json'

module Countersign
  # What the data service refused, or could not do.
  class Problem < StandardError
    # The word to program against, see docs/protocol.md.
    attr_reader :code
    # The HTTP status; nil if there was no answer.
    attr_reader :status
    # When to try again, in seconds.
    attr_reader :retry_after
    # Everything the service said: "errors", "access", "request_id", …
    attr_reader :fields

    def initialize(code, detail, status: nil, retry_after: nil, fields: {})
      super("#{code}: #{detail}")
      @code = code
      @status = status
      @retry_after = retry_after
      @fields = fields
    end

    # Only what the service itself refused is a refusal. A proxy's 404 is a fault, and so is everything from 500 on.
    def self.of(status, type, body, retry_after)
      retry_after = retry_after.to_s.match?(/\A\d+\z/) ? retry_after.to_i : nil
      fields = problem(type, body)
      code = fields['code']
      unless code.is_a?(String)
        return Unavailable.new('unavailable', "an answer #{status} that is not the service's", status: status,
                                                                                                retry_after: retry_after)
      end
      (status >= 500 ? Unavailable : CLASSES.fetch(code, Problem))
        .new(code, fields['detail'], status: status, retry_after: retry_after, fields: fields)
    end

    def self.problem(type, body)
      fields = type.to_s.start_with?('application/problem+json') ? JSON.parse(body) : nil
      fields.is_a?(Hash) ? fields : {}
    rescue JSON::ParserError
      {}
    end
    private_class_method :problem
  end

  # The service is out of reach, or its store is. Says nothing about users and sessions.
  class Unavailable < Problem; end
  class NotFound < Problem; end
  # The session was ended by somebody else while this request ran.
  class SessionEnded < NotFound; end
  class InvalidCredentials < Problem; end
  class Forbidden < Problem; end
  class Conflict < Problem; end
  class Gone < Problem; end
  class PreconditionFailed < Problem; end
  class BodyTooLarge < Problem; end
  class Invalid < Problem; end
  class Throttled < Problem; end

  class Problem
    CLASSES = {
      'not_found' => NotFound, 'invalid_credentials' => InvalidCredentials, 'forbidden' => Forbidden,
      'conflict' => Conflict, 'gone' => Gone, 'precondition_failed' => PreconditionFailed,
      'body_too_large' => BodyTooLarge, 'invalid' => Invalid, 'throttled' => Throttled
    }.freeze
    private_constant :CLASSES
  end
end
