// Writes /status.json: the state of Ravelin, its sites, its backends and servers, its processes,
// the history (history.h) and the last events. The status page shows it.
//
// Bounds: the first STATUS_SITES_MAX sites and STATUS_SERVERS_MAX servers of the configuration are
// listed; `site_count` and `server_count` are the total numbers. A response has at most
// STATUS_SIZE_MAX bytes.
#ifndef RAVELIN_MONITOR_STATUS_JSON_H
#define RAVELIN_MONITOR_STATUS_JSON_H

#include "base/buffer.h"
#include "monitor/history.h"
#include "monitor/watched.h"

#include <stdbool.h>

#define STATUS_SITES_MAX 500
#define STATUS_SERVERS_MAX 2000
#define STATUS_SIZE_MAX ((size_t)8 << 20)

struct status_input {
    const struct monitor_options *options;
    const struct watched *watched;
    const struct history *history;
    const struct board_events *own_events; // lines of the monitor's own log
};

// False: the response does not fit, or memory is short.
bool status_json_write(struct buffer *output, const struct status_input *input);

#endif
