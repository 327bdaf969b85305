#include "http/proxy_protocol.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

enum {
    V1_SIZE_MAX = 107, // with CRLF
    V2_HEAD_SIZE = 16,
    V2_VERSION = 2,
    V2_LOCAL = 0,
    V2_PROXY = 1,
    V2_UNSPECIFIED = 0,
    V2_TCP4 = 0x11,
    V2_TCP6 = 0x21,
    V2_UNIX_STREAM = 0x31,
    V2_TCP4_SIZE = 12, // two addresses, two ports
    V2_TCP6_SIZE = 36,
    V2_UNIX_SIZE = 216,
    TLV_HEAD_SIZE = 3,
};

static const uint8_t v2_signature[12] = {0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d,
                                         0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a};
static const char v1_signature[] = "PROXY ";
static const uint8_t mapped_prefix[12] = {[10] = 0xff, [11] = 0xff};

static enum result refuse(const char **why, const char *reason) {
    *why = reason;
    return RESULT_ERROR;
}

static void set_v4(struct address *address, const void *host, uint16_t port) {
    *address = (struct address){.size = sizeof(address->as.v4)};
    address->as.v4.sin_family = AF_INET;
    address->as.v4.sin_port = htons(port);
    memcpy(&address->as.v4.sin_addr, host, sizeof(address->as.v4.sin_addr));
}

// An IPv4-mapped IPv6 address becomes an IPv4 address, so that lists of networks match it.
static void set_v6(struct address *address, const uint8_t *host, uint16_t port) {
    if (memcmp(host, mapped_prefix, sizeof(mapped_prefix)) == 0) {
        set_v4(address, host + sizeof(mapped_prefix), port);
        return;
    }
    *address = (struct address){.size = sizeof(address->as.v6)};
    address->as.v6.sin6_family = AF_INET6;
    address->as.v6.sin6_port = htons(port);
    memcpy(&address->as.v6.sin6_addr, host, sizeof(address->as.v6.sin6_addr));
}

// --- version 1: "PROXY TCP4 192.0.2.1 192.0.2.2 56324 443\r\n" ---

// The next word of a line, and the one space behind it (none behind the last). Empty: malformed.
static struct slice next_word(struct slice *line) {
    const char *space = line->size == 0 ? NULL : memchr(line->data, ' ', line->size);
    struct slice word = {line->data, space == NULL ? line->size : (size_t)(space - line->data)};
    size_t taken = word.size + (space == NULL ? 0 : 1);
    line->data += taken;
    line->size -= taken;
    return word;
}

static bool parse_port(struct slice text, uint16_t *port) {
    uint32_t value = 0;
    if (text.size == 0 || text.size > 5 || (text.size > 1 && text.data[0] == '0')) {
        return false;
    }
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] < '0' || text.data[i] > '9') {
            return false;
        }
        value = value * 10 + (uint32_t)(text.data[i] - '0');
    }
    *port = (uint16_t)value;
    return value <= UINT16_MAX;
}

static bool parse_host(int family, struct slice text, uint8_t host[16]) {
    char copy[INET6_ADDRSTRLEN];
    if (text.size >= sizeof(copy)) {
        return false;
    }
    memcpy(copy, text.data, text.size);
    copy[text.size] = '\0';
    return memchr(text.data, '\0', text.size) == NULL && inet_pton(family, copy, host) == 1;
}

// `line`: the text between "PROXY " and CRLF.
static enum result read_v1_line(struct slice line, struct proxy_header *header, const char **why) {
    struct slice protocol = next_word(&line);
    if (slice_equal(protocol, SLICE("UNKNOWN"))) { // whatever follows is to be ignored
        return RESULT_OK;
    }
    bool v6 = slice_equal(protocol, SLICE("TCP6"));
    if (!v6 && !slice_equal(protocol, SLICE("TCP4"))) {
        return refuse(why, "PROXY header for something other than TCP4, TCP6 and UNKNOWN");
    }
    int family = v6 ? AF_INET6 : AF_INET;
    uint8_t client[16];
    uint8_t local[16];
    uint16_t ports[2];
    struct slice hosts[] = {next_word(&line), next_word(&line)};
    if (!parse_host(family, hosts[0], client) || !parse_host(family, hosts[1], local) ||
        !parse_port(next_word(&line), &ports[0])) {
        return refuse(why, "malformed address in a PROXY header");
    }
    if (!parse_port(line, &ports[1])) { // the last word: all that is left
        return refuse(why, "malformed port in a PROXY header");
    }
    header->has_client = true;
    if (v6) {
        set_v6(&header->client, client, ports[0]);
    } else {
        set_v4(&header->client, client, ports[0]);
    }
    return RESULT_OK;
}

static enum result read_v1(const uint8_t *data, size_t size, struct proxy_header *header,
                           const char **why) {
    size_t signature_size = sizeof(v1_signature) - 1;
    size_t compared = size < signature_size ? size : signature_size;
    if (memcmp(data, v1_signature, compared) != 0) {
        return refuse(why, "no PROXY header");
    }
    size_t looked_at = size < V1_SIZE_MAX ? size : V1_SIZE_MAX;
    const uint8_t *lf = memchr(data, '\n', looked_at);
    if (lf == NULL) {
        return size < V1_SIZE_MAX ? RESULT_AGAIN
                                  : refuse(why, "PROXY header longer than 107 bytes");
    }
    header->size = (size_t)(lf - data) + 1;
    if (header->size < signature_size + 2 || lf[-1] != '\r') {
        return refuse(why, "PROXY header does not end in CRLF");
    }
    struct slice line = {(const char *)data + signature_size, header->size - signature_size - 2};
    return read_v1_line(line, header, why);
}

// --- version 2: binary ---

static uint16_t read_u16(const uint8_t *data) {
    return (uint16_t)(data[0] << 8 | data[1]);
}

static bool tlvs_are_whole(const uint8_t *data, size_t size) {
    while (size > 0) {
        if (size < TLV_HEAD_SIZE || read_u16(data + 1) > size - TLV_HEAD_SIZE) {
            return false;
        }
        size_t taken = TLV_HEAD_SIZE + (size_t)read_u16(data + 1);
        data += taken;
        size -= taken;
    }
    return true;
}

// Reads the addresses of a PROXY command. `data`: the bytes behind the first 16.
static enum result read_v2_addresses(uint8_t family, const uint8_t *data, size_t size,
                                     struct proxy_header *header, const char **why) {
    size_t used = 0;
    switch (family) {
    case V2_UNSPECIFIED: // a client whose address is unknown
        return RESULT_OK;
    case V2_TCP4:
        used = V2_TCP4_SIZE;
        break;
    case V2_TCP6:
        used = V2_TCP6_SIZE;
        break;
    case V2_UNIX_STREAM: // a client without an address
        used = V2_UNIX_SIZE;
        break;
    default:
        return refuse(why, "PROXY header for something other than TCP");
    }
    if (size < used || !tlvs_are_whole(data + used, size - used)) {
        return refuse(why, "PROXY header with a wrong length in it");
    }
    if (family == V2_TCP4) {
        header->has_client = true;
        set_v4(&header->client, data, read_u16(data + 8));
    } else if (family == V2_TCP6) {
        header->has_client = true;
        set_v6(&header->client, data, read_u16(data + 32));
    }
    return RESULT_OK;
}

static enum result read_v2(const uint8_t *data, size_t size, struct proxy_header *header,
                           const char **why) {
    if (size < V2_HEAD_SIZE) {
        return RESULT_AGAIN;
    }
    uint8_t version = data[12] >> 4;
    uint8_t command = data[12] & 0xf;
    size_t length = read_u16(data + 14);
    if (version != V2_VERSION || (command != V2_LOCAL && command != V2_PROXY)) {
        return refuse(why, "PROXY header of an unknown version or command");
    }
    header->size = V2_HEAD_SIZE + length;
    if (header->size > PROXY_HEADER_SIZE_MAX) {
        return refuse(why, "PROXY header longer than 2,064 bytes");
    }
    if (size < header->size) {
        return RESULT_AGAIN;
    }
    if (command == V2_LOCAL) { // for example a health check of the proxy; addresses must be ignored
        header->local = true;
        return RESULT_OK;
    }
    return read_v2_addresses(data[13], data + V2_HEAD_SIZE, length, header, why);
}

enum result proxy_header_read(const uint8_t *data, size_t size, struct proxy_header *header,
                              const char **why) {
    *header = (struct proxy_header){.has_client = false};
    if (size == 0) {
        return RESULT_AGAIN;
    }
    if (data[0] != v2_signature[0]) {
        return read_v1(data, size, header, why);
    }
    size_t compared = size < sizeof(v2_signature) ? size : sizeof(v2_signature);
    if (memcmp(data, v2_signature, compared) != 0) {
        return refuse(why, "no PROXY header");
    }
    return read_v2(data, size, header, why);
}

// --- writing ---

struct endpoint {
    uint8_t host[16];
    uint16_t port;
};

static bool is_v4(const struct address *address) {
    return address->as.any.sa_family == AF_INET;
}

// Converts an address to one of two with the same family.
static struct endpoint endpoint_of(const struct address *address, bool v6) {
    struct endpoint endpoint = {.port = address_port(address)};
    if (!is_v4(address)) {
        memcpy(endpoint.host, &address->as.v6.sin6_addr, sizeof(endpoint.host));
    } else if (v6) {
        memcpy(endpoint.host, mapped_prefix, sizeof(mapped_prefix));
        memcpy(endpoint.host + sizeof(mapped_prefix), &address->as.v4.sin_addr, 4);
    } else {
        memcpy(endpoint.host, &address->as.v4.sin_addr, 4);
    }
    return endpoint;
}

static size_t write_v1(const struct endpoint *client, const struct endpoint *local, bool v6,
                       uint8_t *output) {
    char client_text[INET6_ADDRSTRLEN] = "";
    char local_text[INET6_ADDRSTRLEN] = "";
    int family = v6 ? AF_INET6 : AF_INET;
    (void)inet_ntop(family, client->host, client_text, sizeof(client_text));
    (void)inet_ntop(family, local->host, local_text, sizeof(local_text));
    int size = snprintf((char *)output, PROXY_HEADER_WRITE_MAX, "PROXY TCP%c %s %s %u %u\r\n",
                        v6 ? '6' : '4', client_text, local_text, client->port, local->port);
    return size < 0 ? 0 : (size_t)size;
}

static void write_u16(uint8_t *output, uint16_t value) {
    output[0] = (uint8_t)(value >> 8);
    output[1] = (uint8_t)value;
}

static size_t write_v2(const struct endpoint *client, const struct endpoint *local, bool v6,
                       uint8_t *output) {
    size_t host_size = v6 ? 16 : 4;
    uint16_t length = v6 ? V2_TCP6_SIZE : V2_TCP4_SIZE;
    memcpy(output, v2_signature, sizeof(v2_signature));
    output[12] = V2_VERSION << 4 | V2_PROXY;
    output[13] = v6 ? V2_TCP6 : V2_TCP4;
    write_u16(output + 14, length);
    uint8_t *at = output + V2_HEAD_SIZE;
    memcpy(at, client->host, host_size);
    memcpy(at + host_size, local->host, host_size);
    write_u16(at + 2 * host_size, client->port);
    write_u16(at + 2 * host_size + 2, local->port);
    return V2_HEAD_SIZE + (size_t)length;
}

// For a client whose address is unknown.
static size_t write_unknown(enum proxy_version version, uint8_t *output) {
    static const char v1[] = "PROXY UNKNOWN\r\n";
    if (version == PROXY_VERSION_1) {
        memcpy(output, v1, sizeof(v1) - 1);
        return sizeof(v1) - 1;
    }
    memcpy(output, v2_signature, sizeof(v2_signature));
    output[12] = V2_VERSION << 4 | V2_PROXY;
    output[13] = V2_UNSPECIFIED;
    write_u16(output + 14, 0);
    return V2_HEAD_SIZE;
}

size_t proxy_header_write(enum proxy_version version, const struct address *client,
                          const struct address *local, uint8_t output[PROXY_HEADER_WRITE_MAX]) {
    if (client == NULL) {
        return version == PROXY_VERSION_NONE ? 0 : write_unknown(version, output);
    }
    bool v6 = !is_v4(client) || !is_v4(local);
    struct endpoint from = endpoint_of(client, v6);
    struct endpoint to = endpoint_of(local, v6);
    switch (version) {
    case PROXY_VERSION_1:
        return write_v1(&from, &to, v6, output);
    case PROXY_VERSION_2:
        return write_v2(&from, &to, v6, output);
    default:
        return 0;
    }
}
