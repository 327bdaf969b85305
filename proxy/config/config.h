// One loaded configuration: an immutable value built from the text of a config file.
//
// config_load() parses text with libconfuse, checks every value against the option table
// config_load() parses text with libconfuse, checks every value against the option table
// (options.h) and builds a `struct config`. The master's reader and `ravelin check` call it. Every
// other process gets the checked configuration in a bundle and builds the same value from it,
// without libconfuse (image.h). config_load() opens no file, reads no environment variable and
// looks up no name. The config has the paths of files; the bundle has their contents (bundle.h).
//
// Ownership: the config owns everything that it points to, and config_free() releases all. It never
// changes after config_load(). Errors: NULL is returned, and `error` has one or more lines
// "file:line: problem". No line is cut unless it is the only one. On success `error` is empty.
//
// libconfuse keeps its lexer's state in globals: run one config_load() at a time in a process.
// libconfuse ends the process if memory is short, and calls isatty(-1).
#ifndef RAVELIN_CONFIG_CONFIG_H
#define RAVELIN_CONFIG_CONFIG_H

#include "base/network_set.h"
#include "base/slice.h"
#include "base/socket.h"
#include "config/files.h"
#include "config/parts.h"
#include "observe/access_fields.h"
#include "observe/sink.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CONFIG_ERROR_SIZE 4096
#define CONFIG_WORKERS_MAX 256
#define CONFIG_LISTENERS_MAX 64
#define CONFIG_ADMINS_MAX 4
#define CONFIG_ACME "acme" // in place of a certificate's path, which otherwise begins with '/'

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARNING, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };
enum log_target {
    LOG_TARGET_OFF,
    LOG_TARGET_STDOUT,
    LOG_TARGET_STDERR,
    LOG_TARGET_SYSLOG,
    LOG_TARGET_JOURNAL,
    LOG_TARGET_FILE
};
enum access_log_format { ACCESS_LOG_JSON, ACCESS_LOG_COMBINED, ACCESS_LOG_COMBINED_REASON };
enum unknown_server_name { UNKNOWN_NAME_DEFAULT_SITE, UNKNOWN_NAME_REFUSE };
enum client_certificate { CLIENT_CERTIFICATE_REQUIRED, CLIENT_CERTIFICATE_OPTIONAL };
enum listen_protocol { LISTEN_HTTPS, LISTEN_REDIRECT, LISTEN_TCP };
enum balance { BALANCE_ROUND_ROBIN, BALANCE_LEAST_CONNECTIONS, BALANCE_RANDOM_TWO, BALANCE_HASH };
enum hash_by { HASH_BY_CLIENT, HASH_BY_PATH, HASH_BY_HEADER, HASH_BY_COOKIE };
enum route_guard { ROUTE_GUARD_USERS, ROUTE_GUARD_AUTHORIZE, ROUTE_GUARD_COUNT };
enum redirect { REDIRECT_301, REDIRECT_302, REDIRECT_303, REDIRECT_307, REDIRECT_308 };
enum proxy_protocol { PROXY_PROTOCOL_OFF, PROXY_PROTOCOL_V1, PROXY_PROTOCOL_V2 };

struct config_networks {
    struct network *items;
    size_t count;
};

// The addresses in a file, and its path.
struct config_address_file {
    char *path;             // absolute; NULL: not given
    struct network_set set; // contents of the file
};

// IP addresses with ports. An item without an address (size 0) is the word `system`.
struct config_addresses {
    struct address *items;
    size_t count;
};

struct config_log {
    enum log_target target;
    char *path; // LOG_TARGET_FILE only; absolute (resolved against the config file's folder)
};

struct config_tls {
    bool require_post_quantum;
    enum unknown_server_name unknown_server_name;
    uint32_t ticket_lifetime_s; // 0 = no tickets
    bool certificate_watch;
};

struct config_limits {
    uint32_t handshake_timeout_ms;
    uint32_t header_timeout_ms;
    uint32_t idle_timeout_ms;
    uint32_t header_size; // bytes of a request head
    uint32_t header_count;
    uint32_t response_header_size;    // bytes of a response head or trailer section
    uint32_t target_size;             // bytes of a request target
    uint32_t body_size;               // bytes of a request body; 0 = no limit
    uint32_t body_rate;               // bytes a second, on average; 0 = no limit
    uint32_t requests_per_connection; // 0 = no limit
    uint32_t streams;                 // largest number of open requests on an HTTP/2 connection
    uint32_t connections;             // of clients, in all workers
    int connections_line;             // 0: not given
    uint32_t connections_per_client;  // 0 = no limit
};

// Counted events of an HTTP/2 connection, in the order of enum http2_cost (http2/limits.h).
enum http2_rate {
    HTTP2_RATE_PING,
    HTTP2_RATE_SETTINGS,
    HTTP2_RATE_PRIORITY,
    HTTP2_RATE_WINDOW_UPDATE,
    HTTP2_RATE_EMPTY,
    HTTP2_RATE_RESET,
    HTTP2_RATE_FAULT,
    HTTP2_RATE_STRAY,
    HTTP2_RATE_COUNT,
};

struct config_http2 {
    uint32_t stream_window;     // bytes that a client may send ahead of the server, for each stream
    uint32_t connection_window; // the same for all streams of a connection
    uint32_t largest_window;    // limit to which connection_window can grow
    uint32_t window_memory;     // limit of all growth of connection windows in a worker, in bytes
    uint32_t stalled_streams;
    uint32_t continuations;
    uint32_t overhead;                // bytes
    uint32_t rates[HTTP2_RATE_COUNT]; // events a second
};

struct config_listen {
    struct address address;
    enum listen_protocol protocol;
    char *backend_name;   // LISTEN_TCP only; else NULL
    size_t backend_index; // into config.backends
    char **alpn;          // LISTEN_TCP only: protocols, in order of preference
    size_t alpn_count;
    bool proxy_protocol; // connections begin with a PROXY header of a trusted proxy
    uint32_t https_port; // port to which a redirect listener sends clients; 0: automatic
    int https_port_line; // 0: not given
    // Absolute path of the folder; NULL: this listener does not answer challenges.
    char *challenge_path;
    bool http2; // clients may choose HTTP/2
    int line;
    int backend_line; // 0: not given
    int alpn_line;    // 0: not given
    int proxy_protocol_line;
    int challenge_line;
};

static inline bool config_offers_http2(const struct config_listen *listen) {
    return listen->http2 && listen->protocol == LISTEN_HTTPS;
}

enum acme_keys { ACME_KEYS_ECDSA, ACME_KEYS_ECDSA_AND_RSA };

// Options of certificates that are ordered from an ACME CA (acme.h).
struct config_acme {
    char *email;     // of the account; NULL: not given
    bool agree;      // agree to the CA's terms of service
    char *directory; // URL of the CA
    char *folder;    // absolute
    char *ca_path;   // absolute; NULL: the system's CAs verify the ACME server
    enum acme_keys keys;
    int directory_line; // 0: not given
};

struct config_certificate {
    char *certificate_path; // absolute; CONFIG_ACME before acme_expand()
    char *key_path;         // absolute
    char *ocsp_path;        // absolute; NULL when not given
    // Set by acme_expand(): the host name that it covers; NULL: not an ordered certificate.
    char *acme_name;
    char *acme_file;  // name of its files, without an ending: see acme.h
    bool acme_is_rsa; // the key is RSA; false: ECDSA
    char *spare_path; // used while the file at certificate_path is missing or invalid; NULL: none
    int line;
    int key_line;
    int ocsp_line;
};

// A server is an address, or a name that can have several addresses.
struct config_server {
    struct address address; // size 0: the server is a name
    char *text;    // for logs, such as "127.0.0.1:9000", "app.internal:8000" (server_title.h)
    char *host;    // canonical name to look up; NULL: the server is an address
    uint16_t port; // of `host`; 0: `host` has SRV records
    uint32_t addresses_max; // largest number of used addresses of `host`
    int addresses_line;     // 0: not given
    uint32_t weight;
    uint32_t max_connections; // largest number of connections in use; 0 = no limit
    bool backup;              // used when no other server is up
    int line;
};

// A set of response statuses, from 100 to 599.
struct config_statuses {
    uint64_t bits[8];
};

static inline bool config_statuses_have(const struct config_statuses *statuses, uint32_t status) {
    uint32_t bit = status - 100;
    return bit < 500 && (statuses->bits[bit / 64] >> bit % 64 & 1) != 0;
}

// The part of a request that `balance = hash` uses as a key.
struct config_hash_by {
    enum hash_by what;
    char *name; // of the header field or cookie; NULL with another `what`
};

// How the monitor checks the servers of a backend.
struct config_health {
    char *path; // begins with '/'; "tcp": a connection is enough
    uint32_t interval_ms;
    uint32_t timeout_ms;
    uint32_t rise;                 // good checks in a row until a server is up
    uint32_t fall;                 // failed checks in a row until a server is down
    struct config_statuses status; // statuses of good responses; empty: 200 to 399
    char *host;                    // NULL: localhost
    char *expect;                  // text that a good response contains; NULL: any response
    int line;
};

static inline bool config_health_is_http(const struct config_health *health) {
    return health->path[0] == '/';
}

struct config_backend {
    char *name; // letters, digits, '.', '_', '-'
    enum balance balance;
    struct config_hash_by hash_by;
    int hash_by_line; // 0: not given
    char *sticky;     // name of the cookie that names a server; NULL: there is none
    uint32_t queue;   // largest number of waiting requests; 0 = none
    uint32_t queue_timeout_ms;
    struct config_server *servers;
    size_t server_count; // at least 1
    struct config_health *health;
    size_t health_count; // at most 1
    uint32_t connect_timeout_ms;
    uint32_t response_timeout_ms;
    uint32_t request_timeout_ms; // 0 = none
    uint32_t retries;
    uint32_t retry_body;   // bytes of a request body that are kept for a retry; 0 = none
    uint32_t retry_budget; // percent of requests that may be retried; 0 = only a few
    uint32_t max_failures; // failures in a row that take a server out of use; 0 = no limit
    // Percent of failed requests that takes a server out of use; 0 = no limit.
    uint32_t failure_ratio;
    uint32_t eject_time_ms;     // time out of use, the first time in a row
    uint32_t eject_time_max_ms; // longest time out of use, if longer than eject_time_ms
    uint32_t slow_start_ms;     // time until a server that returns has its full weight; 0 = none
    struct config_statuses fail_on_status; // statuses of responses that count as failures
    enum proxy_protocol send_proxy_protocol;
    bool tls_facts;        // add X-TLS-Facts to requests
    bool rewrite_location; // see exchange/location.h
    int line;
};

// Names of header fields.
struct config_names {
    char **items;
    size_t count;
};

// Changes to the header fields of a head.
struct config_changes {
    char **set; // each is "Name: value"
    size_t set_count;
    char **remove;
    size_t remove_count;
    // For a request: fields that only guards of the route may set. The client's fields are removed,
    // in any spelling that a server could read as the name; see http_name_resembles(). Not owned.
    struct config_names reserved[ROUTE_GUARD_COUNT];
};

// A page for a response that Ravelin generates.
struct config_page {
    char *text; // NULL: not given
    char *file; // absolute; NULL: not given
    char *type; // media type; not NULL if there is a text or a file
    int text_line, file_line, type_line;
};

struct config_error_page {
    uint32_t status;
    struct config_page page;
    int line;
};

#define CONFIG_COPIES_MAX 32
// `login` in place of a URL: the Location of the 401.
#define LOGIN_BY_SERVER "location"

// Options of `authorize`: a subrequest allows or denies the client's request.
struct config_authorize {
    char *path;           // begins with '/'
    char *backend_name;   // NULL: the backend of the route
    size_t backend_index; // into config.backends
    struct config_names
        headers; // copies of fields of its response to the server's request (field.h)
    struct config_names response_headers; // the same to the client's response
    // Names of `headers` in the server's request, which the client cannot send.
    char *reserved[CONFIG_COPIES_MAX];
    char *login; // target of the redirect of browsers in place of a 401; NULL: none
    uint32_t timeout_ms;
    int line;
    int backend_line; // 0: not given
};

#define PREFIX_MAX_SIZE 1024

#define CONFIG_NO_USERS "none" // a route's `users` in place of a path: no password
#define USERS_NAME_MAX 128     // bytes of the name of a user
#define CONFIG_REALM_MAX 128   // bytes

// A digest that distinguishes the contents of two files of users (users_file.h).
struct users_mark {
    uint64_t words[2];
};

// The users of a route: derived from its options and those of its site (login.h).
struct config_login {
    const char *users; // absolute path; NULL: no password is required
    const char *realm;
    struct users_mark mark; // set by bundle_config()
    char *reserved[2];      // names of fields that the client cannot send to a server
};

// A route has exactly one of backend_name, redirect and status. The prefix is compared with the
// decoded path. So it has no '%', ';', backslash, empty segment or dot segment.
struct config_route {
    char *prefix; // begins with '/'
    size_t prefix_size;
    char *backend_name;   // NULL: no backend
    size_t backend_index; // into config.backends
    char *redirect;       // target of the redirect; NULL: no redirect
    enum redirect redirect_how;
    bool redirect_rest;      // append the rest of the path; both prefix and redirect end with '/'
    uint32_t status;         // status of the response; 0: none
    struct config_page page; // of the response
    bool strip_prefix;
    struct config_changes request;
    struct config_changes response;
    struct config_authorize *authorize;
    size_t authorize_count;                           // at most 1
    struct config_networks allow;                     // addresses of clients; empty: all
    struct config_networks deny;                      // addresses of clients; wins over `allow`
    struct config_address_file allow_file, deny_file; // addresses in addition to allow and deny
    bool is_limited;                                  // one of these lists is given
    uint8_t guards;              // bit i: guard i of enum route_guard applies (exchange/verdict.h)
    uint32_t body_size;          // 0 = no limit of its own
    uint32_t connect_timeout_ms; // this and the next two: 0 = as in the backend
    uint32_t response_timeout_ms;
    uint32_t request_timeout_ms;
    uint32_t rate;  // requests a second of one client; 0 = no limit
    uint32_t burst; // requests that may arrive at once
    char *users;    // absolute, or CONFIG_NO_USERS; NULL: as in the site
    char *realm;    // NULL: as in the site
    char *user_header;
    bool pass_authorization;
    struct config_login login;
    int users_line, realm_line, user_header_line, pass_authorization_line;
    int line;
    int backend_line;
    int redirect_line;
    int status_line;
    int strip_prefix_line;
    int redirect_rest_line;
    int allow_file_line;
    int deny_file_line;
};

struct config_site {
    // Canonical host names (host.h). A name or alias is used only once in a configuration.
    char *name;
    char **aliases; // names, "*.suffix" wildcards, or "*" (in one site at most)
    size_t alias_count;
    struct config_certificate *certificates;
    size_t certificate_count; // at least 1
    char *client_ca_path;     // absolute; NULL: clients need no certificate
    char *client_crl_path;    // absolute; NULL: revocation is not checked
    enum client_certificate client_certificate;
    int client_ca_line;
    int client_crl_line;
    int client_certificate_line; // 0: not given
    struct config_error_page *error_pages;
    size_t error_page_count;
    struct config_route *routes; // longest prefix first
    size_t route_count;          // at least 1 if a listener speaks HTTPS
    char *users;                 // absolute path; NULL: no password is required
    char *realm;
    int users_line, realm_line;
    uint32_t hsts_s; // max-age of Strict-Transport-Security; 0 = not sent
    int line;
};

struct config {      // NOLINT(clang-analyzer-optin.performance.Padding): by what belongs together
    char *path;      // of the configuration file, as passed to config_load()
    char *directory; // folder of the configuration file, absolute; relative paths begin there
    struct config_parts parts; // of the assembled text; empty without include
    uint32_t workers;          // 0 = auto: one for each core (the master decides)
    char *user;                // never "root"
    int user_line;             // 0: not given
    uint32_t drain_timeout_ms; // 0: unlimited
    uint32_t drain_delay_ms;
    struct config_log log;
    enum log_level log_level;
    struct config_log access_log;
    enum access_log_format access_log_format;
    struct access_fields access_log_fields; // empty: the default fields
    int access_log_fields_line;             // 0: not given
    struct config_tls tls;
    struct config_acme acme;
    struct config_limits limits;
    struct config_http2 http2;
    bool request_id;                        // requests carry X-Request-Id
    struct config_networks trusted_proxies; // no network has the prefix length 0
    int trusted_proxies_line;
    struct config_address_file trusted_proxies_file; // in addition to trusted_proxies
    int trusted_proxies_file_line;                   // 0: not given
    struct config_listen *listeners;
    size_t listener_count; // at least 1
    // Addresses of `admin`: loopback addresses and unix sockets. Only `address` and `line` are set.
    struct config_listen *admins;
    size_t admin_count;        // at most CONFIG_ADMINS_MAX
    struct config_site *sites; // in the order of the file; the first is the default
    size_t site_count;         // at least 1 if a listener has the protocol https
    struct config_backend *backends;
    size_t backend_count;
    bool has_challenge_backend;        // the last backend is that of challenge.h
    struct config_addresses resolvers; // see config_uses_system_resolver()
    int resolver_line;                 // 0: not given
    uint32_t resolve_min_ms;           // shortest and longest time until a name is looked up again
    uint32_t resolve_max_ms;
    uint32_t resolve_keep_ms; // time for which servers stay after their name has lost all addresses
};

// Parses `text` of `size` bytes. `path`: name of the file in messages, and start of relative paths.
// Pass an absolute path if the working directory may differ from that of the process that read the
// file.
struct config *config_load(const char *path, const char *text, size_t size,
                           char error[CONFIG_ERROR_SIZE]);
// The same for a text with includes, read through `files`.
struct config *config_load_with(const char *path, struct slice text,
                                const struct config_files *files, char error[CONFIG_ERROR_SIZE]);
static inline struct network_lists config_lists(const struct config_networks *networks,
                                                const struct config_address_file *file) {
    return (struct network_lists){networks->items, networks->count, &file->set};
}

// The proxies whose reports about clients are used.
static inline struct network_lists config_trusted(const struct config *config) {
    return config_lists(&config->trusted_proxies, &config->trusted_proxies_file);
}

// The file and line for a message about a line of the configuration.
struct place config_place(const struct config *config, int line);
void config_free(struct config *config); // NULL is allowed

// Number of places of a server in the server table: one for each address that it may have.
static inline size_t config_server_places(const struct config_server *server) {
    return server->host == NULL ? 1 : server->addresses_max;
}

size_t config_backend_places(const struct config_backend *backend);
// Whether a server of the backend is a name.
bool config_backend_has_names(const struct config_backend *backend);
bool config_has_users(const struct config *config); // a route requires a password
bool config_has_names(const struct config *config);
// Whether names are looked up by the resolvers of /etc/resolv.conf.
bool config_uses_system_resolver(const struct config *config);

// The daemon that is the target of a log, if it is one.
enum sink_daemon config_log_daemon(const struct config_log *log);

// The version of libconfuse, which is linked dynamically: "3.3".
const char *config_library_version(void);

// Prints every option with range, default and one line of help to stdout (`ravelin help config`).
void config_print_reference(void);

#endif
