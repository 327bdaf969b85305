#include "backend/server_answers.h"
#include "base/clock.h"
#include "monitor/metrics_text_internal.h"

static const char *const family = "name_age_seconds";

// A name without a good answer yet has no sample.
static void put_age(struct exposition *out, const struct server_name *at, int64_t answered_us,
                    int64_t now_us) {
    if (answered_us == 0) {
        return;
    }
    exposition_begin(out, family, "");
    exposition_label(out, "backend", at->backend->name);
    exposition_label(out, "server", at->server->text);
    exposition_end_seconds(out, (double)(now_us - answered_us) / 1e6);
}

void metrics_put_names(struct exposition *out, const struct watched *watched,
                       const struct names *names) {
    struct server_name at = {.backend = NULL};
    size_t index = 0;
    if (names == NULL || !server_name_next(watched->config, &at)) {
        return;
    }
    exposition_family(out, family, "gauge",
                      "time since the oldest of the answers that the servers of a name come from");
    do {
        put_age(out, &at, names_answered_us(names, index++), clock_monotonic_us());
    } while (server_name_next(watched->config, &at));
}
