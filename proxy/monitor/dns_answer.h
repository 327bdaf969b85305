// Reads the response to a DNS question (RFC 1035 4.1, RFC 2782): what c-ares hands on.
//
// Pure: bytes in, records out. Each size and offset is checked against the message. A name is
// followed through at most DNS_JUMPS_MAX compression pointers and the 255 bytes that a name can
// have, a chain of CNAME records through at most DNS_CHAIN_MAX. Records of another name, class or
// type are passed over, and so are targets that are no host names. At most DNS_RECORDS_MAX records
// are kept.
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
    uint32_t ttl_s; // the shortest of the records and of the CNAME records that lead to them
    bool has_ttl;
    size_t count; // of the records of the type
    struct dns_address addresses[DNS_RECORDS_MAX];
    struct dns_service services[DNS_RECORDS_MAX];
};

// Reads the records of `type` of `name`, which is canonical. RESULT_OK: there may be none; then the
// TTL is that of a negative answer (RFC 2308 5), if it has one. RESULT_ERROR: the message is
// malformed.
enum result dns_answer_read(const uint8_t *data, size_t size, const char *name, enum dns_type type,
                            struct dns_answer *answer) MUST_CHECK;

#endif
