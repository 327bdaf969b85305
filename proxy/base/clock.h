// Time. Durations and deadlines use the monotonic clock; logs use the wall clock. Both are read in
// microseconds.
//
// The formatters write UTC and always fill their text completely, NUL included. They compute the
// calendar themselves, because gmtime_r() uses a lock and reads the system's time-zone file on
// first use, which a sandboxed worker may not read. A time outside the years 1 to 9999 is written
// as the nearest time inside.
#ifndef RAVELIN_BASE_CLOCK_H
#define RAVELIN_BASE_CLOCK_H

#include <stdint.h>
#include <time.h>

int64_t clock_monotonic_us(void);
int64_t clock_wall_us(void); // since the epoch

// The earlier one of two times of the same clock; INT64_MAX: never.
static inline int64_t clock_earlier(int64_t a, int64_t b) {
    return a < b ? a : b;
}

// The second that contains a wall-clock time, and in *rest_us the microseconds since its beginning.
// Rounds down before the epoch, too.
static inline int64_t clock_second_of(int64_t wall_us, unsigned *rest_us) {
    int64_t rest = wall_us % 1000000;
    int64_t second = wall_us / 1000000;
    *rest_us = (unsigned)(rest < 0 ? rest + 1000000 : rest);
    return rest < 0 ? second - 1 : second;
}

// "Sun, 06 Nov 1994 08:49:37 GMT" and NUL: the IMF-fixdate of RFC 9110 5.6.7.
#define CLOCK_HTTP_DATE_SIZE 30
void clock_format_http_date(time_t seconds, char text[CLOCK_HTTP_DATE_SIZE]);

// "2026-11-23T10:11:12.345Z" and NUL. Microseconds are cut off, not rounded.
#define CLOCK_ISO_SIZE 25
void clock_format_iso(int64_t wall_us, char text[CLOCK_ISO_SIZE]);

// "10/Oct/2000:13:55:36 +0000" and NUL.
#define CLOCK_COMMON_LOG_SIZE 27
void clock_format_common_log(time_t seconds, char text[CLOCK_COMMON_LOG_SIZE]);

#endif
