// Private to admin.c and admin_client.c: one connection to the server of `admin`.
#ifndef RAVELIN_MONITOR_ADMIN_INTERNAL_H
#define RAVELIN_MONITOR_ADMIN_INTERNAL_H

#include "http/parse.h"
#include "monitor/admin.h"

// READING a head; WRITING a response; LINGERING after the last response: what the client still
// sends is read and dropped, because a reset would destroy the response.
enum admin_phase { ADMIN_READING, ADMIN_WRITING, ADMIN_LINGERING };

struct admin_client {
    struct admin *admin;
    struct list_node node;
    enum admin_phase phase;
    bool is_tcp;
    bool is_last; // the connection ends after this response
    ev_io watcher;
    ev_timer deadline;
    struct buffer output; // head and body
    size_t size;          // of what is in `head`
    size_t scanned;
    char head[ADMIN_HEAD_MAX];
};

// Owns the descriptor if it returns true. False: memory is short.
bool admin_client_start(struct admin *admin, int fd, bool is_tcp);
bool admin_client_is_idle(const struct admin_client *client); // between two requests
void admin_client_close(struct admin_client *client);         // frees it

#endif
