// Writes the response of /metrics: every counter of Ravelin, and its servers.
//
// The number of series is bounded: the values of labels are from fixed lists and from the present
// configuration, never from a client. Counters that workers write are sums over their slots, which
// never decrease.
#ifndef RAVELIN_MONITOR_METRICS_TEXT_H
#define RAVELIN_MONITOR_METRICS_TEXT_H

#include "base/buffer.h"
#include "monitor/exposition.h"
#include "monitor/names.h"
#include "monitor/watched.h"

#include <stdbool.h>

#define METRICS_TEXT_TYPE EXPOSITION_TYPE

// `names`: of `watched`. False: the response does not fit, or memory is short.
bool metrics_text_write(struct buffer *output, const struct monitor_options *options,
                        const struct watched *watched, const struct names *names);

#endif
