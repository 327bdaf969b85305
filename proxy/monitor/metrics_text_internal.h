// The parts of /metrics. Private to metrics_text.c, metrics_labelled.c (sites and servers) and
// metrics_facts.c (what the master tells: processes, certificates, reloads).
#ifndef RAVELIN_MONITOR_METRICS_TEXT_INTERNAL_H
#define RAVELIN_MONITOR_METRICS_TEXT_INTERNAL_H

#include "monitor/metrics_text.h"

void metrics_put_labelled(struct exposition *out, const struct monitor_options *options,
                          const struct watched *watched);
void metrics_put_facts(struct exposition *out, const struct monitor_options *options,
                       const struct watched *watched);

#endif
