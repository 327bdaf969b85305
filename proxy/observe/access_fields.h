// The fields of the access log: their names, their order, and the fields that a configuration
// selects.
#ifndef RAVELIN_OBSERVE_ACCESS_FIELDS_H
#define RAVELIN_OBSERVE_ACCESS_FIELDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// One row for each field: name, name in the journal, kind of value, member of struct access_entry.
// A line without a selection has the fields of FIRST and LAST in this order, with the request ids
// between them.
#define ACCESS_FIELDS_FIRST(FIELD)                                                                 \
    FIELD(time, TIME, INSTANT, started_us)                                                         \
    FIELD(client, CLIENT, TEXT, client)                                                            \
    FIELD(client_port, CLIENT_PORT, PORT, client_port)                                             \
    FIELD(client_unread, CLIENT_UNREAD, TEXT, client_unread)                                       \
    FIELD(user, USER, TEXT, user)                                                                  \
    FIELD(site, SITE, TEXT, site)                                                                  \
    FIELD(method, METHOD, TEXT, method)                                                            \
    FIELD(target, TARGET, TEXT, target)                                                            \
    FIELD(host, HOST, TEXT, host)                                                                  \
    FIELD(protocol, PROTOCOL, PROTOCOL, protocol)                                                  \
    FIELD(status, STATUS, STATUS, status)                                                          \
    FIELD(request_bytes, REQUEST_BYTES, NUMBER, request_bytes)                                     \
    FIELD(response_bytes, RESPONSE_BYTES, NUMBER, response_bytes)                                  \
    FIELD(referer, REFERER, TEXT, referer)                                                         \
    FIELD(user_agent, USER_AGENT, TEXT, user_agent)
#define ACCESS_FIELDS_IDS(FIELD)                                                                   \
    FIELD(request_id, REQUEST_ID, TEXT, request_id)                                                \
    FIELD(traceparent, TRACEPARENT, TEXT, traceparent)
#define ACCESS_FIELDS_LAST(FIELD)                                                                  \
    FIELD(backend, BACKEND, TEXT, backend)                                                         \
    FIELD(server, SERVER, TEXT, server)                                                            \
    FIELD(server_reused, SERVER_REUSED, TRUTH, server_reused)                                      \
    FIELD(duration_us, DURATION_US, DURATION, duration_us)                                         \
    FIELD(connect_us, CONNECT_US, DURATION, connect_us)                                            \
    FIELD(response_us, RESPONSE_US, DURATION, response_us)                                         \
    FIELD(tls, TLS, TLS, tls_version)                                                              \
    FIELD(ended, ENDED, STRING, ended)
// The parts of `tls`, as single fields.
#define ACCESS_FIELDS_TLS(FIELD)                                                                   \
    FIELD(tls_version, TLS_VERSION, TEXT, tls_version)                                             \
    FIELD(tls_group, TLS_GROUP, TEXT, tls_group)                                                   \
    FIELD(tls_suite, TLS_SUITE, TEXT, tls_suite)                                                   \
    FIELD(tls_resumed, TLS_RESUMED, TRUTH, tls_resumed)                                            \
    FIELD(tls_sni, TLS_SNI, TEXT, tls_sni)                                                         \
    FIELD(tls_client_certificate, TLS_CLIENT_CERTIFICATE, TEXT, tls_client)
#define ACCESS_FIELDS(FIELD)                                                                       \
    ACCESS_FIELDS_FIRST(FIELD)                                                                     \
    ACCESS_FIELDS_IDS(FIELD) ACCESS_FIELDS_LAST(FIELD) ACCESS_FIELDS_TLS(FIELD)

#define ACCESS_FIELD_ID(name, upper, kind, member) ACCESS_FIELD_##upper,
enum access_field { ACCESS_FIELDS(ACCESS_FIELD_ID) ACCESS_FIELD_COUNT };
#undef ACCESS_FIELD_ID

extern const char *const access_field_names[ACCESS_FIELD_COUNT + 1]; // the last item is NULL

#define ACCESS_HEADERS_MAX 8

// Header fields whose values are logged: names in lower case, at most ACCESS_HEADERS_MAX.
struct access_headers {
    char **names;
    size_t count;
};

// The selected fields, each once. count 0: the default fields.
struct access_fields {
    struct access_headers request_headers, response_headers;
    uint8_t items[ACCESS_FIELD_COUNT]; // enum access_field
    uint8_t count;
    uint64_t set; // one bit for each item
};

// Adds a field. False: the field was added before, or does not exist.
bool access_fields_add(struct access_fields *fields, unsigned field);

static inline bool access_fields_have(const struct access_fields *fields, enum access_field field) {
    return (fields->set >> field & 1) != 0;
}

#endif
