"""The bench suite: Debian packages, and one load client of its own (bench/client).

Reading order: cli (the command), scenarios (what is measured, and the targets), measure (how a
scenario is), growth (how curves are), loads and client (who asks; bench/client/main.c tells why it
exists), proxies and backends (the servers), check, processes (starting them, their CPU time and
memory), workshop and certificates (the temporary folder), stats, report, plots, machine. url is
bench/load. A run is plain data: what results.json holds is what report and plots read.
"""
