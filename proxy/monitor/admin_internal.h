// Private to admin.c and admin_client.c: one connection to the server of `admin`.
#ifndef RAVELIN_MONITOR_ADMIN_INTERNAL_H
#define RAVELIN_MONITOR_ADMIN_INTERNAL_H

#include "http/parse.h"
#include "monitor/admin.h"

// READING a head. DUE: the head is complete and waits for its turn. WRITING a response. LINGERING
// after the last response: bytes that the client still sends are read and dropped, because a reset
// would destroy the response.
enum admin_phase { ADMIN_READING, ADMIN_DUE, ADMIN_WRITING, ADMIN_LINGERING };

struct admin_client {
    struct admin *admin;
    struct list_node node; // in admin.clients, or in admin.due
    enum admin_phase phase;
    bool is_tcp;
    bool is_last; // the connection ends after this response
    ev_io watcher;
    ev_timer deadline;
    struct buffer output; // head and body
    size_t size;          // bytes in `head`
    size_t scanned;       // bytes that were searched for the end of the head
    size_t head_end;      // end of the request head that is due; 0: it is malformed or too large
    char head[ADMIN_HEAD_MAX];
};

// Call it when a request is complete. admin_client_answer() is called at its turn.
void admin_add_due(struct admin *admin, struct admin_client *client);
// Owns the descriptor if it returns true. False: memory is short.
bool admin_client_start(struct admin *admin, int fd, bool is_tcp);
bool admin_client_is_idle(const struct admin_client *client); // between two requests
void admin_client_answer(struct admin_client *client);        // the client must be due
void admin_client_close(struct admin_client *client);         // frees it

#endif
