-- The peer's questions, with the headers given to wrk as well (its own script drops them).
local i = 0
init = function() wrk.headers["Content-Type"] = "application/json" end
request = function()
  i = (i + 7) % 1000
  return wrk.format("POST", "/api/query", nil,
    string.format('{"question":"What is our revenue per region, compared with last month?","session_id":"s%04d"}', i))
end
