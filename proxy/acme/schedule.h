// When a certificate is ordered. Pure functions of times in seconds; `random` is any number.
#ifndef RAVELIN_ACME_SCHEDULE_H
#define RAVELIN_ACME_SCHEDULE_H

#include <stdint.h>

#define ACME_RETRY_FIRST_S INT64_C(60)
#define ACME_RETRY_MAX_S INT64_C(21600)

// When a certificate of this term is to be renewed: when two thirds of it are over, or up to a
// twentieth of it earlier.
int64_t acme_renewal(int64_t not_before, int64_t not_after, uint32_t random);
// How long to wait after a failure, of which there were `failures` in a row: a minute, doubled with
// each up to six hours, and up to a quarter more or less.
int64_t acme_retry(unsigned failures, uint32_t random);

#endif
