#include "base/network.h"

#include <arpa/inet.h>
#include <stdio.h>

enum { V4_BITS = 32, V6_BITS = 128, MAPPED_BITS = 96 };

static const uint8_t mapped_prefix[12] = {[10] = 0xff, [11] = 0xff};

static bool is_mapped(const uint8_t bytes[16]) {
    return memcmp(bytes, mapped_prefix, sizeof(mapped_prefix)) == 0;
}

static bool parse_host(struct slice text, uint8_t bytes[16], bool *v6) {
    char copy[INET6_ADDRSTRLEN];
    if (text.size == 0 || text.size >= sizeof(copy) || memchr(text.data, '\0', text.size) != NULL) {
        return false;
    }
    memcpy(copy, text.data, text.size);
    copy[text.size] = '\0';
    *v6 = memchr(copy, ':', text.size) != NULL;
    return inet_pton(*v6 ? AF_INET6 : AF_INET, copy, bytes) == 1;
}

void ip_address_unmap(union ip_address *address) {
    if (address->any.sa_family != AF_INET6 || !is_mapped(address->v6.sin6_addr.s6_addr)) {
        return;
    }
    struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = address->v6.sin6_port};
    memcpy(&v4.sin_addr, address->v6.sin6_addr.s6_addr + sizeof(mapped_prefix),
           sizeof(v4.sin_addr));
    *address = (union ip_address){.v4 = v4};
}

bool ip_address_parse(struct slice text, union ip_address *address) {
    uint8_t bytes[16];
    bool v6;
    if (!parse_host(text, bytes, &v6)) {
        return false;
    }
    *address = (union ip_address){.v6 = {.sin6_family = AF_INET6}};
    if (v6) {
        memcpy(&address->v6.sin6_addr, bytes, sizeof(address->v6.sin6_addr));
        ip_address_unmap(address);
    } else {
        address->v4.sin_family = AF_INET;
        memcpy(&address->v4.sin_addr, bytes, sizeof(address->v4.sin_addr));
    }
    return true;
}

void ip_address_format(const union ip_address *address, char text[INET6_ADDRSTRLEN]) {
    bool v6 = address->any.sa_family == AF_INET6;
    const void *host = v6 ? (const void *)&address->v6.sin6_addr : &address->v4.sin_addr;
    text[0] = '\0';
    (void)inet_ntop(address->any.sa_family, host, text, INET6_ADDRSTRLEN);
}

bool ip_address_same_host(const union ip_address *a, const union ip_address *b) {
    if (a->any.sa_family != b->any.sa_family) {
        return false;
    }
    return a->any.sa_family == AF_INET
               ? a->v4.sin_addr.s_addr == b->v4.sin_addr.s_addr
               : memcmp(&a->v6.sin6_addr, &b->v6.sin6_addr, sizeof(a->v6.sin6_addr)) == 0;
}

static bool parse_bits(struct slice text, unsigned most, uint8_t *bits) {
    unsigned value = 0;
    if (text.size == 0 || text.size > 3 || (text.size > 1 && text.data[0] == '0')) {
        return false;
    }
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] < '0' || text.data[i] > '9') {
            return false;
        }
        value = value * 10 + (unsigned)(text.data[i] - '0');
    }
    *bits = (uint8_t)value;
    return value <= most;
}

// The bits of byte `index` that belong to a prefix of that many bits.
static uint8_t mask_at(unsigned bits, unsigned index) {
    unsigned in_byte = bits <= index * 8 ? 0 : bits - index * 8;
    return (uint8_t)(0xff00U >> (in_byte < 8 ? in_byte : 8));
}

static bool has_bits_behind(const struct network *network) {
    for (unsigned i = 0; i < sizeof(network->bytes); i++) {
        if ((network->bytes[i] & (uint8_t)~mask_at(network->bits, i)) != 0) {
            return true;
        }
    }
    return false;
}

// A network that can contain only IPv4 addresses.
static void unmap(struct network *network) {
    if (network->v6 && network->bits >= MAPPED_BITS && is_mapped(network->bytes)) {
        struct network v4 = {.bits = (uint8_t)(network->bits - MAPPED_BITS)};
        memcpy(v4.bytes, network->bytes + sizeof(mapped_prefix), V4_BITS / 8);
        *network = v4;
    }
}

enum result network_parse(struct slice text, struct network *network, const char **why) {
    *network = (struct network){.bits = 0};
    const char *slash = text.size == 0 ? NULL : memchr(text.data, '/', text.size);
    struct slice host = {text.data, slash == NULL ? text.size : (size_t)(slash - text.data)};
    if (!parse_host(host, network->bytes, &network->v6)) {
        *why = "not an IP address (names are not looked up)";
        return RESULT_ERROR;
    }
    unsigned most = network->v6 ? V6_BITS : V4_BITS;
    network->bits = (uint8_t)most;
    if (slash != NULL) {
        struct slice digits = {slash + 1, text.size - host.size - 1};
        if (!parse_bits(digits, most, &network->bits)) {
            *why = network->v6 ? "the prefix length is not 0 to 128"
                               : "the prefix length is not 0 to 32";
            return RESULT_ERROR;
        }
    }
    if (has_bits_behind(network)) {
        *why = "the address has bits set behind its prefix";
        return RESULT_ERROR;
    }
    unmap(network);
    return RESULT_OK;
}

void network_format(const struct network *network, char text[NETWORK_TEXT_SIZE]) {
    char host[INET6_ADDRSTRLEN] = "";
    (void)inet_ntop(network->v6 ? AF_INET6 : AF_INET, network->bytes, host, sizeof(host));
    (void)snprintf(text, NETWORK_TEXT_SIZE, "%s/%u", host, network->bits);
}

// The bytes of an address of this family; NULL: another family.
static const uint8_t *bytes_of(const struct sockaddr *address, bool v6) {
    const uint8_t *bytes;
    switch (address->sa_family) {
    case AF_INET:
        bytes = (const uint8_t *)&((const struct sockaddr_in *)(const void *)address)->sin_addr;
        return v6 ? NULL : bytes;
    case AF_INET6:
        bytes = ((const struct sockaddr_in6 *)(const void *)address)->sin6_addr.s6_addr;
        if (is_mapped(bytes)) {
            return v6 ? NULL : bytes + sizeof(mapped_prefix);
        }
        return v6 ? bytes : NULL;
    default:
        return NULL;
    }
}

bool network_of(const struct sockaddr *address, struct network *network) {
    const uint8_t *bytes = bytes_of(address, network->v6);
    unsigned size = network->v6 ? V6_BITS / 8 : V4_BITS / 8;
    for (unsigned i = 0; bytes != NULL && i < size; i++) {
        network->bytes[i] = bytes[i] & mask_at(network->bits, i);
    }
    return bytes != NULL;
}

bool network_contains(const struct network *network, const struct sockaddr *address) {
    const uint8_t *bytes = bytes_of(address, network->v6);
    if (bytes == NULL) {
        return false;
    }
    for (unsigned i = 0; i * 8 < network->bits; i++) {
        if (((bytes[i] ^ network->bytes[i]) & mask_at(network->bits, i)) != 0) {
            return false;
        }
    }
    return true;
}

bool networks_contain(const struct network *networks, size_t count,
                      const struct sockaddr *address) {
    for (size_t i = 0; i < count; i++) {
        if (network_contains(&networks[i], address)) {
            return true;
        }
    }
    return false;
}
