#include "backend/health.h"

#include <stdio.h>
#include <string.h>

enum { DETAIL_BITS = 24, SHARE_WHOLE = 256 };

static void set(_Atomic int64_t *member, int64_t value) {
    atomic_store_explicit(member, value, memory_order_relaxed);
}

static int64_t get(const _Atomic int64_t *member) {
    return atomic_load_explicit(member, memory_order_relaxed);
}

static int64_t longest_ms(const struct config_backend *policy) {
    return policy->eject_time_max_ms > policy->eject_time_ms ? policy->eject_time_max_ms
                                                             : policy->eject_time_ms;
}

// Time out of use at this level, before it is spread.
static int64_t time_at(const struct config_backend *policy, uint32_t level) {
    int64_t time_ms = policy->eject_time_ms;
    for (uint32_t i = 0; i < level && time_ms < longest_ms(policy); i++) {
        time_ms *= 2;
    }
    return time_ms < longest_ms(policy) ? time_ms : longest_ms(policy);
}

static void return_now(struct health *health, int64_t now_ms) {
    set(&health->until_ms, 0);
    set(&health->trying_ms, 0);
    set(&health->since_ms, now_ms);
    health->in_a_row = 0;
    health->window_ms = now_ms;
    health->requests = health->failed = 0;
    health->yielded_ms = 0;
}

enum health_change health_worked_slowly(struct health *health, const struct health_event *event) {
    if (!health_is_out(health)) {
        health->in_a_row = 0;
        return HEALTH_SAME;
    }
    // A request that began before the failures does not show that the server works after them.
    if (!event->tries && event->begun_ms <= get(&health->since_ms)) {
        return HEALTH_SAME;
    }
    return_now(health, event->now_ms);
    return HEALTH_RETURNED;
}

static bool is_connect(enum fault fault) {
    return fault == FAULT_CONNECT || fault == FAULT_CONNECT_TIMEOUT;
}

static void go_out(struct health *health, const struct health_event *event, enum fault fault,
                   uint64_t random) {
    int64_t time_ms = time_at(event->policy, health->level);
    time_ms += (int64_t)(random % (uint64_t)(time_ms / 4 + 1)) - time_ms / 8;
    health->level += health->level < 32;
    health->in_a_row = 0;
    health->due_ms = event->now_ms + time_ms;
    set(&health->trying_ms, 0);
    set(&health->until_ms, is_connect(fault) ? HEALTH_HELD : event->now_ms + time_ms);
}

// A server that has worked for twice its last time out begins again with the shortest.
static void forget_level(struct health *health, const struct health_event *event) {
    if (health->level > 0 &&
        event->now_ms - get(&health->since_ms) > 2 * time_at(event->policy, health->level - 1)) {
        health->level = 0;
    }
}

static void count_failure(struct health *health, enum fault fault, int64_t now_ms) {
    if (now_ms - health->window_ms > HEALTH_WINDOW_MS) {
        health->window_ms = now_ms;
        health->requests = health->failed = 0;
    }
    health->requests += fault != FAULT_BROKEN; // that was counted when its response began
    health->failed++;
    health->in_a_row++;
}

static bool is_too_much(const struct health *health, const struct config_backend *policy,
                        bool others) {
    bool in_a_row =
        policy->max_failures != 0 && (others || health->in_a_row >= policy->max_failures);
    bool ratio =
        policy->failure_ratio != 0 && health->requests >= HEALTH_WINDOW_MIN &&
        (uint64_t)health->failed * 100 >= (uint64_t)health->requests * policy->failure_ratio;
    return in_a_row || ratio;
}

enum health_change health_failed(struct health *health, const struct health_event *event,
                                 enum fault fault, uint32_t detail, bool others, uint64_t random) {
    atomic_store_explicit(&health->fault, (uint32_t)fault << DETAIL_BITS | detail,
                          memory_order_relaxed);
    if (health_is_out(health)) { // the next time out begins only if this was the try
        if (event->tries) {
            go_out(health, event, fault, random);
        }
        return HEALTH_SAME;
    }
    count_failure(health, fault, event->now_ms);
    if (!(is_connect(fault) && event->policy->max_failures != 0) &&
        !is_too_much(health, event->policy, others)) {
        return HEALTH_SAME;
    }
    forget_level(health, event);
    set(&health->since_ms, event->now_ms);
    go_out(health, event, fault, random);
    return HEALTH_EJECTED;
}

enum health_change health_found_up(struct health *health, int64_t up_ms, int64_t now_ms) {
    if (!health_is_out(health) || up_ms <= get(&health->since_ms)) {
        return HEALTH_SAME;
    }
    return_now(health, now_ms);
    return HEALTH_RETURNED;
}

// --- Tries ---

void health_try(struct health *health, int64_t now_ms) {
    set(&health->until_ms, HEALTH_HELD);
    set(&health->trying_ms, now_ms);
}

void health_end_try(struct health *health, int64_t now_ms) {
    if (get(&health->trying_ms) != 0) {
        set(&health->trying_ms, 0);
        set(&health->until_ms, now_ms);
    }
}

bool health_yield(struct health *health, int64_t now_ms) {
    enum { STEP_MS = 50 };
    if (health->yielded_ms >= HEALTH_YIELD_MS) {
        health->yielded_ms = 0;
        return false;
    }
    health->yielded_ms += STEP_MS;
    set(&health->until_ms, now_ms + STEP_MS);
    return true;
}

uint32_t health_share(int64_t since_ms, uint32_t slow_start_ms, int64_t now_ms) {
    int64_t age_ms = now_ms - since_ms;
    if (since_ms == 0 || age_ms >= slow_start_ms) {
        return SHARE_WHOLE;
    }
    int64_t share = age_ms < 0 ? 0 : age_ms * SHARE_WHOLE / slow_start_ms;
    return share < 1 ? 1 : (uint32_t)share;
}

// --- Texts ---

void fault_write(uint32_t fault, char text[FAULT_TEXT_SIZE]) {
    static const char *const texts[FAULT_COUNT] = {
        [FAULT_NONE] = "",
        [FAULT_CONNECT] = "connect: %s",
        [FAULT_CONNECT_TIMEOUT] = "connect: timeout",
        [FAULT_CLOSED] = "closed the connection without a response",
        [FAULT_BROKEN] = "broke off a response",
        [FAULT_RESPONSE_TIMEOUT] = "response timeout",
        [FAULT_MALFORMED] = "malformed response",
        [FAULT_STATUS] = "status %u",
    };
    uint32_t detail = fault & ((1U << DETAIL_BITS) - 1);
    fault >>= DETAIL_BITS;
    if (fault == FAULT_CONNECT) {
        (void)snprintf(text, FAULT_TEXT_SIZE, "connect: %s", strerror((int)detail));
    } else if (fault == FAULT_STATUS) {
        (void)snprintf(text, FAULT_TEXT_SIZE, "status %u", detail % 1000);
    } else {
        (void)snprintf(text, FAULT_TEXT_SIZE, "%s", fault < FAULT_COUNT ? texts[fault] : "");
    }
}
