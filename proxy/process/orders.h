// Executes the orders of clients of the control socket (control.h): finds the row of the command
// and sends the reply. The owner's handler executes orders that change the proxy. Orders that only
// read are executed here.
//
// Each order gets one reply: at once, or at the end of what it began (reload, reopen, upgrade).
#ifndef RAVELIN_PROCESS_ORDERS_H
#define RAVELIN_PROCESS_ORDERS_H

#include "process/children.h"
#include "process/control.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct orders_handler {
    // Begins a reload. The owner sends its result to `client`. Returns NULL, or the reason of a
    // refusal.
    const char *(*reload)(void *context, uint64_t client);
    // The same for reopening the log files.
    const char *(*reopen)(void *context, uint64_t client);
    // The same for an upgrade.
    const char *(*upgrade)(void *context, uint64_t client);
    // Returns NULL, or why no order can change a server or a site now.
    const char *(*keeps)(void *context);
    void (*drain)(void *context); // called after its reply was sent
    void (*stop)(void *context);  // called after its reply was sent
    // Writes the reply to `status`. False: it does not fit.
    bool (*draw_status)(void *context, char *text, size_t capacity);
    void *context;
};

// The owner sets all members. Their objects outlive it.
struct orders {
    struct control_server *control;
    struct children *children; // `log` is used for refused orders
    const char *version;
    struct orders_handler handler;
};

// Returns the handler for control_start(). Its context is `orders`.
struct control_handler orders_control(struct orders *orders);

#endif
