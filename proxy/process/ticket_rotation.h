// The rotation of ticket keys: every `ticket-lifetime` of the current generation, counted from the
// last change. When it is turned off or on, all keys are replaced, so that no older ticket resumes.
#ifndef RAVELIN_PROCESS_TICKET_ROTATION_H
#define RAVELIN_PROCESS_TICKET_ROTATION_H

#include "observe/log.h"
#include "tls/handshake/ticket.h"

#include <stdint.h>

#include <ev.h>

// The owner sets all members except the last two, which are zero at the start.
struct ticket_rotation {
    struct ev_loop *loop;
    struct log *log;
    struct ticket_store *tickets;
    int64_t made_us; // wall clock, when the present key was made; 0: no tickets
    ev_timer timer;
};

// Call it at the start in place of ticket_rotation_use(), if the keys came from a former master,
// which changed them `since_s` seconds ago.
void ticket_rotation_resume(struct ticket_rotation *rotation, uint32_t lifetime_s,
                            uint32_t since_s);
// Seconds since the last change.
uint32_t ticket_rotation_age(const struct ticket_rotation *rotation);
// Sets the lifetime; 0: no tickets. A reload does not delay the next change.
void ticket_rotation_use(struct ticket_rotation *rotation, uint32_t lifetime_s);

#endif
