// Times of orders. Pure functions of times in seconds; `random` is any number.
#ifndef RAVELIN_ACME_SCHEDULE_H
#define RAVELIN_ACME_SCHEDULE_H

#include <stdbool.h>
#include <stdint.h>

#define ACME_RETRY_FIRST_S INT64_C(60)
#define ACME_RETRY_MAX_S INT64_C(21600)
#define ACME_TERM_SIZE 48

// The time of renewal: when two thirds of the validity are over, or up to a twentieth of it
// earlier.
int64_t acme_renewal(int64_t not_before, int64_t not_after, uint32_t random);
// The pause after `failures` failures in a row: a minute, doubled for each failure up to six hours,
// with up to a quarter more or less.
int64_t acme_retry(unsigned failures, uint32_t random);
// Whether an order that is due at `due_s`, after `failures` failures in a row, must be tried at
// `now_s`. If a retry is further away than any pause, the clock was set back, and it is due now.
bool acme_is_due(int64_t due_s, unsigned failures, int64_t now_s);

// "expires in 26 hours", or "has expired".
void acme_write_term(int64_t not_after, int64_t now_s, char text[ACME_TERM_SIZE]);

#endif
