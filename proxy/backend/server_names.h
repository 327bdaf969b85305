// Names of servers for the cookies of `sticky`: a keyed MAC (HMAC-SHA-256, cut to 128 bits) over
// the name of the backend and the text of the server's address. A name says nothing about the
// address, and no one without the key can make a name.
//
// The key is made at the start, or comes from the master before this one (process/handover.h), in
// memory of the master that forked processes do not get (base/secret.h). It is never written to a
// disk, so names change when Ravelin starts again without one. Workers get only the names, in the
// server table: an attacker who controls a worker learns names, not the key.
#ifndef RAVELIN_BACKEND_SERVER_NAMES_H
#define RAVELIN_BACKEND_SERVER_NAMES_H

#include "base/slice.h"

#include <stdbool.h>
#include <stdint.h>

#define SERVER_NAME_SIZE 16
#define SERVER_NAME_TEXT_SIZE 32 // hexadecimal digits, without a NUL

struct server_names;

struct server_names *server_names_new(void);        // NULL when memory or randomness is short
void server_names_free(struct server_names *names); // wipes the key; NULL is fine
// The key for another master that takes over. The caller wipes what it holds.
#define SERVER_NAMES_LAYOUT 1 // changes with how names are made
#define SERVER_NAMES_KEY_SIZE 32
void server_names_copy_out(const struct server_names *names, uint8_t key[SERVER_NAMES_KEY_SIZE]);
void server_names_copy_in(struct server_names *names, const uint8_t key[SERVER_NAMES_KEY_SIZE]);
// False: memory is short.
bool server_names_make(const struct server_names *names, const char *backend, const char *address,
                       uint8_t name[SERVER_NAME_SIZE]);

void server_name_write(const uint8_t name[SERVER_NAME_SIZE], char text[SERVER_NAME_TEXT_SIZE]);
// False: `text` is not the text of a name, in the one form that it has.
bool server_name_read(struct slice text, uint8_t name[SERVER_NAME_SIZE]);

#endif
