// The master's log lines about certificates: all findings once for each generation, then once a day
// the certificates that expire soon or have expired. Only the master logs them, so that they appear
// once.
#ifndef RAVELIN_PROCESS_NOTICES_H
#define RAVELIN_PROCESS_NOTICES_H

#include "observe/log.h"
#include "process/source.h"

#include <ev.h>

#define NOTICES_PERIOD_S 86400.
#define NOTICES_MAX 100 // lines at a time; further ones are only counted

struct notices {
    struct ev_loop *loop;
    struct log *log;
    const struct source *source;
    ev_timer timer;
};

void notices_start(struct notices *notices, struct ev_loop *loop, struct log *log,
                   ev_tstamp period_s);
// Sets the source, which must outlive its use here. Logs all findings about it.
void notices_use(struct notices *notices, const struct source *source);
void notices_stop(struct notices *notices); // may be called again

#endif
