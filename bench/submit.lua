-- wrk: submit jobs, each with a prompt of its own
local headers = {}
local number = 0

function init()
  headers = { ["Authorization"] = "Bearer " .. os.getenv("BENCH_KEY"), ["Content-Type"] = "application/json" }
end

function request()
  number = number + 1
  local body = string.format(os.getenv("BENCH_BODY"), number)
  return wrk.format("POST", "/native/v1/jobs", headers, body)
end

function done(summary)
  local errors = summary.errors
  local lost = errors.status + errors.connect + errors.read + errors.write + errors.timeout
  io.write(string.format("BENCH %d %d %d\n", summary.requests, summary.duration, lost))
end
