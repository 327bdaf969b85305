// When the ticket keys change: as often as the current generation's `ticket-lifetime` says, counted
// from the last change. Turned off or on, all keys are made again, so that no ticket from before
// resumes.
#ifndef RAVELIN_PROCESS_TICKET_ROTATION_H
#define RAVELIN_PROCESS_TICKET_ROTATION_H

#include "observe/log.h"
#include "tls/handshake/ticket.h"

#include <stdint.h>

#include <ev.h>

// The owner sets all but the last two, which are zero at the start.
struct ticket_rotation {
    struct ev_loop *loop;
    struct log *log;
    struct ticket_store *tickets;
    int64_t made_us; // wall clock, when the present key was made; 0: there are no tickets
    ev_timer timer;
};

// At the start, instead of the next one, when the keys came from a former master, which changed
// them `since_s` seconds ago.
void ticket_rotation_resume(struct ticket_rotation *rotation, uint32_t lifetime_s,
                            uint32_t since_s);
// Seconds since the last change.
uint32_t ticket_rotation_age(const struct ticket_rotation *rotation);
// 0: there are no tickets. A reload does not put the next change off.
void ticket_rotation_use(struct ticket_rotation *rotation, uint32_t lifetime_s);

#endif
