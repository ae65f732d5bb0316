-- Lets wrk send what follows `--` on its command line as a JSON body.
function init(arguments)
  wrk.method = "POST"
  wrk.headers["Content-Type"] = "application/json"
  wrk.body = arguments[1]
end
