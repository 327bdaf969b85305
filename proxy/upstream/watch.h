// Starting and stopping a watcher as it is wanted. Most of the time it already is as it should be:
// then the library is not called.
#ifndef RAVELIN_UPSTREAM_WATCH_H
#define RAVELIN_UPSTREAM_WATCH_H

#include <ev.h>
#include <stdbool.h>

static inline void watch(struct ev_loop *loop, ev_io *watcher, bool wanted) {
    if (wanted && !ev_is_active(watcher)) {
        ev_io_start(loop, watcher);
    } else if (!wanted && ev_is_active(watcher)) {
        ev_io_stop(loop, watcher);
    }
}

#endif
