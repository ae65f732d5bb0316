#!/usr/bin/env ruby
# A worker in Ruby without a kit: a line of JSON comes, a line goes. What is for people goes to STDERR.

require 'json'

def call(args)
  { text: "Hello, #{args['name']}" }
end

replies = $stdout.dup
$stdout.reopen($stderr)
$stdin.each_line do |line|
  asked = JSON.parse(line)
  begin
    reply = { result: call(asked['params']['args']) }
  rescue StandardError => e
    warn e.full_message
    reply = { error: { code: -32603, message: e.message } }
  end
  replies.puts JSON.generate({ jsonrpc: '2.0', id: asked['id'] }.merge(reply))
  replies.flush
end
