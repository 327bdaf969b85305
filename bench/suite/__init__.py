"""The bench suite: standard library and Debian packages only, and one load client of its own.

Reading order: cli (the command), scenarios (what is measured, and the targets), measure (how a
scenario is), growth (how curves are), loads and client (who asks; client.c tells why it exists),
proxies and backends (the servers), check, processes (starting them, their CPU time and memory),
workshop (the temporary folder), trixie (newer peers), stats, report, plots, machine. url is
bench/load. A run is plain data all the way: what results.json holds is what report and plots read.
"""
