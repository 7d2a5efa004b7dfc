# frozen_string_literal: true

module Countersign
  # Ruby values as JSON, and what has changed between two of them.
  module Json
    module_function

    # A copy of `value` that JSON can say, or an ArgumentError. `like` is what stood there before. Nils in hashes are left
    # out: a merge patch cannot keep them.
    def tree(value, like, name)
      case value
      when nil, true, false, Integer then value
      when String then text(value, name)
      when Float then value.finite? ? value : refuse(name, 'no finite number, and JSON has no other')
      when Array then value.each_with_index.map { |item, n| tree(item, like.is_a?(Array) ? like[n] : nil, "#{name}[#{n}]") }
      when Hash then object(value, like.is_a?(Hash) ? like : {}, name)
      when Symbol then refuse(name, 'a Symbol, and would come back as a String: keep a String')
      else refuse(name, "a #{value.class}, and a session keeps what JSON can say: hashes, arrays, strings, numbers, booleans")
      end
    rescue SystemStackError
      refuse(name, 'nested too deeply, or holds itself')
    end

    # The merge patch (RFC 7396) that leads from one hash to another.
    def patch(from, to)
      changes = (from.keys - to.keys).to_h { |gone| [gone, nil] }
      to.each do |key, value|
        had = from[key]
        if had.is_a?(Hash) && value.is_a?(Hash)
          inner = patch(had, value)
          changes[key] = inner unless inner.empty?
        elsif !from.key?(key) || !had.eql?(value)
          changes[key] = value
        end
      end
      changes
    end

    def object(value, like, name)
      value.each_with_object({}) do |(key, item), object|
        refuse("a key of #{name}", 'neither a String nor a Symbol') unless key.is_a?(String) || key.is_a?(Symbol)
        key = text(key.to_s, "a key of #{name}")
        object[key] = tree(item, like[key], "#{name}[#{key}]") unless item.nil? && !like.key?(key)
      end
    end

    def text(value, name)
      unless value.encoding == Encoding::UTF_8
        value = value.encoding == Encoding::BINARY ? value.dup.force_encoding(Encoding::UTF_8) : value.encode(Encoding::UTF_8)
      end
      value.valid_encoding? ? value.dup : refuse(name, 'no UTF-8, which JSON wants: bytes go through Base64')
    rescue EncodingError
      refuse(name, 'not to be written as UTF-8, which JSON wants')
    end

    def refuse(name, why)
      raise ArgumentError, "#{name[0, 100]} is #{why}"
    end
    private_class_method :object, :text, :refuse
  end
end
