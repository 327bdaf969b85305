#include "monitor/lookup.h"

#include "base/clock.h"

#include <stdlib.h>
#include <string.h>

// Grows with each attempt. Requests may be waiting for an urgent one.
static int64_t retry_ms(const struct lookup *lookup, bool urgent) {
    int64_t delay = lookup->rules->min_ms;
    int64_t most = urgent ? LOOKUP_URGENT_MS : LOOKUP_RETRY_MS;
    most = delay > most ? delay : most;
    for (unsigned i = 1; i < lookup->attempts && delay < most; i++) {
        delay *= 2;
    }
    return delay < most ? delay : most;
}

static int64_t ttl_ms(const struct lookup *lookup, const struct dns_answer *answer) {
    int64_t most = lookup->rules->max_ms;
    int64_t least = lookup->rules->min_ms;
    int64_t ttl = answer->has_ttl ? (int64_t)answer->ttl_s * 1000 : most;
    ttl = ttl < most ? ttl : most;
    return ttl > least ? ttl : least;
}

void lookup_ask(struct lookup *lookup) {
    ev_timer_stop(lookup->rules->loop, &lookup->due);
    if (!question_is_open(&lookup->question)) {
        lookup->rules->ask(lookup->rules->asker, &lookup->question);
    }
}

static void on_due(struct ev_loop *loop, ev_timer *timer, int events) {
    (void)loop;
    (void)events;
    lookup_ask(timer->data);
}

static void ask_after(struct lookup *lookup, int64_t delay_ms) {
    struct ev_loop *loop = lookup->rules->loop;
    ev_timer_stop(loop, &lookup->due);
    ev_timer_set(&lookup->due, (ev_tstamp)delay_ms / 1000., 0.);
    ev_timer_start(loop, &lookup->due);
}

// False: memory is short, and the former records stay.
static bool store(struct lookup *lookup, const struct dns_answer *answer) {
    bool is_srv = lookup->question.type == DNS_SRV;
    size_t size = is_srv ? sizeof(*lookup->services) : sizeof(*lookup->addresses);
    void *copy = calloc(answer->count + 1, size);
    if (copy == NULL) {
        return false;
    }
    memcpy(copy, is_srv ? (const void *)answer->services : (const void *)answer->addresses,
           answer->count * size);
    free(lookup->services);
    free(lookup->addresses);
    lookup->services = NULL;
    lookup->addresses = NULL;
    if (is_srv) {
        lookup->services = copy;
    } else {
        lookup->addresses = copy;
    }
    lookup->count = answer->count;
    lookup->is_known = true;
    lookup->answered_us = clock_monotonic_us();
    return true;
}

static void on_answered(struct question *question, enum dns_outcome outcome,
                        const struct dns_answer *answer) {
    struct lookup *lookup = LIST_ENTRY(question, struct lookup, question);
    if (outcome == DNS_AGAIN) {
        lookup_ask(lookup);
        return;
    }
    bool is_good = outcome == DNS_FOUND || outcome == DNS_EMPTY;
    if (is_good && !store(lookup, answer)) {
        is_good = false;
        outcome = DNS_FAILED;
    }
    lookup->has_ended = true;
    lookup->outcome = outcome;
    lookup->attempts = outcome == DNS_FOUND ? 0 : lookup->attempts + 1;
    bool urgent = lookup->ended(lookup, is_good) && outcome != DNS_FOUND;
    int64_t delay = is_good ? ttl_ms(lookup, answer) : retry_ms(lookup, false);
    if (urgent) {
        int64_t sooner = retry_ms(lookup, true);
        delay = sooner < delay ? sooner : delay;
    }
    ask_after(lookup, delay);
}

void lookup_init(struct lookup *lookup, const struct lookup_rules *rules, const char *host,
                 enum dns_type type) {
    *lookup = (struct lookup){.rules = rules};
    question_init(&lookup->question);
    lookup->question.host = host;
    lookup->question.type = type;
    lookup->question.answered = on_answered;
    ev_init(&lookup->due, on_due);
    lookup->due.data = lookup;
}

void lookup_end(struct lookup *lookup) {
    ev_timer_stop(lookup->rules->loop, &lookup->due);
    lookup->rules->forget(lookup->rules->asker, &lookup->question);
    free(lookup->addresses);
    free(lookup->services);
}
