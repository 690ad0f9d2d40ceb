-- Prints what the run measured as one line of JSON (latencies in milliseconds).
function done(summary, latency, requests)
  local e = summary.errors
  io.write(string.format(
    'RESULT {"rps": %.1f, "p50_ms": %.4f, "p99_ms": %.4f, "requests": %d, "errors": %d}\n',
    summary.requests / (summary.duration / 1e6),
    latency:percentile(50) / 1e3,
    latency:percentile(99) / 1e3,
    summary.requests,
    e.connect + e.read + e.write + e.status + e.timeout))
end
