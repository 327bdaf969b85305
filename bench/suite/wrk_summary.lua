-- Prints what wrk knows in exact numbers; its own report is rounded.
function done(summary, latency, requests)
    local function line(name, value)
        io.write(string.format("summary %s %d\n", name, value))
    end
    line("requests", summary.requests)
    line("bytes", summary.bytes)
    line("duration_us", summary.duration)
    for _, kind in ipairs({"connect", "read", "write", "status", "timeout"}) do
        line("errors_" .. kind, summary.errors[kind])
    end
end
