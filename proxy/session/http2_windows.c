// How much of request bodies a client may send ahead of their servers.
//
// While a server keeps up with a client that uses its whole window, the window of the stream grows.
// All streams together have at most half the window of the connection in addition to their first
// windows.
//
// Over a long path these windows are too small for the bytes of a round trip. So a window of which
// the server takes half or more in each round trip continues to grow, and the window of the
// connection grows with it, up to `largest-window`. `window-memory` bounds the sum of this growth
// for the worker. If most of this memory is used, windows that are too large shrink.
//
// The window of a stream shrinks if a slow server has not taken half of it. Granted bytes cannot be
// taken back: they count until they have been sent to the server.
#include "base/clock.h"
#include "session/http2_internal.h"

// Round trips in which a server takes a window that is too small (FAST) or too large (SLOW).
enum { FAST_ROUNDS = 2, SLOW_ROUNDS = 8 };
// The time for a window is measured with such a part of it. While a new connection doubles its rate
// with each round trip, a measurement of the whole window would end a round trip too late.
// A burst says nothing about the rate, so the measurement also takes a part of a round trip, and a
// millisecond: what came in one turn of the loop would look faster than any near client is.
enum { ROUND_PARTS = 4, ROUND_TRIP_PARTS = 8, ROUND_US_MIN = 1000 };
// How long a round trip is used until it is read again; the longest time that is measured.
enum { TRIP_US = 100000, ROUND_US_MAX = 1000000000 };
// Factor by which a window that is too small grows, because uploads over long paths begin slowly.
enum { GROWTH = 4 };

static uint32_t half_of_connection(const struct http2 *http2) {
    return http2->limits.connection_window / 2;
}

static uint32_t memory_of(const struct http2 *http2) {
    return http2->session->sessions->shared.current->config->http2.window_memory;
}

static bool memory_is_short(const struct http2 *http2) {
    return http2->session->sessions->http2_windows > (uint64_t)memory_of(http2) * 3 / 4;
}

// Largest number of bytes by which the window of the connection may exceed its first size.
static uint32_t most_growth(const struct http2 *http2) {
    uint64_t all = http2->session->sessions->http2_windows, memory = memory_of(http2);
    uint64_t most = http2->grown + (memory > all ? memory - all : 0);
    return most < http2->growth_max ? (uint32_t)most : http2->growth_max;
}

static void count_extra(struct http2_side *side, uint32_t extra) {
    struct http2 *http2 = http2_of(side);
    uint32_t half = half_of_connection(http2);
    http2->extra = http2->extra - side->extra + extra;
    side->extra = extra;
    uint32_t grown = http2->extra > half ? http2->extra - half : 0;
    if (grown != http2->grown) {
        uint64_t *all = &http2->session->sessions->http2_windows;
        *all = *all - http2->grown + grown;
        http2->grown = grown;
        http2_set_target(&http2->connection, NULL, http2->limits.connection_window + grown);
    }
}

// Bytes beyond limits.stream_window that the side holds or that may still arrive.
static uint32_t outstanding_extra(const struct http2_side *side) {
    const struct http2_stream *wire = side->wire;
    int64_t beyond = (int64_t)wire->held - http2_of(side)->limits.stream_window +
                     (wire->remote_ended ? 0 : wire->receive_window);
    return beyond <= 0 ? 0 : beyond < side->extra ? (uint32_t)beyond : side->extra;
}

static void set_extra(struct http2_side *side, uint64_t wanted) {
    struct http2 *http2 = http2_of(side);
    uint32_t others = http2->extra - side->extra;
    uint64_t all = (uint64_t)half_of_connection(http2) +
                   (wanted > side->extra ? most_growth(http2) : http2->grown);
    uint64_t most = all > others ? all - others : 0;
    uint32_t extra = (uint32_t)(wanted < most ? wanted : most);
    http2_set_target(&http2->connection, side->wire, http2->limits.stream_window + extra);
    uint32_t outstanding = outstanding_extra(side);
    count_extra(side, extra > outstanding ? extra : outstanding);
}

// The intended size of its window beyond limits.stream_window.
static uint32_t extra_target(const struct http2_side *side) {
    return side->wire->target - http2_of(side)->limits.stream_window;
}

static int64_t now_us(const struct http2_side *side) {
    return side->session->sessions->shared.turn_us;
}

static int64_t round_trip_us(const struct http2_side *side) {
    struct http2 *http2 = http2_of(side);
    if (http2->trip_noted_us == 0 || now_us(side) - http2->trip_noted_us >= TRIP_US) {
        http2->trip_noted_us = now_us(side);
        http2->trip_us = transport_round_trip_us(&side->session->transport);
    }
    return http2->trip_us;
}

// Within half the window of the connection, growth needs no measurement.
static bool grow_freely(struct http2_side *side) {
    const struct http2 *http2 = http2_of(side);
    const struct http2_stream *wire = side->wire;
    uint32_t half = half_of_connection(http2), extra = extra_target(side);
    if (http2->extra >= half || wire->receive_window >= (int32_t)(wire->target / 2)) {
        return false;
    }
    uint32_t wanted = extra == 0 ? http2->limits.stream_window : 2 * extra;
    uint32_t most = half - (http2->extra - side->extra);
    set_extra(side, wanted < most ? wanted : most);
    return true;
}

static void grow_by_round_trip(struct http2_side *side) {
    uint32_t target = side->wire->target, taken = side->round_taken;
    if (taken < target / ROUND_PARTS) {
        return;
    }
    uint64_t extra = extra_target(side);
    int64_t elapsed_us = clock_earlier(now_us(side) - side->round_us, ROUND_US_MAX);
    int64_t window_us = elapsed_us * target / taken, trip_us = round_trip_us(side);
    if (elapsed_us < ROUND_US_MIN || elapsed_us < trip_us / ROUND_TRIP_PARTS) {
        return;
    }
    side->round_us = now_us(side);
    side->round_taken = 0;
    if (window_us < FAST_ROUNDS * trip_us) {
        set_extra(side, GROWTH * (extra + http2_of(side)->limits.stream_window));
    } else if (memory_is_short(http2_of(side)) && window_us > SLOW_ROUNDS * trip_us) {
        set_extra(side, extra / 2);
    }
}

void side_note_taken(struct http2_side *side, size_t taken, bool all) {
    // It was made smaller, and bytes have been sent since then.
    if (side->extra > extra_target(side)) {
        set_extra(side, extra_target(side));
    }
    side->round_taken += (uint32_t)taken;
    if (!side->whole && !(all && grow_freely(side))) {
        grow_by_round_trip(side);
    }
}

void side_shrink_window(struct http2_side *side) {
    uint32_t first = http2_of(side)->limits.stream_window;
    uint32_t extra = side->wire == NULL ? 0 : extra_target(side);
    if (extra == 0 || side->wire->held <= side->wire->target / 2) {
        return;
    }
    if (now_us(side) - side->round_us >= SLOW_ROUNDS * round_trip_us(side)) {
        set_extra(side, extra > first ? extra / 2 : 0);
    }
}

void side_free_window(struct http2_side *side) {
    count_extra(side, 0);
}
