// Request ids: 32 hexadecimal digits, different for every request of all workers and starts. They
// are no secrets: who sees one may guess others.
//
// Half of the digits are random and drawn once for each worker. The other half is a counter,
// scrambled one to one, so that no id comes twice.
#ifndef RAVELIN_EXCHANGE_REQUEST_ID_H
#define RAVELIN_EXCHANGE_REQUEST_ID_H

#include "base/slice.h"

#include <stdbool.h>
#include <stdint.h>

#define REQUEST_ID_SIZE 32
#define REQUEST_ID_KEPT_MAX 128 // of one that a trusted proxy made

struct request_ids {
    uint64_t worker; // random
    uint64_t count;
};

// False: the system has no random bytes.
bool request_ids_init(struct request_ids *ids);
void request_ids_next(struct request_ids *ids, char text[REQUEST_ID_SIZE]);
// True if a proxy's id can be kept: up to REQUEST_ID_KEPT_MAX letters, digits and simple signs.
bool request_id_is_usable(struct slice id);

#endif
