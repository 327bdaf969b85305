// What a check reads of a response: the status and, if wanted, whether a text is in it. No I/O.
#ifndef RAVELIN_MONITOR_CHECK_RESPONSE_H
#define RAVELIN_MONITOR_CHECK_RESPONSE_H

#include "backend/server_counts.h"

// The most that is read of a response.
#define CHECK_RESPONSE_MAX 16384

struct check_verdict {
    bool ended; // false: more must be read
    enum check_fault fault;
    uint32_t detail; // see enum check_fault
};

// `size` bytes have come, at most CHECK_RESPONSE_MAX. `closed`: and no more will.
struct check_verdict check_response(const struct config_health *health, const char *data,
                                    size_t size, bool closed);

#endif
