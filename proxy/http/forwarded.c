#include "http/forwarded.h"

#include "http/bytes.h"
#include "http/target.h"

enum { PORT_DIGITS_MAX = 5, SCHEME_SIZE_MAX = 16, NODE_SIZE_MAX = 64 };

// --- one node ---

static struct slice trim(struct slice text) {
    while (text.size > 0 && (text.data[0] == ' ' || text.data[0] == '\t')) {
        text.data++;
        text.size--;
    }
    while (text.size > 0 && (text.data[text.size - 1] == ' ' || text.data[text.size - 1] == '\t')) {
        text.size--;
    }
    return text;
}

static bool is_quoted(struct slice text) {
    return text.size >= 2 && text.data[0] == '"' && text.data[text.size - 1] == '"';
}

// Escapes stay, because no valid value has any.
static struct slice unquote(struct slice text) {
    return is_quoted(text) ? trim((struct slice){text.data + 1, text.size - 2}) : text;
}

static struct slice from(struct slice text, size_t begin) {
    return begin == 0 ? text : (struct slice){text.data + begin, text.size - begin};
}

// RFC 7239 6.3: '_' and one or more letters, digits, '.', '_' and '-'.
static bool is_obfuscated(struct slice text) {
    if (text.size < 2 || text.data[0] != '_') {
        return false;
    }
    for (size_t i = 1; i < text.size; i++) {
        if (!http_byte_is(text.data[i], BYTE_HOST)) {
            return false;
        }
    }
    return true;
}

// The part behind an address: nothing, or ':' and a port, which may be empty.
static bool is_port_part(struct slice text) {
    if (text.size == 0) {
        return true;
    }
    struct slice port = from(text, 1);
    if (text.data[0] != ':' || is_obfuscated(port)) {
        return text.data[0] == ':';
    }
    uint32_t value = 0;
    for (size_t i = 0; i < port.size; i++) {
        if (i == PORT_DIGITS_MAX || !http_byte_is(port.data[i], BYTE_DIGIT)) {
            return false;
        }
        value = value * 10 + (uint32_t)(port.data[i] - '0');
    }
    return value <= UINT16_MAX;
}

// An IPv6 address with or without a zone.
static bool read_v6(struct slice text, union ip_address *address) {
    const char *percent = text.size == 0 ? NULL : memchr(text.data, '%', text.size);
    if (percent != NULL) {
        struct slice zone = from(text, (size_t)(percent + 1 - text.data));
        if (!http_is_token(zone)) {
            return false;
        }
        text.size = (size_t)(percent - text.data);
    }
    return memchr(text.data, ':', text.size) != NULL && ip_address_parse(text, address);
}

static bool read_address(struct slice text, union ip_address *address, struct slice *port) {
    *port = (struct slice){NULL, 0};
    if (text.size > 0 && text.data[0] == '[') {
        const char *close = memchr(text.data, ']', text.size);
        size_t size = close == NULL ? 0 : (size_t)(close - text.data);
        *port = from(text, size + 1);
        return size > 1 && read_v6((struct slice){text.data + 1, size - 1}, address) &&
               is_port_part(*port);
    }
    const char *colon = text.size == 0 ? NULL : memchr(text.data, ':', text.size);
    size_t host_size = colon == NULL ? text.size : (size_t)(colon - text.data);
    if (colon != NULL && memchr(colon + 1, ':', text.size - host_size - 1) != NULL) {
        return read_v6(text, address); // several colons: no port
    }
    *port = from(text, host_size);
    return ip_address_parse((struct slice){text.data, host_size}, address) && is_port_part(*port);
}

static enum http_node_kind read_name(struct slice text) {
    const char *colon = text.size == 0 ? NULL : memchr(text.data, ':', text.size);
    struct slice name = {text.data, colon == NULL ? text.size : (size_t)(colon - text.data)};
    bool hidden = slice_equal_nocase(name, SLICE("unknown")) || is_obfuscated(name);
    return hidden && is_port_part(from(text, name.size)) ? NODE_HIDDEN : NODE_UNREADABLE;
}

void http_node_read(struct slice text, struct http_node *node) {
    node->text = unquote(trim(text));
    node->kind = read_address(node->text, &node->address, &node->port) ? NODE_ADDRESS
                                                                       : read_name(node->text);
}

// --- lists ---

static struct http_node *add_node(struct http_told *told) {
    if (told->count == HTTP_HOPS_MAX) {
        return NULL;
    }
    struct http_node *node = &told->nodes[told->count++];
    *node = (struct http_node){.kind = NODE_UNREADABLE};
    return node;
}

// X-Forwarded-For: elements between commas, with any contents. So a quote of a client cannot hide
// the comma of a proxy.
static bool read_list(struct slice value, struct http_told *told) {
    for (bool last = false; !last;) {
        const char *comma = value.size == 0 ? NULL : memchr(value.data, ',', value.size);
        last = comma == NULL;
        size_t size = last ? value.size : (size_t)(comma - value.data);
        struct http_node *node = add_node(told);
        if (node == NULL) {
            return false;
        }
        node->element = trim((struct slice){value.data, size});
        http_node_read(node->element, node);
        value = last ? value : from(value, size + 1);
    }
    return true;
}

// The end of the quoted string at `at`, with its quote; NULL: no end.
static const char *skip_quoted(const char *at, const char *end) {
    for (at++; at < end && *at != '"'; at++) {
        at += *at == '\\' ? 1 : 0;
    }
    return at < end ? at + 1 : NULL;
}

// Reads one parameter at the start of *text, and moves *text behind it. An unquoted value may have
// bytes that a token has not (":", "[", "]"), because real proxies write them. False: malformed.
static bool take_parameter(struct slice *text, struct slice *name, struct slice *value) {
    *text = trim(*text);
    const char *end = text->data + text->size;
    const char *at = text->data;
    while (at < end && http_byte_is(*at, BYTE_TOKEN)) {
        at++;
    }
    *name = (struct slice){text->data, (size_t)(at - text->data)};
    if (name->size == 0 || at == end || *at != '=') {
        return false;
    }
    const char *begin = ++at;
    if (at < end && *at == '"') {
        at = skip_quoted(at, end);
    } else {
        while (at<end && * at> ' ' && *at < 0x7f && strchr("\",;\\", *at) == NULL) {
            at++;
        }
    }
    if (at == NULL || at == begin) {
        return false;
    }
    *value = (struct slice){begin, (size_t)(at - begin)};
    *text = trim((struct slice){at, (size_t)(end - at)});
    return true;
}

static bool set_once(struct slice *slot, struct slice value) {
    bool first = slot->data == NULL;
    *slot = value;
    return first;
}

// Reads one element of Forwarded at the start of *text, and moves *text to the comma behind it.
// False: malformed, or a used parameter is repeated.
static bool take_element(struct slice *text, struct http_node *node) {
    const char *begin = text->data;
    bool ok = true;
    while (ok && text->size > 0 && text->data[0] != ',') {
        struct slice name;
        struct slice value;
        if (text->data[0] == ';') { // an empty parameter
            *text = trim(from(*text, 1));
            continue;
        }
        ok = take_parameter(text, &name, &value);
        if (ok && slice_equal_nocase(name, SLICE("for"))) {
            ok = set_once(&node->text, value);
        } else if (ok && slice_equal_nocase(name, SLICE("proto"))) {
            ok = set_once(&node->proto, unquote(value));
        } else if (ok && slice_equal_nocase(name, SLICE("host"))) {
            ok = set_once(&node->host, unquote(value));
        }
        ok = ok && (text->size == 0 || text->data[0] == ',' || text->data[0] == ';');
    }
    node->element = trim((struct slice){begin, (size_t)(text->data - begin)});
    http_node_read(node->text, node);
    return ok;
}

static bool read_forwarded(struct slice value, struct http_told *told) {
    for (;;) {
        struct http_node *node = add_node(told);
        value = trim(value);
        if (node == NULL || !take_element(&value, node)) {
            return false;
        }
        if (value.size == 0) {
            return true;
        }
        value = from(value, 1);
    }
}

// Collects the nodes of all fields of this kind. False: malformed list, or too long.
static bool collect(const struct http_fields *fields, enum http_field_id id,
                    struct http_told *told) {
    bool ok = true;
    told->source = id;
    told->count = 0;
    for (uint32_t i = 0; i < fields->count && ok; i++) {
        const struct http_field *field = &fields->items[i];
        if (field->id == id) {
            ok = id == FIELD_FORWARDED ? read_forwarded(field->value, told)
                                       : read_list(field->value, told);
            told->unread = ok ? told->unread : field->value;
        }
    }
    told->count = ok ? told->count : 0;
    return ok;
}

static void read_client(const struct http_fields *fields, enum http_field_id id,
                        const struct network_lists *trusted, struct http_told *told) {
    told->kind = CLIENT_UNKNOWN;
    told->client = 0;
    told->unread = (struct slice){NULL, 0};
    if (!collect(fields, id, told)) {
        return;
    }
    told->kind = CLIENT_ADDRESS;
    for (told->client = told->count; told->client-- > 0;) {
        const struct http_node *node = &told->nodes[told->client];
        if (node->kind != NODE_ADDRESS) {
            told->kind = CLIENT_UNKNOWN;
            told->unread = node->text.size > 0 ? node->text : SLICE("(empty)");
            return;
        }
        if (told->client == 0 || !network_lists_contain(trusted, &node->address.any)) {
            return;
        }
    }
}

// --- protocol and host ---

static bool is_scheme(struct slice text) {
    for (size_t i = 0; i < text.size; i++) {
        if (!http_byte_is(text.data[i], BYTE_HOST) && text.data[i] != '+') {
            return false;
        }
    }
    return text.size > 0 && text.size <= SCHEME_SIZE_MAX && ascii_lower(text.data[0]) >= 'a' &&
           ascii_lower(text.data[0]) <= 'z';
}

static bool is_host(struct slice text) {
    struct http_authority authority;
    return http_parse_authority(text, &authority) == NULL;
}

// The item of a list field that is about the client. If the list has as many items as
// X-Forwarded-For, the one at the same position; otherwise the last, which the nearest proxy wrote.
static struct slice pick_member(const struct http_fields *fields, enum http_field_id id,
                                const struct http_told *told) {
    struct slice last = {NULL, 0};
    struct slice at_client = {NULL, 0};
    uint32_t count = 0;
    for (uint32_t i = 0; i < fields->count; i++) {
        struct slice value = fields->items[i].value;
        bool more = fields->items[i].id == id;
        while (more) {
            const char *comma = value.size == 0 ? NULL : memchr(value.data, ',', value.size);
            more = comma != NULL;
            size_t size = more ? (size_t)(comma - value.data) : value.size;
            last = unquote(trim((struct slice){value.data, size}));
            at_client = count++ == told->client ? last : at_client;
            value = more ? from(value, size + 1) : value;
        }
    }
    bool aligned = told->source == FIELD_X_FORWARDED_FOR && told->count == count;
    return aligned ? at_client : last;
}

// Searches from the proxy next to the client to the one next to Ravelin: the first that has it.
static struct slice pick_parameter(const struct http_told *told, bool host) {
    for (uint32_t i = told->client; i < told->count; i++) {
        struct slice value = host ? told->nodes[i].host : told->nodes[i].proto;
        if (value.size > 0) {
            return value;
        }
    }
    return (struct slice){NULL, 0};
}

static struct slice first_of(struct slice first, struct slice second) {
    return first.size > 0 ? first : second;
}

// A protocol that cannot be parsed is not https. A host that cannot be parsed is dropped.
static void check_rest(struct http_told *told) {
    if (told->proto.size > 0 && !is_scheme(told->proto)) {
        told->unread = told->proto;
        told->proto = SLICE("http");
    }
    if (told->host.size > 0 && !is_host(told->host)) {
        told->unread = told->host;
        told->host = (struct slice){NULL, 0};
    }
}

static void read_rest(const struct http_fields *fields, struct http_told *told) {
    told->proto = pick_member(fields, FIELD_X_FORWARDED_PROTO, told);
    told->host = pick_member(fields, FIELD_X_FORWARDED_HOST, told);
    if (told->source == FIELD_FORWARDED) {
        told->proto = first_of(pick_parameter(told, false), told->proto);
        told->host = first_of(pick_parameter(told, true), told->host);
    }
}

// --- both kinds ---

static bool same_client(const struct http_told *a, const struct http_told *b) {
    return a->kind == CLIENT_ADDRESS && b->kind == CLIENT_ADDRESS &&
           ip_address_same_host(&a->nodes[a->client].address, &b->nodes[b->client].address);
}

// Forwarded next to X-Forwarded-For: used for facts that the other does not have, if both agree.
static __attribute__((noinline)) void compare(const struct http_fields *fields,
                                              const struct network_lists *trusted,
                                              struct http_told *told) {
    struct http_told other;
    read_client(fields, FIELD_FORWARDED, trusted, &other);
    told->doubtful = !same_client(told, &other);
    if (!told->doubtful) {
        told->proto = first_of(told->proto, pick_parameter(&other, false));
        told->host = first_of(told->host, pick_parameter(&other, true));
    }
}

void http_told_read(const struct http_fields *fields, const struct network_lists *trusted,
                    struct http_told *told) {
    bool listed = http_fields_find(fields, FIELD_X_FORWARDED_FOR) != NULL;
    bool forwarded = http_fields_find(fields, FIELD_FORWARDED) != NULL;
    told->source = FIELD_OTHER;
    told->kind = CLIENT_PEER;
    told->doubtful = false;
    told->has_real_ip = http_fields_find(fields, FIELD_X_REAL_IP) != NULL;
    told->client = told->count = 0;
    told->unread = (struct slice){NULL, 0};
    if (listed || forwarded) {
        read_client(fields, listed ? FIELD_X_FORWARDED_FOR : FIELD_FORWARDED, trusted, told);
    }
    read_rest(fields, told);
    if (listed && forwarded) {
        compare(fields, trusted, told);
    }
    check_rest(told);
}

// --- writing ---

size_t http_told_size(const struct http_told *told) {
    size_t size = (size_t)3 * NODE_SIZE_MAX + 2 * (told->proto.size + told->host.size);
    for (uint32_t i = 0; i < told->count; i++) {
        // Size of the node in both lists. Its parameters count twice, because some may get quotes.
        size +=
            2 * ((size_t)NODE_SIZE_MAX + told->nodes[i].text.size) + told->nodes[i].element.size;
    }
    return size;
}

// Writes a parameter of Forwarded: a token, or in quotes, as RFC 7239 4 requires.
static void put_parameter(struct writer *writer, struct slice name, struct slice value) {
    bool quote = !http_is_token(value) && !is_quoted(value);
    writer_put(writer, name);
    writer_put(writer, quote ? SLICE("=\"") : SLICE("="));
    writer_put(writer, value);
    writer_put(writer, quote ? SLICE("\"") : SLICE(""));
}

static struct slice format_host(const union ip_address *address, char text[INET6_ADDRSTRLEN]) {
    ip_address_format(address, text);
    return slice_from(text);
}

static void put_for_address(struct writer *writer, struct slice host, struct slice port) {
    bool bracket = memchr(host.data, ':', host.size) != NULL;
    bool quote = bracket || port.size > 0;
    writer_put(writer, quote ? SLICE("for=\"") : SLICE("for="));
    writer_put(writer, bracket ? SLICE("[") : SLICE(""));
    writer_put(writer, host);
    writer_put(writer, bracket ? SLICE("]") : SLICE(""));
    writer_put(writer, port);
    writer_put(writer, quote ? SLICE("\"") : SLICE(""));
}

static void put_for_node(struct writer *writer, const struct http_node *node) {
    char text[INET6_ADDRSTRLEN];
    switch (node->kind) {
    case NODE_ADDRESS:
        put_for_address(writer, format_host(&node->address, text), node->port);
        break;
    case NODE_HIDDEN:
        put_parameter(writer, SLICE("for"), node->text);
        break;
    default:
        writer_put_text(writer, "for=unknown");
        break;
    }
}

// Writes the other parameters of the element, for example by=. Protocol and host are written once,
// for the client.
static void put_other_parameters(struct writer *writer, const struct http_node *node) {
    struct slice text = node->element;
    while (text.size > 0) {
        struct slice name;
        struct slice value;
        if (text.data[0] == ';') {
            text = trim(from(text, 1));
            continue;
        }
        if (!take_parameter(&text, &name, &value)) {
            return;
        }
        if (!slice_equal_nocase(name, SLICE("for")) && !slice_equal_nocase(name, SLICE("proto")) &&
            !slice_equal_nocase(name, SLICE("host"))) {
            writer_put_text(writer, ";");
            put_parameter(writer, name, value);
        }
    }
}

// `proto` is a scheme, and so a token. A host without a port is one, too, unless it is an IPv6
// address.
static void put_rest(struct writer *writer, struct slice proto, struct slice host) {
    bool quote = memchr(host.data, ':', host.size) != NULL;
    writer_put_text(writer, ";proto=");
    writer_put(writer, proto);
    writer_put(writer, quote ? SLICE(";host=\"") : SLICE(";host="));
    writer_put(writer, host);
    writer_put(writer, quote ? SLICE("\"") : SLICE(""));
}

// A node for X-Forwarded-For: as received, but never empty, because some readers skip empty ones.
static struct slice list_text(const struct http_told *told, const struct http_node *node,
                              char text[INET6_ADDRSTRLEN]) {
    if (told->source == FIELD_X_FORWARDED_FOR && node->element.size > 0) {
        return node->element;
    }
    if (node->kind == NODE_ADDRESS) {
        return format_host(&node->address, text);
    }
    return node->kind == NODE_HIDDEN ? node->text : SLICE("unknown");
}

// Writes the nodes of X-Forwarded-For, each with ", " behind it.
static void put_list(struct writer *writer, const struct http_told *told) {
    for (uint32_t i = 0; i < told->count; i++) {
        char text[INET6_ADDRSTRLEN];
        writer_put(writer, list_text(told, &told->nodes[i], text));
        writer_put_text(writer, ", ");
    }
    if (told->count == 0) {
        writer_put_text(writer, "unknown, ");
    }
}

// Writes the elements of Forwarded, each with ", " behind it.
static void put_elements(struct writer *writer, const struct http_told *told, struct slice proto,
                         struct slice host) {
    static const struct http_node unreadable = {.kind = NODE_UNREADABLE};
    uint32_t count = told->count == 0 ? 1 : told->count;
    for (uint32_t i = 0; i < count; i++) {
        const struct http_node *node = told->count == 0 ? &unreadable : &told->nodes[i];
        put_for_node(writer, node);
        if (told->source == FIELD_FORWARDED) {
            put_other_parameters(writer, node);
        }
        if (i == 0) {
            put_rest(writer, proto, host);
        }
        writer_put_text(writer, ", ");
    }
}

static void put_real_ip(struct writer *writer, const struct http_told *told, struct slice peer) {
    char text[INET6_ADDRSTRLEN];
    if (told->kind != CLIENT_UNKNOWN) {
        writer_put_field(writer, SLICE("X-Real-IP"),
                         told->kind == CLIENT_PEER
                             ? peer
                             : format_host(&told->nodes[told->client].address, text));
    }
}

// The peer's own element of Forwarded, up to the value's end.
static void put_for_peer(struct writer *writer, struct slice peer) {
    bool bracket = memchr(peer.data, ':', peer.size) != NULL;
    writer_put(writer, bracket ? SLICE("Forwarded: for=\"[") : SLICE("Forwarded: for="));
    writer_put(writer, peer);
    if (bracket) {
        writer_put_text(writer, "]\"");
    }
}

// For a client that is not a trusted proxy, or a proxy that names no client: the peer is the
// client. Nearly every request is handled here.
static void write_peer(struct writer *writer, struct slice peer, struct slice proto,
                       struct slice host) {
    writer_put_field(writer, SLICE("X-Forwarded-For"), peer);
    writer_put_field(writer, SLICE("X-Forwarded-Proto"), proto);
    writer_put_field(writer, SLICE("X-Forwarded-Host"), host);
    put_for_peer(writer, peer);
    put_rest(writer, proto, host);
    writer_put_text(writer, "\r\n");
}

static void write_list(struct writer *writer, const struct http_told *told, struct slice peer,
                       struct slice proto, struct slice host) {
    writer_put_text(writer, "X-Forwarded-For: ");
    put_list(writer, told);
    writer_put(writer, peer);
    writer_put_text(writer, "\r\n");
    writer_put_field(writer, SLICE("X-Forwarded-Proto"), proto);
    writer_put_field(writer, SLICE("X-Forwarded-Host"), host);
    writer_put_text(writer, "Forwarded: ");
    put_elements(writer, told, proto, host);
    put_for_address(writer, peer, SLICE(""));
    writer_put_text(writer, "\r\n");
}

void http_told_write(struct writer *writer, const struct http_told *told, struct slice peer,
                     struct slice proto, struct slice host) {
    if (told == NULL) {
        write_peer(writer, peer, proto, host);
        return;
    }
    proto = first_of(told->proto, proto);
    host = first_of(told->host, host);
    if (told->source == FIELD_OTHER) {
        write_peer(writer, peer, proto, host);
    } else {
        write_list(writer, told, peer, proto, host);
    }
    if (told->has_real_ip) {
        put_real_ip(writer, told, peer);
    }
}
