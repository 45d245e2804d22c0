-- wrk: read the jobs of a file, one id a line, in random order, each request with the key
local requests = {}

function init()
  math.randomseed(7)
  local headers = { ["Authorization"] = "Bearer " .. os.getenv("BENCH_KEY") }
  for id in io.lines(os.getenv("BENCH_JOBS")) do
    requests[#requests + 1] = wrk.format("GET", "/native/v1/jobs/" .. id, headers)
  end
end

function request()
  return requests[math.random(#requests)]
end

function done(summary)
  local errors = summary.errors
  local lost = errors.status + errors.connect + errors.read + errors.write + errors.timeout
  io.write(string.format("BENCH %d %d %d\n", summary.requests, summary.duration, lost))
end
