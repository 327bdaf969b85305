// Request ids: 32 hexadecimal digits, unique over all workers and starts. They are not secret: a
// person who knows one may guess others.
//
// Half of the digits are random, drawn once for each worker. The other half is a counter after a
// one-to-one mapping, so that no id repeats.
#ifndef RAVELIN_EXCHANGE_REQUEST_ID_H
#define RAVELIN_EXCHANGE_REQUEST_ID_H

#include "base/slice.h"

#include <stdbool.h>
#include <stdint.h>

#define REQUEST_ID_SIZE 32
#define REQUEST_ID_KEPT_MAX 128 // longest id of a trusted proxy that is kept

struct request_ids {
    uint64_t worker; // random
    uint64_t count;
};

// False: the system has no random bytes.
bool request_ids_init(struct request_ids *ids);
void request_ids_next(struct request_ids *ids, char text[REQUEST_ID_SIZE]);
// Whether a proxy's id can be kept: 1 to REQUEST_ID_KEPT_MAX letters, digits and simple signs.
bool request_id_is_usable(struct slice id);

#endif
