// What the master says in the log about certificates: once for a generation all that was found in
// it, and from then on daily what is about to expire or has. The master alone says it, so it is
// said once.
#ifndef RAVELIN_PROCESS_NOTICES_H
#define RAVELIN_PROCESS_NOTICES_H

#include "observe/log.h"
#include "process/source.h"

#include <ev.h>

#define NOTICES_PERIOD_S 86400.
#define NOTICES_MAX 100 // lines at a time; of the others there is only their number

struct notices {
    struct ev_loop *loop;
    struct log *log;
    const struct source *source;
    ev_timer timer;
};

void notices_start(struct notices *notices, struct ev_loop *loop, struct log *log,
                   ev_tstamp period_s);
// From now on of this source, which must outlive its use here. Says all there is to say about it.
void notices_use(struct notices *notices, const struct source *source);
void notices_stop(struct notices *notices); // once more is fine

#endif
