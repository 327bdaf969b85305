#include "http/target.h"

#include "http/bytes.h"
#include "http/path.h"

#include <arpa/inet.h>

#define HOST_SIZE_MAX 255

// "[2001:db8::1]..." : the size with both brackets, or 0.
static size_t bracketed_size(struct slice text) {
    const char *close = memchr(text.data, ']', text.size);
    char address[INET6_ADDRSTRLEN];
    struct in6_addr parsed;
    if (close == NULL || (size_t)(close - text.data) > sizeof address) {
        return 0;
    }
    size_t size = (size_t)(close - text.data) - 1;
    memcpy(address, text.data + 1, size);
    address[size] = '\0';
    if (memchr(address, '\0', size) != NULL || inet_pton(AF_INET6, address, &parsed) != 1) {
        return 0;
    }
    return size + 2;
}

// Size of a name; 0: not a name.
static size_t name_size(struct slice text) {
    size_t size = 0;
    bool after_dot = true;
    while (size < text.size && http_byte_is(text.data[size], BYTE_HOST)) {
        bool dot = text.data[size] == '.';
        if (dot && after_dot) {
            return 0;
        }
        after_dot = dot;
        size++;
    }
    return size;
}

static const char *parse_port(struct slice digits, uint16_t *port) {
    uint32_t value = 0;
    if (digits.size > 5) {
        return "port out of range in the host";
    }
    for (size_t i = 0; i < digits.size; i++) {
        if (!http_byte_is(digits.data[i], BYTE_DIGIT)) {
            return "port of the host is not a number";
        }
        value = value * 10 + (uint32_t)(digits.data[i] - '0');
    }
    if (value == 0 || value > UINT16_MAX) {
        return "port out of range in the host";
    }
    *port = (uint16_t)value;
    return NULL;
}

const char *http_parse_authority(struct slice text, struct http_authority *authority) {
    bool bracketed = text.size > 0 && text.data[0] == '[';
    size_t size = bracketed ? bracketed_size(text) : name_size(text);
    if (size == 0 || size > HOST_SIZE_MAX) {
        return "host is empty, too long or malformed";
    }
    authority->text = text;
    authority->host = (struct slice){text.data, size};
    authority->port = 0;
    if (size == text.size) {
        return NULL;
    }
    if (text.data[size] != ':') {
        return memchr(text.data, '@', text.size) != NULL ? "user information in the host"
                                                         : "illegal byte in the host";
    }
    if (size + 1 == text.size) {
        authority->text.size = size;
        return NULL;
    }
    return parse_port((struct slice){text.data + size + 1, text.size - size - 1}, &authority->port);
}

// "http://" or "https://" at the start of the target: its size and default port, or 0.
static size_t scheme_size(struct slice target, uint16_t *default_port) {
    if (target.size >= 7 && slice_equal_nocase((struct slice){target.data, 7}, SLICE("http://"))) {
        *default_port = 80;
        return 7;
    }
    if (target.size >= 8 && slice_equal_nocase((struct slice){target.data, 8}, SLICE("https://"))) {
        *default_port = 443;
        return 8;
    }
    return 0;
}

static bool same_authority(const struct http_authority *a, const struct http_authority *b,
                           uint16_t default_port) {
    uint16_t port_a = a->port == 0 ? default_port : a->port;
    uint16_t port_b = b->port == 0 ? default_port : b->port;
    return port_a == port_b && slice_equal_nocase(a->host, b->host);
}

// The scan has found most paths to be plain.
static const char *take_path(struct http_request *request, struct slice path, size_t plain_size) {
    request->path = path;
    request->path_size = plain_size;
    request->path_is_plain = plain_size > 0;
    if (plain_size > 0) {
        return NULL;
    }
    const char *query = memchr(path.data, '?', path.size);
    request->path_size = query == NULL ? path.size : (size_t)(query - path.data);
    return http_check_path((struct slice){path.data, request->path_size});
}

static const char *resolve_absolute(struct http_request *request, size_t scheme,
                                    uint16_t default_port, const struct http_authority *host) {
    const char *at = request->target.data + scheme;
    const char *end = request->target.data + request->target.size;
    const char *path = at;
    while (path < end && *path != '/' && *path != '?') {
        path++;
    }
    struct http_authority authority;
    const char *why = http_parse_authority((struct slice){at, (size_t)(path - at)}, &authority);
    if (why != NULL) {
        return why;
    }
    if (host != NULL && !same_authority(&authority, host, default_port)) {
        return "Host differs from the target";
    }
    request->authority = authority.text;
    request->host = authority.host;
    if (path == end) {
        // RFC 9112 3.2.4: for OPTIONS, a URI without path and query means the whole server.
        bool whole_server = slice_equal(request->method, SLICE("OPTIONS"));
        return take_path(request, whole_server ? SLICE("*") : SLICE("/"), 1);
    }
    if (*path == '?') {
        return "query without a path in the target";
    }
    return take_path(request, (struct slice){path, (size_t)(end - path)}, 0);
}

const char *http_resolve_target(struct http_request *request, size_t plain_size,
                                const struct http_field *host) {
    struct http_authority authority = {{NULL, 0}, {NULL, 0}, 0};
    if (host != NULL) {
        const char *why = http_parse_authority(host->value, &authority);
        if (why != NULL) {
            return why;
        }
    }
    request->authority = authority.text;
    request->host = authority.host;
    if (request->target.data[0] == '/') {
        return take_path(request, request->target, plain_size);
    }
    if (slice_equal(request->target, SLICE("*"))) {
        return slice_equal(request->method, SLICE("OPTIONS"))
                   ? take_path(request, request->target, 1)
                   : "target * without OPTIONS";
    }
    uint16_t default_port = 0;
    size_t scheme = scheme_size(request->target, &default_port);
    if (scheme == 0) {
        return "target is neither a path nor an http or https URI";
    }
    return resolve_absolute(request, scheme, default_port, host == NULL ? NULL : &authority);
}

// A path, with or without a query.
static bool is_target(struct slice path, struct slice query) {
    for (size_t i = 0; i < path.size; i++) {
        bool encoded = path.data[i] == '%' && path.size - i > 2 &&
                       http_byte_is(path.data[i + 1], BYTE_HEX) &&
                       http_byte_is(path.data[i + 2], BYTE_HEX);
        if (!encoded && !http_byte_is(path.data[i], BYTE_TARGET)) {
            return false;
        }
    }
    for (size_t i = 0; i < query.size; i++) {
        if (!http_byte_is(query.data[i], BYTE_QUERY)) {
            return false;
        }
    }
    return true;
}

const char *http_parse_reference(struct slice text, struct http_reference *reference) {
    uint16_t default_port;
    size_t scheme = scheme_size(text, &default_port);
    struct slice rest = {text.data + scheme, text.size - scheme};
    const char *slash = rest.size == 0 ? NULL : memchr(rest.data, '/', rest.size);
    size_t host_size = slash == NULL ? rest.size : (size_t)(slash - rest.data);
    *reference = (struct http_reference){.has_authority = scheme > 0, .path = SLICE("/")};
    if (scheme == 0 && (slash == NULL || host_size > 0)) {
        return "neither a path nor an http or https URI";
    }
    if (scheme > 0) {
        const char *why =
            http_parse_authority((struct slice){rest.data, host_size}, &reference->authority);
        if (why != NULL) {
            return why;
        }
    }
    if (slash != NULL) {
        reference->path = (struct slice){slash, rest.size - host_size};
    }
    const char *mark = memchr(reference->path.data, '?', reference->path.size);
    size_t path_size = mark == NULL ? reference->path.size : (size_t)(mark - reference->path.data);
    reference->path_size = path_size;
    struct slice path = {reference->path.data, path_size};
    struct slice query = {path.data + path_size, reference->path.size - path_size};
    return is_target(path, query) ? http_check_path(path) : "illegal byte in the URL";
}
