// Carries out what a client of the control socket (control.h) asks for: finds the command's row and
// sends the answer. The owner does what changes the proxy; what only reads it is drawn here.
//
// Each order gets one answer: at once, or when what it began has ended (reload, reopen,
// upgrade).
#ifndef RAVELIN_PROCESS_ORDERS_H
#define RAVELIN_PROCESS_ORDERS_H

#include "process/children.h"
#include "process/control.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct orders_handler {
    // Begins a reload whose end the owner tells `client`. Returns NULL, or why it is refused.
    const char *(*reload)(void *context, uint64_t client);
    // The same for the log files.
    const char *(*reopen)(void *context, uint64_t client);
    // The same for an upgrade.
    const char *(*upgrade)(void *context, uint64_t client);
    void (*drain)(void *context); // its answer has been sent
    void (*stop)(void *context);  // its answer has been sent
    // Draws the answer to `status`. False: it does not fit.
    bool (*draw_status)(void *context, char *text, size_t capacity);
    void *context;
};

// The owner sets all of it, and all of it outlives it.
struct orders {
    struct control_server *control;
    struct children *children; // their `log` says what is refused
    const char *version;
    struct orders_handler handler;
};

// What control_start() takes; `orders` is its context.
struct control_handler orders_control(struct orders *orders);

#endif
