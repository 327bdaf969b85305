// The parts of /metrics. Private to metrics_text.c, metrics_labelled.c (sites and servers),
// metrics_names.c (names of servers) and metrics_facts.c (facts of the master: processes,
// certificates, reloads).
#ifndef RAVELIN_MONITOR_METRICS_TEXT_INTERNAL_H
#define RAVELIN_MONITOR_METRICS_TEXT_INTERNAL_H

#include "monitor/metrics_text.h"

void metrics_put_labelled(struct exposition *out, const struct monitor_options *options,
                          const struct watched *watched);
void metrics_put_facts(struct exposition *out, const struct monitor_options *options,
                       const struct watched *watched);

void metrics_put_names(struct exposition *out, const struct watched *watched,
                       const struct names *names);

#endif
