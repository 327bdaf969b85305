"""The bench suite: standard library and Debian packages only.

Reading order: cli (the command), scenarios (what is measured), measure (how), loads (the clients),
proxies and backends (the servers), check, processes (starting them and their CPU time), workshop
(the temporary folder), stats, report, machine.
"""
