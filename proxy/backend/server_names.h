// Names of servers for the cookies of `sticky`: a keyed MAC (HMAC-SHA-256, cut to 128 bits) over
// the name of the backend and the text of the server's address. A name does not reveal the address.
// Names cannot be made without the key.
//
// The key is made at the start, or comes from the former master (process/handover.h). It is in
// memory of the master that forked processes do not get (base/secret.h). It is never on disk, so
// names change when Ravelin starts again without a former master. Workers get only the names, in
// the server table: an attacker who controls a worker learns names, not the key.
#ifndef RAVELIN_BACKEND_SERVER_NAMES_H
#define RAVELIN_BACKEND_SERVER_NAMES_H

#include "base/slice.h"

#include <stdbool.h>
#include <stdint.h>

#define SERVER_NAME_SIZE 16
#define SERVER_NAME_TEXT_SIZE 32 // hexadecimal digits, without a NUL

struct server_names;

struct server_names *server_names_new(void);        // NULL: memory or random bytes are short
void server_names_free(struct server_names *names); // wipes the key; NULL is allowed
// The key, for the next master of an upgrade. The caller wipes its copy.
#define SERVER_NAMES_LAYOUT 1 // incremented when names are made in another way
#define SERVER_NAMES_KEY_SIZE 32
void server_names_copy_out(const struct server_names *names, uint8_t key[SERVER_NAMES_KEY_SIZE]);
void server_names_copy_in(struct server_names *names, const uint8_t key[SERVER_NAMES_KEY_SIZE]);
// False: memory is short.
bool server_names_make(const struct server_names *names, const char *backend, const char *address,
                       uint8_t name[SERVER_NAME_SIZE]);

void server_name_write(const uint8_t name[SERVER_NAME_SIZE], char text[SERVER_NAME_TEXT_SIZE]);
// Reads the text of a name, which has only one valid form. False: it is not valid.
bool server_name_read(struct slice text, uint8_t name[SERVER_NAME_SIZE]);

#endif
