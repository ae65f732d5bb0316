-- Lets wrk send requests that differ. They are made before the load begins, so that making them costs nothing in it.
-- What follows `--` on its command line: a seed, the number of keys, how many of 100 requests are POSTs, a path with a
-- place for the key, a path for POSTs, and a JSON body with a place for a number.
local requests, at = {}, 0
local COUNT = 20000

function init(arguments)
  local keys, posts = tonumber(arguments[2]), tonumber(arguments[3])
  local get, post, body = arguments[4], arguments[5], arguments[6]
  local json = { ["Content-Type"] = "application/json", ["Host"] = wrk.headers["Host"] }
  math.randomseed(tonumber(arguments[1]))
  for i = 1, COUNT do
    if math.random(100) <= posts then
      requests[i] = wrk.format("POST", post, json, string.format(body, math.random(keys)))
    else
      requests[i] = wrk.format("GET", string.format(get, math.random(keys)))
    end
  end
end

function request()
  at = at % COUNT + 1
  return requests[at]
end
