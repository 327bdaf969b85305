// Responses of a DNS server, as bytes.
#ifndef RAVELIN_TESTS_DNS_BYTES_H
#define RAVELIN_TESTS_DNS_BYTES_H

#include "monitor/dns_answer.h"

#include <arpa/inet.h>
#include <string.h>

enum { CNAME = 5, SOA = 6 };

struct dns_bytes {
    uint8_t data[65536];
    size_t size;
};

static inline void put_number(struct dns_bytes *bytes, size_t size, uint64_t number) {
    for (size_t i = size; i-- > 0;) {
        bytes->data[bytes->size++] = (uint8_t)(number >> (8 * i));
    }
}

static inline void put_bytes(struct dns_bytes *bytes, const void *data, size_t size) {
    memcpy(bytes->data + bytes->size, data, size);
    bytes->size += size;
}

// "a.b" as labels; "" is the root.
static inline void put_name(struct dns_bytes *bytes, const char *name) {
    while (*name != '\0') {
        size_t size = strcspn(name, ".");
        put_number(bytes, 1, size);
        put_bytes(bytes, name, size);
        name += size + (name[size] == '.');
    }
    put_number(bytes, 1, 0);
}

static inline void put_head(struct dns_bytes *bytes, const char *name, enum dns_type type,
                            uint16_t answers, uint16_t authorities) {
    bytes->size = 0;
    put_number(bytes, 4, 0x12348180);
    put_number(bytes, 2, 1);
    put_number(bytes, 2, answers);
    put_number(bytes, 2, authorities);
    put_number(bytes, 2, 0);
    put_name(bytes, name);
    put_number(bytes, 2, (uint64_t)type);
    put_number(bytes, 2, 1);
}

// All of a record up to its data.
static inline void put_record(struct dns_bytes *bytes, const char *owner, unsigned type,
                              uint32_t ttl_s, size_t size) {
    put_name(bytes, owner);
    put_number(bytes, 2, type);
    put_number(bytes, 2, 1);
    put_number(bytes, 4, ttl_s);
    put_number(bytes, 2, size);
}

static inline void put_a(struct dns_bytes *bytes, const char *owner, uint32_t ttl_s,
                         const char *address) {
    struct in_addr v4;
    (void)inet_pton(AF_INET, address, &v4);
    put_record(bytes, owner, DNS_A, ttl_s, sizeof(v4));
    put_bytes(bytes, &v4, sizeof(v4));
}

static inline void put_aaaa(struct dns_bytes *bytes, const char *owner, uint32_t ttl_s,
                            const char *address) {
    struct in6_addr v6;
    (void)inet_pton(AF_INET6, address, &v6);
    put_record(bytes, owner, DNS_AAAA, ttl_s, sizeof(v6));
    put_bytes(bytes, &v6, sizeof(v6));
}

static inline size_t name_size(const char *name) {
    return *name == '\0' ? 1 : strlen(name) + 2;
}

static inline void put_cname(struct dns_bytes *bytes, const char *owner, uint32_t ttl_s,
                             const char *target) {
    put_record(bytes, owner, CNAME, ttl_s, name_size(target));
    put_name(bytes, target);
}

static inline void put_srv(struct dns_bytes *bytes, const char *owner, uint32_t ttl_s,
                           const uint16_t numbers[3], const char *target) {
    put_record(bytes, owner, DNS_SRV, ttl_s, 6 + name_size(target));
    for (size_t i = 0; i < 3; i++) {
        put_number(bytes, 2, numbers[i]);
    }
    put_name(bytes, target);
}

static inline void put_soa(struct dns_bytes *bytes, const char *owner, uint32_t ttl_s,
                           uint32_t minimum_s) {
    put_record(bytes, owner, SOA, ttl_s, 2 + 20);
    put_name(bytes, "");
    put_name(bytes, "");
    put_number(bytes, 8, 0);
    put_number(bytes, 8, 0);
    put_number(bytes, 4, minimum_s);
}

#endif
