#include "config/options.h"

#include "config/config.h"

#include <assert.h>
#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

#define SECOND UINT64_C(1000)
#define MINUTE (60 * SECOND)
#define HOUR (60 * MINUTE)
#define DAY (24 * HOUR)
#define KIB UINT64_C(1024)

#define OPTIONAL .most = 1
#define REQUIRED .least = 1, .most = 1
#define FROM_TO(low, high) .least = (low), .most = (high)
#define RANGE(low, high) .minimum = (low), .maximum = (high)
#define INSIDE(section) .inside = (section)
#define WORDS(list) .words = (list)
#define ZERO(word) .zero_word = (word)
#define INITIAL(text) .initial = (text)
#define UNIQUE(noun) .unique = (noun)
#define AT(type, member) .offset = offsetof(struct type, member)
#define LINE_AT(type, member) .line_offset = offsetof(struct type, member)
#define COUNTED_AT(type, member) .count_offset = offsetof(struct type, member)

// Each list is in the order of its enum.
static const char *const log_words[] = {"off", "stdout", "stderr", "syslog", "journal", NULL};
static const char *const level_words[] = {"error", "warning", "info", "debug", NULL};
static const char *const format_words[] = {"json", "combined", "combined-reason", NULL};
static const char *const protocol_words[] = {"https", "redirect", "tcp", NULL};
static const char *const unknown_name_words[] = {"default-site", "refuse", NULL};
static const char *const client_certificate_words[] = {"required", "optional", NULL};
static const char *const balance_words[] = {"round-robin", "least-connections", "random-two",
                                            "hash", NULL};
static const char *const hash_by_words[] = {"client", "path", "header", "cookie", NULL};
static const char *const redirect_words[] = {"301", "302", "303", "307", "308", NULL};
static const char *const statuses_words[] = {"no", "yes", NULL};
static const char *const proxy_protocol_words[] = {"off", "v1", "v2", NULL};

static const struct option top_options[] = {
    {"workers", "Worker processes; auto is one per processor core.", KIND_NUMBER, OPTIONAL,
     RANGE(1, CONFIG_WORKERS_MAX), ZERO("auto"), INITIAL("auto"), AT(config, workers)},
    {"user", "The user to become after binding the listeners, when started as root. Never root.",
     KIND_NAME, OPTIONAL, INITIAL("nobody"), AT(config, user), LINE_AT(config, user_line)},
    {"drain-timeout",
     "The longest time from a drain to the end. Then open requests and WebSockets are closed.",
     KIND_MILLISECONDS, OPTIONAL, RANGE(100, DAY), ZERO("unlimited"), INITIAL("30s"),
     AT(config, drain_timeout_ms)},
    {"drain-delay",
     "How long a drain still accepts connections, so that load balancers have time to notice.",
     KIND_MILLISECONDS, OPTIONAL, RANGE(100, HOUR), ZERO("0"), INITIAL("0"),
     AT(config, drain_delay_ms)},
    {"log", "Where the error log goes.", KIND_LOG, OPTIONAL, WORDS(log_words),
     RANGE(LOG_TARGET_STDERR, LOG_TARGET_FILE), INITIAL("stderr"), AT(config, log)},
    {"log-level", "The least important kind of message that is still logged.", KIND_WORD, OPTIONAL,
     WORDS(level_words), INITIAL("info"), AT(config, log_level)},
    {"access-log", "Where the access log goes: one line per request.", KIND_LOG, OPTIONAL,
     WORDS(log_words), RANGE(LOG_TARGET_OFF, LOG_TARGET_FILE), INITIAL("off"),
     AT(config, access_log)},
    {"access-log-format",
     "json: an object a line; combined: as Apache and nginx; combined-reason: with `ended` last.",
     KIND_WORD, OPTIONAL, WORDS(format_words), INITIAL("json"), AT(config, access_log_format)},
    {"tls",
     "What all listeners ask of a TLS client. TLS 1.3 is not an option: there is nothing less.",
     KIND_SECTION, INSIDE(SECTION_TLS), OPTIONAL, AT(config, tls)},
    {"acme", "The authority that `certificate acme {}` of a site gets certificates from.",
     KIND_SECTION, INSIDE(SECTION_ACME), OPTIONAL, AT(config, acme)},
    {"limits", "How much a client may ask for.", KIND_SECTION, INSIDE(SECTION_LIMITS), OPTIONAL,
     AT(config, limits)},
    {"http2", "How much an HTTP/2 connection may ask for, besides `limits`.", KIND_SECTION,
     INSIDE(SECTION_HTTP2), OPTIONAL, AT(config, http2)},
    {"request-id",
     "Give every request that goes to a server an X-Request-Id, and log it with traceparent.",
     KIND_YES_NO, OPTIONAL, INITIAL("no"), AT(config, request_id)},
    {"trusted-proxies",
     "Proxies before this one, whose word on who the client is counts: X-Forwarded-*, Forwarded, "
     "PROXY.",
     KIND_NETWORKS, FROM_TO(0, 1000), AT(config, trusted_proxies),
     LINE_AT(config, trusted_proxies_line)},
    {"listen", "An address to accept clients on.", KIND_SECTION, INSIDE(SECTION_LISTEN),
     FROM_TO(1, CONFIG_LISTENERS_MAX), AT(config, listeners), COUNTED_AT(config, listener_count)},
    {"admin", "Serves the status page, metrics and readiness to this machine.", KIND_SECTION,
     INSIDE(SECTION_ADMIN), FROM_TO(0, CONFIG_ADMINS_MAX), AT(config, admins),
     COUNTED_AT(config, admin_count)},
    {"site", "Host names with their certificates and routes. The first site is the default.",
     KIND_SECTION, INSIDE(SECTION_SITE), FROM_TO(0, 10000), AT(config, sites),
     COUNTED_AT(config, site_count)},
    {"backend", "A named group of servers that do the same work.", KIND_SECTION,
     INSIDE(SECTION_BACKEND), FROM_TO(0, 10000), AT(config, backends),
     COUNTED_AT(config, backend_count)},
    {"resolver", "DNS servers that look up servers with names; system: those of /etc/resolv.conf.",
     KIND_RESOLVERS, FROM_TO(0, 8), INITIAL("system"), AT(config, resolvers),
     LINE_AT(config, resolver_line)},
    {"resolve-min", "Shortest time after which a name is looked up again, if its TTL is shorter.",
     KIND_MILLISECONDS, OPTIONAL, RANGE(100, HOUR), INITIAL("1s"), AT(config, resolve_min_ms)},
    {"resolve-max",
     "Longest time after which a name is looked up again. If it is shorter, resolve-min counts.",
     KIND_MILLISECONDS, OPTIONAL, RANGE(100, DAY), INITIAL("5m"), AT(config, resolve_max_ms)},
    {"resolve-keep", "How long the servers of a name stay after the DNS has no address for it.",
     KIND_MILLISECONDS, OPTIONAL, RANGE(SECOND, DAY), ZERO("0"), INITIAL("30s"),
     AT(config, resolve_keep_ms)},
};

static const struct option tls_options[] = {
    {"require-post-quantum",
     "Refuse clients that offer no post-quantum group. It is preferred either way.", KIND_YES_NO,
     OPTIONAL, INITIAL("no"), AT(config_tls, require_post_quantum)},
    {"ticket-lifetime", "How long a session ticket resumes a session; 0 issues no tickets.",
     KIND_SECONDS, OPTIONAL, RANGE(MINUTE, DAY), ZERO("0"), INITIAL("1h"),
     AT(config_tls, ticket_lifetime_s)},
    {"unknown-server-name",
     "What a client gets that names a host of no site: the first site's certificate, or an alert.",
     KIND_WORD, OPTIONAL, WORDS(unknown_name_words), INITIAL("default-site"),
     AT(config_tls, unknown_server_name)},
    {"certificate-watch",
     "Reload when the content of a certificate, a key or another file named here changes.",
     KIND_YES_NO, OPTIONAL, INITIAL("no"), AT(config_tls, certificate_watch)},
};

static const struct option acme_options[] = {
    {"email", "Of the account with the authority.", KIND_EMAIL, OPTIONAL, AT(config_acme, email)},
    {"agree", "To the terms of service of the authority. Without it, nothing is ordered.",
     KIND_YES_NO, OPTIONAL, INITIAL("no"), AT(config_acme, agree)},
    {"directory", "The URL of the authority's directory. The default is Let's Encrypt.", KIND_URL,
     OPTIONAL, INITIAL("https://acme-v02.api.letsencrypt.org/directory"),
     AT(config_acme, directory), LINE_AT(config_acme, directory_line)},
    {"folder", "Keys, certificates and the account are stored there.", KIND_FILE, OPTIONAL,
     INITIAL("/var/lib/ravelin/acme"), AT(config_acme, folder)},
    {"ca",
     "A PEM file of the authorities that vouch for the authority's own server, instead of the "
     "system's.",
     KIND_FILE, OPTIONAL, AT(config_acme, ca_path)},
};

static const struct option limits_options[] = {
    {"handshake-timeout", "From accepting a client to the end of its TLS handshake.",
     KIND_MILLISECONDS, OPTIONAL, RANGE(100, DAY), INITIAL("5s"),
     AT(config_limits, handshake_timeout_ms)},
    {"header-timeout", "From the first byte of a request to the end of its head.",
     KIND_MILLISECONDS, OPTIONAL, RANGE(100, DAY), INITIAL("10s"),
     AT(config_limits, header_timeout_ms)},
    {"idle-timeout", "How long a connection may be silent, between requests or inside one.",
     KIND_MILLISECONDS, OPTIONAL, RANGE(100, DAY), INITIAL("60s"),
     AT(config_limits, idle_timeout_ms)},
    {"header-size", "The largest request head, all its lines together.", KIND_SIZE, OPTIONAL,
     RANGE(KIB, 64 * KIB), INITIAL("16k"), AT(config_limits, header_size)},
    {"header-count", "The most header fields in one request.", KIND_NUMBER, OPTIONAL,
     RANGE(1, 1000), INITIAL("100"), AT(config_limits, header_count)},
    {"response-header-size",
     "Largest size of the response headers of a server, and of its trailers.", KIND_SIZE, OPTIONAL,
     RANGE(4 * KIB, 256 * KIB), INITIAL("64k"), AT(config_limits, response_header_size)},
    {"target-size", "The longest request target: path and query.", KIND_SIZE, OPTIONAL,
     RANGE(64, 64 * KIB), INITIAL("8k"), AT(config_limits, target_size)},
    {"body-size", "The largest request body; a route may say otherwise.", KIND_SIZE, OPTIONAL,
     RANGE(1, 2048 * KIB * KIB), ZERO("unlimited"), INITIAL("unlimited"),
     AT(config_limits, body_size)},
    {"body-rate",
     "Bytes a second a client must send or take of a body, in every idle-timeout that it is waited "
     "for.",
     KIND_SIZE, OPTIONAL, RANGE(1, 1024 * KIB), ZERO("0"), INITIAL("100"),
     AT(config_limits, body_rate)},
    {"requests-per-connection", "The most requests on one connection, which then ends.",
     KIND_NUMBER, OPTIONAL, RANGE(1, 100000000), ZERO("unlimited"), INITIAL("unlimited"),
     AT(config_limits, requests_per_connection)},
    {"streams", "The most requests at a time on one HTTP/2 connection.", KIND_NUMBER, OPTIONAL,
     RANGE(1, 1000), INITIAL("100"), AT(config_limits, streams)},
    {"connections", "The most client connections at a time, in all workers together.", KIND_NUMBER,
     OPTIONAL, RANGE(1, 10000000), INITIAL("100000"), AT(config_limits, connections),
     LINE_AT(config_limits, connections_line)},
    {"connections-per-client", "The most of them from one IPv4 address or IPv6 /64 network.",
     KIND_NUMBER, OPTIONAL, RANGE(1, 10000000), ZERO("unlimited"), INITIAL("unlimited"),
     AT(config_limits, connections_per_client)},
};

// Of the rates, ten times as many may come at once.
static const struct option http2_options[] = {
    {"stream-window", "Bytes of a request body that a client may send before its server reads.",
     KIND_SIZE, OPTIONAL, RANGE(16 * KIB, 16 * KIB * KIB), INITIAL("64k"),
     AT(config_http2, stream_window)},
    {"connection-window", "The same of all requests of a connection together.", KIND_SIZE, OPTIONAL,
     RANGE(64 * KIB, 64 * KIB * KIB), INITIAL("1m"), AT(config_http2, connection_window)},
    {"stalled-streams",
     "The most responses that wait 10 s for a client to take any more of them; others are reset.",
     KIND_NUMBER, OPTIONAL, RANGE(1, 1000), INITIAL("32"), AT(config_http2, stalled_streams)},
    {"continuations", "The most CONTINUATION frames of one request.", KIND_NUMBER, OPTIONAL,
     RANGE(0, 100), INITIAL("16"), AT(config_http2, continuations)},
    {"overhead", "Bytes that carry no headers and no body and are not counted; see HTTP/2.",
     KIND_SIZE, OPTIONAL, RANGE(64 * KIB, 1024 * KIB * KIB), INITIAL("1m"),
     AT(config_http2, overhead)},
    {"ping-rate", "PING frames a second; for all rates, 10 times as many at once.", KIND_NUMBER,
     OPTIONAL, RANGE(1, 6000), INITIAL("10"), AT(config_http2, rates[HTTP2_RATE_PING])},
    {"settings-rate", "SETTINGS frames a second.", KIND_NUMBER, OPTIONAL, RANGE(1, 6000),
     INITIAL("2"), AT(config_http2, rates[HTTP2_RATE_SETTINGS])},
    {"priority-rate", "PRIORITY and PRIORITY_UPDATE frames a second.", KIND_NUMBER, OPTIONAL,
     RANGE(1, 6000), INITIAL("50"), AT(config_http2, rates[HTTP2_RATE_PRIORITY])},
    {"window-update-rate", "WINDOW_UPDATE frames a second that no data was sent for.", KIND_NUMBER,
     OPTIONAL, RANGE(1, 6000), INITIAL("100"), AT(config_http2, rates[HTTP2_RATE_WINDOW_UPDATE])},
    {"empty-rate", "Frames a second of headers or data that are empty and end nothing.",
     KIND_NUMBER, OPTIONAL, RANGE(1, 6000), INITIAL("2"),
     AT(config_http2, rates[HTTP2_RATE_EMPTY])},
    {"reset-rate", "Requests a second that the client resets before they are answered.",
     KIND_NUMBER, OPTIONAL, RANGE(1, 6000), INITIAL("20"),
     AT(config_http2, rates[HTTP2_RATE_RESET])},
    {"fault-rate", "Requests a second that Ravelin resets for a fault of the client.", KIND_NUMBER,
     OPTIONAL, RANGE(1, 6000), INITIAL("5"), AT(config_http2, rates[HTTP2_RATE_FAULT])},
    {"stray-rate", "Frames a second of unknown types, or of requests that have ended.", KIND_NUMBER,
     OPTIONAL, RANGE(1, 6000), INITIAL("50"), AT(config_http2, rates[HTTP2_RATE_STRAY])},
};

static const struct option listen_options[] = {
    {"protocol",
     "https; redirect: plain HTTP, every request gets 308 to https; tcp: any protocol inside TLS.",
     KIND_WORD, OPTIONAL, WORDS(protocol_words), INITIAL("https"), AT(config_listen, protocol)},
    {"backend", "With protocol = tcp: the backend that all connections go to, by name.", KIND_NAME,
     OPTIONAL, AT(config_listen, backend_name), LINE_AT(config_listen, backend_line)},
    {"alpn",
     "With protocol = tcp: protocols that ALPN may choose, the preferred one first. Without it, "
     "ALPN "
     "is ignored.",
     KIND_ALPN, FROM_TO(0, 16), AT(config_listen, alpn), COUNTED_AT(config_listen, alpn_count),
     LINE_AT(config_listen, alpn_line)},
    {"proxy-protocol",
     "Every connection begins with a PROXY header, version 1 or 2; only trusted-proxies are taken.",
     KIND_YES_NO, OPTIONAL, INITIAL("no"), AT(config_listen, proxy_protocol),
     LINE_AT(config_listen, proxy_protocol_line)},
    {"acme-challenge",
     "Of a redirect listener: the webroot of an ACME client, whose http-01 challenges it answers.",
     KIND_FILE, OPTIONAL, AT(config_listen, challenge_path),
     LINE_AT(config_listen, challenge_line)},
    {"https-port",
     "Of a redirect listener: the port of https to send clients to; auto is that of the first "
     "https listener.",
     KIND_NUMBER, OPTIONAL, RANGE(1, 65535), ZERO("auto"), INITIAL("auto"),
     AT(config_listen, https_port), LINE_AT(config_listen, https_port_line)},
    {"http2", "Speak HTTP/2 with clients that offer it (ALPN h2).", KIND_YES_NO, OPTIONAL,
     INITIAL("yes"), AT(config_listen, http2)},
};

static const struct option site_options[] = {
    {"aliases",
     "More names, as in {\"*.example.com\", example.org}. \"*\" is every host no site names.",
     KIND_HOST_PATTERN, FROM_TO(0, 1000), AT(config_site, aliases),
     COUNTED_AT(config_site, alias_count), UNIQUE("host name")},
    {"certificate",
     "A PEM file: the certificate, then its chain. Several serve clients of several abilities. The "
     "word acme instead of a file: one for each name of the site, by the section acme.",
     KIND_SECTION, INSIDE(SECTION_CERTIFICATE), FROM_TO(1, 16), AT(config_site, certificates),
     COUNTED_AT(config_site, certificate_count)},
    {"client-ca",
     "Asks clients for a certificate: a PEM file of the authorities that may have issued it.",
     KIND_FILE, OPTIONAL, AT(config_site, client_ca_path), LINE_AT(config_site, client_ca_line)},
    {"client-certificate",
     "Whether a client without one is served. A bad one is refused either way. Needs client-ca.",
     KIND_WORD, OPTIONAL, WORDS(client_certificate_words), INITIAL("required"),
     AT(config_site, client_certificate), LINE_AT(config_site, client_certificate_line)},
    {"client-crl",
     "The revocation lists (PEM, or one in DER) of those authorities. Needs client-ca.", KIND_FILE,
     OPTIONAL, AT(config_site, client_crl_path), LINE_AT(config_site, client_crl_line)},
    {"hsts",
     "How long browsers are to use https alone (Strict-Transport-Security); 0 says nothing.",
     KIND_SECONDS, OPTIONAL, RANGE(SECOND, 730 * DAY), ZERO("0"), INITIAL("365d"),
     AT(config_site, hsts_s)},
    {"error-page", "The page of a status that Ravelin answers with by itself, on this site.",
     KIND_SECTION, INSIDE(SECTION_ERROR_PAGE), FROM_TO(0, 200), AT(config_site, error_pages),
     COUNTED_AT(config_site, error_page_count)},
    {"route", "Where requests go whose path begins so. The longest prefix wins.", KIND_SECTION,
     INSIDE(SECTION_ROUTE), FROM_TO(0, 1000), AT(config_site, routes),
     COUNTED_AT(config_site, route_count)},
};

static const struct option certificate_options[] = {
    {"key",
     "The PEM file with its private key. Only its owner and group may read it, see Certificates.",
     KIND_KEY, REQUIRED, AT(config_certificate, key_path), LINE_AT(config_certificate, key_line)},
    {"ocsp",
     "The OCSP response (DER or PEM) that is stapled for it. Somebody else keeps it fresh and "
     "reloads.",
     KIND_FILE, OPTIONAL, AT(config_certificate, ocsp_path),
     LINE_AT(config_certificate, ocsp_line)},
};

static const struct option error_page_options[] = {
    {"text", "The text of the page.", KIND_TEXT, OPTIONAL, AT(config_error_page, page.text),
     LINE_AT(config_error_page, page.text_line)},
    {"file", "A file with the page, at most 32 KiB.", KIND_FILE, OPTIONAL,
     AT(config_error_page, page.file), LINE_AT(config_error_page, page.file_line)},
    {"type",
     "The media type of the page. Without it, the ending of the file tells the type; text is "
     "text/plain.",
     KIND_MEDIA_TYPE, OPTIONAL, AT(config_error_page, page.type),
     LINE_AT(config_error_page, page.type_line)},
};

static const struct option route_options[] = {
    {"backend", "The backend that answers, by name. Instead of it: redirect or return.", KIND_NAME,
     OPTIONAL, AT(config_route, backend_name), LINE_AT(config_route, backend_line)},
    {"redirect", "Where to send clients. Without a path: to the path they asked for.", KIND_URL,
     OPTIONAL, AT(config_route, redirect), LINE_AT(config_route, redirect_line)},
    {"redirect-rest", "Put the path behind the prefix, and the query, behind the URL of redirect.",
     KIND_YES_NO, OPTIONAL, INITIAL("no"), AT(config_route, redirect_rest),
     LINE_AT(config_route, redirect_rest_line)},
    {"redirect-status", "How: for good (301, 308) or for now; 307 and 308 keep the method.",
     KIND_WORD, OPTIONAL, WORDS(redirect_words), INITIAL("308"), AT(config_route, redirect_how)},
    {"return", "The status to answer with, in a small page.", KIND_NUMBER, OPTIONAL,
     RANGE(200, 599), AT(config_route, status), LINE_AT(config_route, status_line)},
    {"text", "With return: the text of the page.", KIND_TEXT, OPTIONAL, AT(config_route, page.text),
     LINE_AT(config_route, page.text_line)},
    {"file", "With return: a file with the page, at most 32 KiB.", KIND_FILE, OPTIONAL,
     AT(config_route, page.file), LINE_AT(config_route, page.file_line)},
    {"type",
     "The media type of the page. Without it, the ending of the file tells the type; text is "
     "text/plain.",
     KIND_MEDIA_TYPE, OPTIONAL, AT(config_route, page.type), LINE_AT(config_route, page.type_line)},
    {"strip-prefix", "Take the prefix off the path before it goes to the server.", KIND_YES_NO,
     OPTIONAL, INITIAL("no"), AT(config_route, strip_prefix),
     LINE_AT(config_route, strip_prefix_line)},
    {"request", "Changes to the header fields of requests.", KIND_SECTION, INSIDE(SECTION_REQUEST),
     OPTIONAL, AT(config_route, request)},
    {"response", "Changes to the header fields of responses.", KIND_SECTION,
     INSIDE(SECTION_RESPONSE), OPTIONAL, AT(config_route, response)},
    {"allow", "The only clients that may come here; the others get 403.", KIND_NETWORKS,
     FROM_TO(0, 1000), AT(config_route, allow)},
    {"allow-file", "The same from a file: a network or an IP address a line.", KIND_ADDRESS_FILE,
     OPTIONAL, AT(config_route, allow_file), LINE_AT(config_route, allow_file_line)},
    {"deny", "Clients that may not, whatever allow says.", KIND_NETWORKS, FROM_TO(0, 1000),
     AT(config_route, deny)},
    {"deny-file", "The same from a file.", KIND_ADDRESS_FILE, OPTIONAL, AT(config_route, deny_file),
     LINE_AT(config_route, deny_file_line)},
    {"body-size", "The largest request body, instead of the one in limits.", KIND_SIZE, OPTIONAL,
     RANGE(1, 2048 * KIB * KIB), AT(config_route, body_size)},
    {"rate", "Requests a second that one client may make, on average; more get 429.", KIND_NUMBER,
     OPTIONAL, RANGE(1, 100000), ZERO("unlimited"), INITIAL("unlimited"), AT(config_route, rate)},
    {"burst", "Requests that one client may make at once before rate counts.", KIND_NUMBER,
     OPTIONAL, RANGE(1, 100000), INITIAL("20"), AT(config_route, burst)},
    {"connect-timeout", "For connecting to a server. Default: that of the backend.",
     KIND_MILLISECONDS, OPTIONAL, RANGE(100, DAY), AT(config_route, connect_timeout_ms)},
    {"response-timeout", "For the response headers of a server. Default: that of the backend.",
     KIND_MILLISECONDS, OPTIONAL, RANGE(100, DAY), AT(config_route, response_timeout_ms)},
    {"request-timeout", "For the whole request and its response. Default: that of the backend.",
     KIND_MILLISECONDS, OPTIONAL, RANGE(100, DAY), AT(config_route, request_timeout_ms)},
};

static const struct option change_options[] = {
    {"set-header",
     "Fields to write, as in {\"X-Frame-Options: DENY\"}, instead of any of that name.", KIND_FIELD,
     FROM_TO(0, 100), AT(config_changes, set), COUNTED_AT(config_changes, set_count)},
    {"remove-header", "Names of fields to leave out.", KIND_FIELD_NAME, FROM_TO(0, 100),
     AT(config_changes, remove), COUNTED_AT(config_changes, remove_count)},
};

static const struct option backend_options[] = {
    {"balance", "How the next server is chosen.", KIND_WORD, OPTIONAL, WORDS(balance_words),
     INITIAL("round-robin"), AT(config_backend, balance)},
    {"hash-by", "With balance = hash: requests with the same value of this go to the same server.",
     KIND_HASH_BY, OPTIONAL, WORDS(hash_by_words), INITIAL("client"), AT(config_backend, hash_by),
     LINE_AT(config_backend, hash_by_line)},
    {"sticky", "A cookie of this name brings a client back to the server that served it.",
     KIND_NAME, OPTIONAL, AT(config_backend, sticky)},
    {"queue", "Requests that may wait while all servers have max-connections; more get 503.",
     KIND_NUMBER, OPTIONAL, RANGE(1, 1000000), ZERO("0"), INITIAL("1000"),
     AT(config_backend, queue)},
    {"queue-timeout", "How long a request waits so before it gets 503.", KIND_MILLISECONDS,
     OPTIONAL, RANGE(100, DAY), INITIAL("5s"), AT(config_backend, queue_timeout_ms)},
    {"connect-timeout", "For connecting to a server.", KIND_MILLISECONDS, OPTIONAL, RANGE(100, DAY),
     INITIAL("2s"), AT(config_backend, connect_timeout_ms)},
    {"response-timeout",
     "From the request sent to the head of the response, and between parts of its body.",
     KIND_MILLISECONDS, OPTIONAL, RANGE(100, DAY), INITIAL("60s"),
     AT(config_backend, response_timeout_ms)},
    {"request-timeout",
     "From the request headers to the end of the response, with all tries; 0 is no limit.",
     KIND_MILLISECONDS, OPTIONAL, RANGE(100, DAY), ZERO("0"), INITIAL("0"),
     AT(config_backend, request_timeout_ms)},
    {"retries",
     "How often a request that can be repeated is tried again after a failed connection.",
     KIND_NUMBER, OPTIONAL, RANGE(0, 10), INITIAL("1"), AT(config_backend, retries)},
    {"retry-body",
     "Request bodies up to this size are kept, so that PUT and DELETE can be sent again.",
     KIND_SIZE, OPTIONAL, RANGE(KIB, 1024 * KIB), ZERO("0"), INITIAL("0"),
     AT(config_backend, retry_body)},
    {"retry-budget", "The part of the requests that may be sent again, and a few more each second.",
     KIND_PERCENT, OPTIONAL, RANGE(1, 100), ZERO("0%"), INITIAL("20%"),
     AT(config_backend, retry_budget)},
    {"max-failures",
     "Failures in a row that take a server out of use. A failed connection does at once.",
     KIND_NUMBER, OPTIONAL, RANGE(1, 1000), ZERO("off"), INITIAL("3"),
     AT(config_backend, max_failures)},
    {"failure-ratio", "Share of failed requests, of 20 or more within 10 s, that does so, too.",
     KIND_PERCENT, OPTIONAL, RANGE(1, 100), ZERO("off"), INITIAL("50%"),
     AT(config_backend, failure_ratio)},
    {"fail-on-status", "Statuses that count as failures of the server. yes: 500, 502, 503 and 504.",
     KIND_STATUSES, FROM_TO(0, 100), WORDS(statuses_words), INITIAL("no"),
     AT(config_backend, fail_on_status)},
    {"eject-time", "How long a server is out of use; each time in a row twice as long.",
     KIND_MILLISECONDS, OPTIONAL, RANGE(100, DAY), INITIAL("1s"),
     AT(config_backend, eject_time_ms)},
    {"eject-time-max", "The longest time that a server is out of use before it is tried again.",
     KIND_MILLISECONDS, OPTIONAL, RANGE(100, DAY), INITIAL("30s"),
     AT(config_backend, eject_time_max_ms)},
    {"slow-start", "How long the share of a server grows after its return; 0 gives it all at once.",
     KIND_MILLISECONDS, OPTIONAL, RANGE(100, DAY), ZERO("0"), INITIAL("0"),
     AT(config_backend, slow_start_ms)},
    {"send-proxy-protocol",
     "Begin every connection with a PROXY header; then none is used for a second request.",
     KIND_WORD, OPTIONAL, WORDS(proxy_protocol_words), INITIAL("off"),
     AT(config_backend, send_proxy_protocol)},
    {"tls-facts",
     "Tell the server about the client's TLS: X-TLS-Facts with version, group, suite, resumed.",
     KIND_YES_NO, OPTIONAL, INITIAL("no"), AT(config_backend, tls_facts)},
    {"rewrite-location",
     "Change a Location that names a server by its plain address to the address that the client "
     "uses.",
     KIND_YES_NO, OPTIONAL, INITIAL("yes"), AT(config_backend, rewrite_location)},
    {"health", "Checks servers, with GET for this path, or by a connection. See Servers.",
     KIND_SECTION, INSIDE(SECTION_HEALTH), OPTIONAL, AT(config_backend, health),
     COUNTED_AT(config_backend, health_count)},
    {"server", "One server of the group.", KIND_SECTION, INSIDE(SECTION_SERVER), FROM_TO(1, 1000),
     AT(config_backend, servers), COUNTED_AT(config_backend, server_count)},
};

static const struct option health_options[] = {
    {"interval", "The time between two checks of a server, spread by up to a tenth.",
     KIND_MILLISECONDS, OPTIONAL, RANGE(100, DAY), INITIAL("5s"), AT(config_health, interval_ms)},
    {"timeout", "The longest time for a check, from the connection to the end.", KIND_MILLISECONDS,
     OPTIONAL, RANGE(50, HOUR), INITIAL("1s"), AT(config_health, timeout_ms)},
    {"rise", "Good checks in a row after which a server is up.", KIND_NUMBER, OPTIONAL,
     RANGE(1, 100), INITIAL("2"), AT(config_health, rise)},
    {"fall", "Bad checks in a row after which a server is down.", KIND_NUMBER, OPTIONAL,
     RANGE(1, 100), INITIAL("3"), AT(config_health, fall)},
    {"status", "Statuses of a good response. Default: 200-399.", KIND_STATUSES, FROM_TO(0, 100),
     AT(config_health, status)},
    {"host", "The Host header of the request. Default: localhost.", KIND_HOST, OPTIONAL,
     AT(config_health, host)},
    {"expect", "Text that a good response holds within its first 16k.", KIND_PHRASE, OPTIONAL,
     AT(config_health, expect)},
};

static const struct option server_options[] = {
    {"weight", "Its share of the requests, in proportion to the others'.", KIND_NUMBER, OPTIONAL,
     RANGE(1, 256), INITIAL("1"), AT(config_server, weight)},
    {"max-connections", "Connections to it in use at a time, in all workers; more requests wait.",
     KIND_NUMBER, OPTIONAL, RANGE(1, 1000000), ZERO("unlimited"), INITIAL("unlimited"),
     AT(config_server, max_connections)},
    {"backup", "Use this server only while no server without backup is up.", KIND_YES_NO, OPTIONAL,
     INITIAL("no"), AT(config_server, backup)},
    {"addresses", "The most addresses of a name that are used at a time. For names only.",
     KIND_NUMBER, OPTIONAL, RANGE(1, 256), INITIAL("64"), AT(config_server, addresses_max),
     LINE_AT(config_server, addresses_line)},
};

#define PLAIN(label, type, table)                                                                  \
    {                                                                                              \
        .name = (label), .size = sizeof(struct type), .options = (table),                          \
        .option_count = COUNT(table)                                                               \
    }
#define TITLED(label, type, table, title_kind, noun, member)                                       \
    {                                                                                              \
        .name = (label), .size = sizeof(struct type), .options = (table),                          \
        .option_count = COUNT(table), .title = {                                                   \
            .name = (label),                                                                       \
            .kind = (title_kind),                                                                  \
            UNIQUE(noun),                                                                          \
            AT(type, member),                                                                      \
            LINE_AT(type, line)                                                                    \
        }                                                                                          \
    }

static const struct section sections[SECTION_COUNT] = {
    [SECTION_TOP] = PLAIN("", config, top_options),
    [SECTION_TLS] = PLAIN("tls", config_tls, tls_options),
    [SECTION_LIMITS] = PLAIN("limits", config_limits, limits_options),
    [SECTION_HTTP2] = PLAIN("http2", config_http2, http2_options),
    [SECTION_ACME] = PLAIN("acme", config_acme, acme_options),
    [SECTION_LISTEN] =
        TITLED("listen", config_listen, listen_options, KIND_LISTEN, "listen address", address),
    [SECTION_ADMIN] = {.name = "admin",
                       .size = sizeof(struct config_listen),
                       .title = {.name = "admin",
                                 .kind = KIND_ADMIN,
                                 UNIQUE("listen address"),
                                 AT(config_listen, address),
                                 LINE_AT(config_listen, line)}},
    [SECTION_SITE] = TITLED("site", config_site, site_options, KIND_HOST, "host name", name),
    [SECTION_CERTIFICATE] = TITLED("certificate", config_certificate, certificate_options,
                                   KIND_CERTIFICATE, "certificate", certificate_path),
    [SECTION_ERROR_PAGE] = {.name = "error-page",
                            .size = sizeof(struct config_error_page),
                            .options = error_page_options,
                            .option_count = COUNT(error_page_options),
                            .title = {.name = "error-page",
                                      .kind = KIND_STATUS,
                                      RANGE(400, 599),
                                      UNIQUE("error-page"),
                                      AT(config_error_page, status),
                                      LINE_AT(config_error_page, line)}},
    [SECTION_ROUTE] = TITLED("route", config_route, route_options, KIND_PREFIX, "route", prefix),
    [SECTION_REQUEST] = PLAIN("request", config_changes, change_options),
    [SECTION_RESPONSE] = PLAIN("response", config_changes, change_options),
    [SECTION_BACKEND] =
        TITLED("backend", config_backend, backend_options, KIND_NAME, "backend", name),
    [SECTION_HEALTH] = TITLED("health", config_health, health_options, KIND_CHECK, NULL, path),
    [SECTION_SERVER] = TITLED("server", config_server, server_options, KIND_SERVER, "server", text),
};

static_assert(COUNT(top_options) <= SECTION_OPTIONS_MAX, "a large section");
static_assert(COUNT(route_options) <= SECTION_OPTIONS_MAX, "a large section");
static_assert(COUNT(http2_options) <= SECTION_OPTIONS_MAX, "a large section");
static_assert(COUNT(limits_options) <= SECTION_OPTIONS_MAX, "a large section");

const struct section *section_at(enum section_id id) {
    return &sections[id];
}

const struct option *option_find(enum section_id id, const char *name) {
    for (size_t i = 0; i < sections[id].option_count; i++) {
        if (strcmp(sections[id].options[i].name, name) == 0) {
            return &sections[id].options[i];
        }
    }
    return NULL;
}

const struct section *option_home(const char *name) {
    for (size_t i = SECTION_COUNT; i-- > 0;) {
        if (option_find((enum section_id)i, name) != NULL) {
            return &sections[i];
        }
    }
    return NULL;
}
