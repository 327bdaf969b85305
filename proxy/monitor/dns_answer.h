// Parses the response to a DNS question (RFC 1035 4.1, RFC 2782), as c-ares returns it.
//
// Pure: bytes in, records out. Each size and offset is checked against the message. Limits:
// DNS_JUMPS_MAX compression pointers and 255 bytes for a name, DNS_CHAIN_MAX CNAME records in a
// chain, DNS_RECORDS_MAX records kept. Records of another name, class or type are skipped, and so
// are targets that are not host names.
#ifndef RAVELIN_MONITOR_DNS_ANSWER_H
#define RAVELIN_MONITOR_DNS_ANSWER_H

#include "base/result.h"
#include "config/host.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DNS_RECORDS_MAX 256
#define DNS_JUMPS_MAX 64
#define DNS_CHAIN_MAX 16

enum dns_type { DNS_A = 1, DNS_AAAA = 28, DNS_SRV = 33 };

struct dns_address {
    uint8_t bytes[16]; // network byte order; IPv4: the first four
};

struct dns_service {
    uint16_t priority, weight, port;
    char target[HOST_TEXT_SIZE]; // canonical
};

struct dns_answer {
    uint32_t ttl_s; // lowest TTL of the records and of the CNAME records before them
    bool has_ttl;
    size_t count; // number of records of the type
    struct dns_address addresses[DNS_RECORDS_MAX];
    struct dns_service services[DNS_RECORDS_MAX];
};

// Reads the records of `type` of `name`, which is canonical. RESULT_OK: there may be no records;
// then the TTL is that of a negative response (RFC 2308 5), if it has one. RESULT_ERROR: the
// message is malformed.
enum result dns_answer_read(const uint8_t *data, size_t size, const char *name, enum dns_type type,
                            struct dns_answer *answer) MUST_CHECK;

#endif
