#include "acme/schedule.h"

#include <inttypes.h>
#include <stdio.h>

// A number from 0 to `range`.
static int64_t within(int64_t range, uint32_t random) {
    return range <= 0 ? 0 : (int64_t)(random % (uint64_t)(range + 1));
}

int64_t acme_renewal(int64_t not_before, int64_t not_after, uint32_t random) {
    int64_t term = not_after > not_before ? not_after - not_before : 0;
    return not_before + term / 3 * 2 - within(term / 20, random);
}

int64_t acme_retry(unsigned failures, uint32_t random) {
    int64_t wait = ACME_RETRY_FIRST_S;
    for (unsigned i = 1; i < failures && wait < ACME_RETRY_MAX_S; i++) {
        wait *= 2;
    }
    wait = wait < ACME_RETRY_MAX_S ? wait : ACME_RETRY_MAX_S;
    return wait - wait / 4 + within(wait / 2, random);
}

bool acme_is_due(int64_t due_s, unsigned failures, int64_t now_s) {
    return due_s <= now_s || (failures > 0 && due_s - now_s > ACME_RETRY_MAX_S / 4 * 5);
}

void acme_write_term(int64_t not_after, int64_t now_s, char text[ACME_TERM_SIZE]) {
    if (not_after <= now_s) {
        (void)snprintf(text, ACME_TERM_SIZE, "has expired");
    } else {
        (void)snprintf(text, ACME_TERM_SIZE, "expires in %" PRId64 " hours",
                       (not_after - now_s) / 3600);
    }
}
