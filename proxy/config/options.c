#include "config/options.h"

#include "config/config.h"
#include "config/option_words.h"

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
static const struct option top_options[] = {
    {"workers", "Worker processes; auto is one per processor core.", KIND_NUMBER, OPTIONAL,
     RANGE(1, CONFIG_WORKERS_MAX), ZERO("auto"), INITIAL("auto"), AT(config, workers)},
    {"user",
     "If started as root: the user of the processes after the listeners are bound. Not root.",
     KIND_NAME, OPTIONAL, INITIAL("nobody"), AT(config, user), LINE_AT(config, user_line)},
    {"drain-timeout",
     "Longest time from a drain to the exit. Then open requests and WebSockets are closed.",
     KIND_MILLISECONDS, OPTIONAL, RANGE(100, DAY), ZERO("unlimited"), INITIAL("30s"),
     AT(config, drain_timeout_ms)},
    {"drain-delay",
     "How long a drain still accepts connections, so that load balancers have time to notice it.",
     KIND_MILLISECONDS, OPTIONAL, RANGE(100, HOUR), ZERO("0"), INITIAL("0"),
     AT(config, drain_delay_ms)},
    {"log", "Where the error log goes.", KIND_LOG, OPTIONAL, WORDS(log_words),
     RANGE(LOG_TARGET_STDERR, LOG_TARGET_FILE), INITIAL("stderr"), AT(config, log)},
    {"log-level", "Least important level that is logged.", KIND_WORD, OPTIONAL, WORDS(level_words),
     INITIAL("info"), AT(config, log_level)},
    {"access-log", "Where the access log goes: one line per request.", KIND_LOG, OPTIONAL,
     WORDS(log_words), RANGE(LOG_TARGET_OFF, LOG_TARGET_FILE), INITIAL("off"),
     AT(config, access_log)},
    {"access-log-format",
     "json: an object a line; combined: as Apache and nginx; combined-reason: with `ended` last.",
     KIND_WORD, OPTIONAL, WORDS(format_words), INITIAL("json"), AT(config, access_log_format)},
    {"access-log-fields",
     "The fields of a line, in this order. Default: all that the format has. See Access log.",
     KIND_ACCESS_FIELD, FROM_TO(0, ACCESS_FIELD_COUNT), WORDS(access_field_names),
     AT(config, access_log_fields), LINE_AT(config, access_log_fields_line)},
    {"access-log-request-headers", "Headers of requests whose values a line has, too.",
     KIND_LOGGED_FIELD, FROM_TO(0, ACCESS_HEADERS_MAX),
     AT(config, access_log_fields.request_headers.names),
     COUNTED_AT(config, access_log_fields.request_headers.count), UNIQUE("request header")},
    {"access-log-response-headers", "The same for responses of servers.", KIND_LOGGED_FIELD,
     FROM_TO(0, ACCESS_HEADERS_MAX), AT(config, access_log_fields.response_headers.names),
     COUNTED_AT(config, access_log_fields.response_headers.count), UNIQUE("response header")},
    {"tls", "TLS of all https and tcp listeners. The version has no option: it is TLS 1.3.",
     KIND_SECTION, INSIDE(SECTION_TLS), OPTIONAL, AT(config, tls)},
    {"acme", "The authority that `certificate acme {}` of a site gets certificates from.",
     KIND_SECTION, INSIDE(SECTION_ACME), OPTIONAL, AT(config, acme)},
    {"limits", "Limits for clients.", KIND_SECTION, INSIDE(SECTION_LIMITS), OPTIONAL,
     AT(config, limits)},
    {"http2", "Limits for HTTP/2 connections, in addition to `limits`.", KIND_SECTION,
     INSIDE(SECTION_HTTP2), OPTIONAL, AT(config, http2)},
    {"request-id",
     "Give every request that goes to a server an X-Request-Id, and log it with traceparent.",
     KIND_YES_NO, OPTIONAL, INITIAL("no"), AT(config, request_id)},
    {"trusted-proxies",
     "Proxies in front of Ravelin. It trusts their X-Forwarded-*, Forwarded and PROXY headers.",
     KIND_NETWORKS, FROM_TO(0, 1000), AT(config, trusted_proxies),
     LINE_AT(config, trusted_proxies_line)},
    {"trusted-proxies-file", "More trusted proxies, in a file: a network or an IP address a line.",
     KIND_ADDRESS_FILE, OPTIONAL, AT(config, trusted_proxies_file),
     LINE_AT(config, trusted_proxies_file_line)},
    {"listen", "Address on which Ravelin accepts clients.", KIND_SECTION, INSIDE(SECTION_LISTEN),
     FROM_TO(1, CONFIG_LISTENERS_MAX), AT(config, listeners), COUNTED_AT(config, listener_count)},
    {"admin", "Serves the status page, metrics and readiness to this machine.", KIND_SECTION,
     INSIDE(SECTION_ADMIN), FROM_TO(0, CONFIG_ADMINS_MAX), AT(config, admins),
     COUNTED_AT(config, admin_count)},
    {"site", "Host names with their certificates and routes. The first site is the default.",
     KIND_SECTION, INSIDE(SECTION_SITE), FROM_TO(0, 10000), AT(config, sites),
     COUNTED_AT(config, site_count)},
    {"backend", "Group of servers that serve the same content.", KIND_SECTION,
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
    {"resolve-keep",
     "How long the servers of a name stay in use after the DNS has no address for it.",
     KIND_MILLISECONDS, OPTIONAL, RANGE(SECOND, DAY), ZERO("0"), INITIAL("30s"),
     AT(config, resolve_keep_ms)},
};

static const struct option tls_options[] = {
    {"require-post-quantum",
     "Refuse clients that offer no post-quantum group. With no, Ravelin prefers such a group.",
     KIND_YES_NO, OPTIONAL, INITIAL("no"), AT(config_tls, require_post_quantum)},
    {"ticket-lifetime", "How long a session ticket resumes a session; 0 issues no tickets.",
     KIND_SECONDS, OPTIONAL, RANGE(MINUTE, DAY), ZERO("0"), INITIAL("1h"),
     AT(config_tls, ticket_lifetime_s)},
    {"unknown-server-name",
     "A client names a host of no site. default-site: it gets the first site's certificate. "
     "refuse: it gets an alert.",
     KIND_WORD, OPTIONAL, WORDS(unknown_name_words), INITIAL("default-site"),
     AT(config_tls, unknown_server_name)},
    {"certificate-watch",
     "Reload when the content of a certificate, a key or another file of the configuration "
     "changes.",
     KIND_YES_NO, OPTIONAL, INITIAL("no"), AT(config_tls, certificate_watch)},
};

static const struct option acme_options[] = {
    {"email", "Contact address of the account with the authority.", KIND_EMAIL, OPTIONAL,
     AT(config_acme, email)},
    {"agree",
     "yes: you agree to the terms of service of the authority. Without it, Ravelin orders nothing.",
     KIND_YES_NO, OPTIONAL, INITIAL("no"), AT(config_acme, agree)},
    {"directory", "The URL of the authority's directory. The default is Let's Encrypt.", KIND_URL,
     OPTIONAL, INITIAL("https://acme-v02.api.letsencrypt.org/directory"),
     AT(config_acme, directory), LINE_AT(config_acme, directory_line)},
    {"folder", "Folder for keys, certificates and the account.", KIND_FOLDER, OPTIONAL,
     INITIAL("/var/lib/ravelin/acme"), AT(config_acme, folder)},
    {"ca",
     "A PEM file of the authorities that vouch for the authority's own server, instead of the "
     "system's.",
     KIND_FILE, OPTIONAL, AT(config_acme, ca_path)},
    {"keys",
     "ecdsa: one certificate for each name, with a key of ECDSA P-256. ecdsa-and-rsa: besides, one "
     "with an RSA key of 2048 bits, for clients without ECDSA.",
     KIND_WORD, OPTIONAL, WORDS(acme_keys_words), INITIAL("ecdsa"), AT(config_acme, keys)},
};

static const struct option limits_options[] = {
    {"handshake-timeout", "Longest time from accepting a client to the end of its TLS handshake.",
     KIND_MILLISECONDS, OPTIONAL, RANGE(100, DAY), INITIAL("5s"),
     AT(config_limits, handshake_timeout_ms)},
    {"header-timeout", "Longest time from the first byte of a request to the end of its headers.",
     KIND_MILLISECONDS, OPTIONAL, RANGE(100, DAY), INITIAL("10s"),
     AT(config_limits, header_timeout_ms)},
    {"idle-timeout",
     "Longest silence of a connection: between requests, in a request or in a WebSocket.",
     KIND_MILLISECONDS, OPTIONAL, RANGE(100, DAY), INITIAL("60s"),
     AT(config_limits, idle_timeout_ms)},
    {"header-size", "Largest size of the request headers, with the request line.", KIND_SIZE,
     OPTIONAL, RANGE(KIB, 64 * KIB), INITIAL("16k"), AT(config_limits, header_size)},
    {"header-count", "Largest number of headers in one request.", KIND_NUMBER, OPTIONAL,
     RANGE(1, 1000), INITIAL("100"), AT(config_limits, header_count)},
    {"response-header-size",
     "Largest size of the response headers of a server, and of its trailers.", KIND_SIZE, OPTIONAL,
     RANGE(4 * KIB, 256 * KIB), INITIAL("64k"), AT(config_limits, response_header_size)},
    {"target-size", "Largest size of a request target: path and query.", KIND_SIZE, OPTIONAL,
     RANGE(64, 64 * KIB), INITIAL("8k"), AT(config_limits, target_size)},
    {"body-size", "Largest size of a request body. A route can have another value.", KIND_SIZE,
     OPTIONAL, RANGE(1, 2048 * KIB * KIB), ZERO("unlimited"), INITIAL("unlimited"),
     AT(config_limits, body_size)},
    {"body-rate",
     "Bytes of a body that a client must send or receive a second, on average over idle-timeout.",
     KIND_SIZE, OPTIONAL, RANGE(1, 1024 * KIB), ZERO("0"), INITIAL("100"),
     AT(config_limits, body_rate)},
    {"requests-per-connection",
     "Largest number of requests on one connection. Then the connection ends.", KIND_NUMBER,
     OPTIONAL, RANGE(1, 100000000), ZERO("unlimited"), INITIAL("unlimited"),
     AT(config_limits, requests_per_connection)},
    {"streams", "Largest number of simultaneous requests on one HTTP/2 connection.", KIND_NUMBER,
     OPTIONAL, RANGE(1, 1000), INITIAL("100"), AT(config_limits, streams)},
    {"connections", "Largest number of simultaneous client connections, in all workers.",
     KIND_NUMBER, OPTIONAL, RANGE(1, 10000000), INITIAL("100000"), AT(config_limits, connections),
     LINE_AT(config_limits, connections_line)},
    {"connections-per-client",
     "Largest number of simultaneous connections from one IPv4 address or IPv6 /64 network.",
     KIND_NUMBER, OPTIONAL, RANGE(1, 10000000), ZERO("unlimited"), INITIAL("unlimited"),
     AT(config_limits, connections_per_client)},
};

// Ten times the rate may arrive at once.
static const struct option http2_options[] = {
    {"stream-window", "Bytes of a request body that a client may send before its server reads.",
     KIND_SIZE, OPTIONAL, RANGE(16 * KIB, 16 * KIB * KIB), INITIAL("64k"),
     AT(config_http2, stream_window)},
    {"connection-window", "Largest window of a connection, for all its request bodies.", KIND_SIZE,
     OPTIONAL, RANGE(64 * KIB, 64 * KIB * KIB), INITIAL("1m"), AT(config_http2, connection_window)},
    {"largest-window",
     "What the window of a connection can grow to while servers read a fast upload over a long "
     "path.",
     KIND_SIZE, OPTIONAL, RANGE(64 * KIB, 64 * KIB * KIB), INITIAL("16m"),
     AT(config_http2, largest_window)},
    {"window-memory",
     "Bytes by which the windows of all connections of a worker together can be larger than "
     "`connection-window`.",
     KIND_SIZE, OPTIONAL, RANGE(0, 2048 * KIB * KIB), INITIAL("128m"),
     AT(config_http2, window_memory)},
    {"stalled-streams",
     "Largest number of responses that the client does not read for 10 s. Others are reset.",
     KIND_NUMBER, OPTIONAL, RANGE(1, 1000), INITIAL("32"), AT(config_http2, stalled_streams)},
    {"continuations", "Largest number of CONTINUATION frames of one request.", KIND_NUMBER,
     OPTIONAL, RANGE(0, 1000), INITIAL("100"), AT(config_http2, continuations)},
    {"overhead",
     "Bytes of frames that are neither headers nor body and that Ravelin always allows; see "
     "HTTP/2.",
     KIND_SIZE, OPTIONAL, RANGE(64 * KIB, 1024 * KIB * KIB), INITIAL("1m"),
     AT(config_http2, overhead)},
    {"ping-rate", "PING frames a second. For each rate: 10 times as many at once.", KIND_NUMBER,
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
    {"reset-rate", "Requests a second that the client resets before their responses.", KIND_NUMBER,
     OPTIONAL, RANGE(1, 6000), INITIAL("20"), AT(config_http2, rates[HTTP2_RATE_RESET])},
    {"fault-rate",
     "Requests a second that Ravelin resets because of a protocol error of the client.",
     KIND_NUMBER, OPTIONAL, RANGE(1, 6000), INITIAL("5"),
     AT(config_http2, rates[HTTP2_RATE_FAULT])},
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
     "Every connection begins with a PROXY header, version 1 or 2. Only trusted-proxies may "
     "connect.",
     KIND_YES_NO, OPTIONAL, INITIAL("no"), AT(config_listen, proxy_protocol),
     LINE_AT(config_listen, proxy_protocol_line)},
    {"acme-challenge",
     "Of a redirect listener: the webroot of an ACME client. Answers its challenges.", KIND_FOLDER,
     OPTIONAL, AT(config_listen, challenge_path), LINE_AT(config_listen, challenge_line)},
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
     "More names, as in {\"*.example.com\", example.org}. \"*\": every host that no site names.",
     KIND_HOST_PATTERN, FROM_TO(0, 1000), AT(config_site, aliases),
     COUNTED_AT(config_site, alias_count), UNIQUE("host name")},
    {"certificate",
     "PEM file with the certificate and its chain. Of several, a client gets the first that it "
     "supports. The word acme instead of a file: Ravelin gets a certificate for each name of the "
     "site.",
     KIND_SECTION, INSIDE(SECTION_CERTIFICATE), FROM_TO(1, 16), AT(config_site, certificates),
     COUNTED_AT(config_site, certificate_count)},
    {"client-ca",
     "PEM file of the authorities whose client certificates are accepted. Ravelin asks clients for "
     "one.",
     KIND_FILE, OPTIONAL, AT(config_site, client_ca_path), LINE_AT(config_site, client_ca_line)},
    {"client-certificate",
     "required: refuse clients without a certificate. optional: serve them. An invalid one is "
     "always refused. Needs client-ca.",
     KIND_WORD, OPTIONAL, WORDS(client_certificate_words), INITIAL("required"),
     AT(config_site, client_certificate), LINE_AT(config_site, client_certificate_line)},
    {"client-crl", "Revocation lists of these authorities (PEM, or one in DER). Needs client-ca.",
     KIND_FILE, OPTIONAL, AT(config_site, client_crl_path), LINE_AT(config_site, client_crl_line)},
    {"users", "File of users and hashes of their passwords (htpasswd -B). Clients have to log in.",
     KIND_FILE, OPTIONAL, AT(config_site, users), LINE_AT(config_site, users_line)},
    {"realm", "Text that clients can show above the login. Default: Restricted. Needs users.",
     KIND_PHRASE, OPTIONAL, AT(config_site, realm), LINE_AT(config_site, realm_line)},
    {"hsts", "max-age of Strict-Transport-Security. 0 omits the header.", KIND_SECONDS, OPTIONAL,
     RANGE(SECOND, 730 * DAY), ZERO("0"), INITIAL("365d"), AT(config_site, hsts_s)},
    {"error-page", "Page of an error that Ravelin itself responds with, on this site.",
     KIND_SECTION, INSIDE(SECTION_ERROR_PAGE), FROM_TO(0, 200), AT(config_site, error_pages),
     COUNTED_AT(config_site, error_page_count)},
    {"route", "What happens to requests whose path begins with PREFIX. The longest prefix is used.",
     KIND_SECTION, INSIDE(SECTION_ROUTE), FROM_TO(0, 1000), AT(config_site, routes),
     COUNTED_AT(config_site, route_count)},
};

static const struct option certificate_options[] = {
    {"key",
     "The PEM file with its private key. Only its owner and group may read it, see Certificates.",
     KIND_KEY, REQUIRED, AT(config_certificate, key_path), LINE_AT(config_certificate, key_line)},
    {"ocsp",
     "File with the OCSP response (DER or PEM) to staple. Replace it from a scheduled job, then "
     "reload.",
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
    {"backend", "Name of the backend that gets the requests. Instead of it: redirect or return.",
     KIND_NAME, OPTIONAL, AT(config_route, backend_name), LINE_AT(config_route, backend_line)},
    {"redirect", "URL to send clients to. Without a path: with the path of the request.", KIND_URL,
     OPTIONAL, AT(config_route, redirect), LINE_AT(config_route, redirect_line)},
    {"redirect-rest", "Append what follows the prefix, and the query, to the URL of redirect.",
     KIND_YES_NO, OPTIONAL, INITIAL("no"), AT(config_route, redirect_rest),
     LINE_AT(config_route, redirect_rest_line)},
    {"redirect-status",
     "301, 308: permanent. 302, 303, 307: temporary. 307 and 308 keep the method.", KIND_WORD,
     OPTIONAL, WORDS(redirect_words), INITIAL("308"), AT(config_route, redirect_how)},
    {"return", "Status to respond with, with a small page.", KIND_NUMBER, OPTIONAL, RANGE(200, 599),
     AT(config_route, status), LINE_AT(config_route, status_line)},
    {"text", "With return: the text of the page.", KIND_TEXT, OPTIONAL, AT(config_route, page.text),
     LINE_AT(config_route, page.text_line)},
    {"file", "With return: a file with the page, at most 32 KiB.", KIND_FILE, OPTIONAL,
     AT(config_route, page.file), LINE_AT(config_route, page.file_line)},
    {"type",
     "The media type of the page. Without it, the ending of the file tells the type; text is "
     "text/plain.",
     KIND_MEDIA_TYPE, OPTIONAL, AT(config_route, page.type), LINE_AT(config_route, page.type_line)},
    {"strip-prefix", "Remove the prefix from the path before the request goes to the server.",
     KIND_YES_NO, OPTIONAL, INITIAL("no"), AT(config_route, strip_prefix),
     LINE_AT(config_route, strip_prefix_line)},
    {"request", "Changes to the headers of requests.", KIND_SECTION, INSIDE(SECTION_REQUEST),
     OPTIONAL, AT(config_route, request)},
    {"response", "Changes to the headers of responses.", KIND_SECTION, INSIDE(SECTION_RESPONSE),
     OPTIONAL, AT(config_route, response)},
    {"authorize", "Asks a server about each request, with GET for this path. See Authorization.",
     KIND_SECTION, INSIDE(SECTION_AUTHORIZE), OPTIONAL, AT(config_route, authorize),
     COUNTED_AT(config_route, authorize_count)},
    {"allow", "Clients that may use the route. All others get 403.", KIND_NETWORKS,
     FROM_TO(0, 1000), AT(config_route, allow)},
    {"allow-file", "More of them in a file: a network or an IP address a line.", KIND_ADDRESS_FILE,
     OPTIONAL, AT(config_route, allow_file), LINE_AT(config_route, allow_file_line)},
    {"deny", "Clients that get 403, even if allow lists them.", KIND_NETWORKS, FROM_TO(0, 1000),
     AT(config_route, deny)},
    {"deny-file", "More of them in a file: a network or an IP address a line.", KIND_ADDRESS_FILE,
     OPTIONAL, AT(config_route, deny_file), LINE_AT(config_route, deny_file_line)},
    {"users", "Instead of the file of the site. none: no login is needed.", KIND_USERS, OPTIONAL,
     AT(config_route, users), LINE_AT(config_route, users_line)},
    {"realm", "Instead of the realm of the site.", KIND_PHRASE, OPTIONAL, AT(config_route, realm),
     LINE_AT(config_route, realm_line)},
    {"user-header", "Header that tells the server the user who has logged in. Needs users.",
     KIND_FIELD_NAME, OPTIONAL, AT(config_route, user_header),
     LINE_AT(config_route, user_header_line)},
    {"pass-authorization", "Send the server the Authorization header, too. Needs users.",
     KIND_YES_NO, OPTIONAL, INITIAL("no"), AT(config_route, pass_authorization),
     LINE_AT(config_route, pass_authorization_line)},
    {"body-size", "Largest size of a request body, instead of the value in limits.", KIND_SIZE,
     OPTIONAL, RANGE(1, 2048 * KIB * KIB), AT(config_route, body_size)},
    {"rate", "Requests a second of one client in this route, on average. More get 429.",
     KIND_NUMBER, OPTIONAL, RANGE(1, 100000), ZERO("unlimited"), INITIAL("unlimited"),
     AT(config_route, rate)},
    {"burst", "Requests of one client at once before rate counts.", KIND_NUMBER, OPTIONAL,
     RANGE(1, 100000), INITIAL("20"), AT(config_route, burst)},
    {"connect-timeout", "For connecting to a server. Default: that of the backend.",
     KIND_MILLISECONDS, OPTIONAL, RANGE(100, DAY), AT(config_route, connect_timeout_ms)},
    {"response-timeout", "For the response headers of a server. Default: that of the backend.",
     KIND_MILLISECONDS, OPTIONAL, RANGE(100, DAY), AT(config_route, response_timeout_ms)},
    {"request-timeout", "For the whole request and its response. Default: that of the backend.",
     KIND_MILLISECONDS, OPTIONAL, RANGE(100, DAY), AT(config_route, request_timeout_ms)},
};

static const struct option change_options[] = {
    {"set-header",
     "Headers to set, as in {\"X-Frame-Options: DENY\"}. They replace headers of the same name.",
     KIND_FIELD, FROM_TO(0, 100), AT(config_changes, set), COUNTED_AT(config_changes, set_count)},
    {"remove-header", "Names of headers to remove.", KIND_FIELD_NAME, FROM_TO(0, 100),
     AT(config_changes, remove), COUNTED_AT(config_changes, remove_count)},
};

static const struct option authorize_options[] = {
    {"backend", "Name of the backend that is asked. Default: that of the route.", KIND_NAME,
     OPTIONAL, AT(config_authorize, backend_name), LINE_AT(config_authorize, backend_line)},
    {"headers", "Headers to copy from its response to the request, instead of the client's.",
     KIND_COPIED_FIELD, FROM_TO(0, CONFIG_COPIES_MAX), AT(config_authorize, headers.items),
     COUNTED_AT(config_authorize, headers.count)},
    {"response-headers", "Headers to copy from its response to that of the client, as in headers.",
     KIND_COPIED_FIELD, FROM_TO(0, CONFIG_COPIES_MAX), AT(config_authorize, response_headers.items),
     COUNTED_AT(config_authorize, response_headers.count)},
    {"login", "Page to which browsers are sent instead of a 401. See Authorization.", KIND_LOGIN,
     OPTIONAL, AT(config_authorize, login)},
    {"timeout", "The longest time until the response is there, with all retries. Then: 503.",
     KIND_MILLISECONDS, OPTIONAL, RANGE(100, HOUR), INITIAL("10s"),
     AT(config_authorize, timeout_ms)},
};

static const struct option backend_options[] = {
    {"balance", "How the next server is chosen.", KIND_WORD, OPTIONAL, WORDS(balance_words),
     INITIAL("round-robin"), AT(config_backend, balance)},
    {"hash-by", "With balance = hash: requests with the same value of this go to the same server.",
     KIND_HASH_BY, OPTIONAL, WORDS(hash_by_words), INITIAL("client"), AT(config_backend, hash_by),
     LINE_AT(config_backend, hash_by_line)},
    {"sticky", "Name of a cookie that brings a client back to its server.", KIND_NAME, OPTIONAL,
     AT(config_backend, sticky)},
    {"queue", "Requests that may wait while all servers have max-connections; more get 503.",
     KIND_NUMBER, OPTIONAL, RANGE(1, 1000000), ZERO("0"), INITIAL("1000"),
     AT(config_backend, queue)},
    {"queue-timeout", "Longest time that a request waits there. Then it gets 503.",
     KIND_MILLISECONDS, OPTIONAL, RANGE(100, DAY), INITIAL("5s"),
     AT(config_backend, queue_timeout_ms)},
    {"connect-timeout", "For connecting to a server.", KIND_MILLISECONDS, OPTIONAL, RANGE(100, DAY),
     INITIAL("2s"), AT(config_backend, connect_timeout_ms)},
    {"response-timeout",
     "Longest wait for the response headers, and between two reads of the response body.",
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
     "Failures in a row that take a server out of use. A failed connection takes it out at once.",
     KIND_NUMBER, OPTIONAL, RANGE(1, 1000), ZERO("off"), INITIAL("3"),
     AT(config_backend, max_failures)},
    {"failure-ratio",
     "Share of failed requests, of 20 or more within 10 s, that takes a server out of use.",
     KIND_PERCENT, OPTIONAL, RANGE(1, 100), ZERO("off"), INITIAL("50%"),
     AT(config_backend, failure_ratio)},
    {"fail-on-status",
     "Statuses that count as failures, for which another server is asked. yes: 500, 502-504.",
     KIND_STATUSES, FROM_TO(0, 100), WORDS(statuses_words), INITIAL("no"),
     AT(config_backend, fail_on_status)},
    {"eject-time", "How long a server is out of use. The time doubles each time in a row.",
     KIND_MILLISECONDS, OPTIONAL, RANGE(100, DAY), INITIAL("1s"),
     AT(config_backend, eject_time_ms)},
    {"eject-time-max", "The longest time that a server is out of use before it is tried again.",
     KIND_MILLISECONDS, OPTIONAL, RANGE(100, DAY), INITIAL("30s"),
     AT(config_backend, eject_time_max_ms)},
    {"slow-start", "How long the share of a server grows after its return; 0 gives it all at once.",
     KIND_MILLISECONDS, OPTIONAL, RANGE(100, DAY), ZERO("0"), INITIAL("0"),
     AT(config_backend, slow_start_ms)},
    {"send-proxy-protocol",
     "Begin every connection to a server with a PROXY header. Each then serves one request only.",
     KIND_WORD, OPTIONAL, WORDS(proxy_protocol_words), INITIAL("off"),
     AT(config_backend, send_proxy_protocol)},
    {"tls-facts",
     "Send X-TLS-Facts to servers: version, group, suite and resumption of the client's TLS.",
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
    {"weight", "Share of the requests, in proportion to the weights of the other servers.",
     KIND_NUMBER, OPTIONAL, RANGE(1, 256), INITIAL("1"), AT(config_server, weight)},
    {"max-connections",
     "Largest number of connections in use, in all workers. Further requests wait.", KIND_NUMBER,
     OPTIONAL, RANGE(1, 1000000), ZERO("unlimited"), INITIAL("unlimited"),
     AT(config_server, max_connections)},
    {"backup", "Use this server only while no server without backup is up.", KIND_YES_NO, OPTIONAL,
     INITIAL("no"), AT(config_server, backup)},
    {"addresses", "Largest number of addresses of a DNS name that are used.", KIND_NUMBER, OPTIONAL,
     RANGE(1, 256), INITIAL("64"), AT(config_server, addresses_max),
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
    [SECTION_AUTHORIZE] =
        TITLED("authorize", config_authorize, authorize_options, KIND_PATH, NULL, path),
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
