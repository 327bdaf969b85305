"""The tools of the integration tests: processes, certificates, servers and clients. Debian packages only."""
