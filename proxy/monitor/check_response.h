// Evaluates the response to a check: the status and, if configured, a text in it. No I/O.
#ifndef RAVELIN_MONITOR_CHECK_RESPONSE_H
#define RAVELIN_MONITOR_CHECK_RESPONSE_H

#include "backend/server_counts.h"

// Largest number of bytes that are read of a response.
#define CHECK_RESPONSE_MAX 16384

struct check_verdict {
    bool ended; // false: read more
    enum check_fault fault;
    uint32_t detail; // see enum check_fault
};

// Evaluates the received `size` bytes, at most CHECK_RESPONSE_MAX. `closed`: no more will arrive.
struct check_verdict check_response(const struct config_health *health, const char *data,
                                    size_t size, bool closed);

#endif
