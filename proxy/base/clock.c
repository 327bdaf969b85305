#include "base/clock.h"

#include <stddef.h>

#define SECONDS_PER_DAY 86400
#define FIRST_SECOND (-62135596800LL) // 0001-01-01T00:00:00Z
#define LAST_SECOND 253402300799LL    // 9999-12-31T23:59:59Z

// Date and time of an instant in UTC.
struct date {
    unsigned year, month, day;     // month and day count from 1
    unsigned weekday;              // 0 is Sunday
    unsigned hour, minute, second; // no leap seconds: POSIX time has none
};

static const char month_names[12][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                        "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
static const char weekday_names[7][4] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};

static int64_t read_clock_us(clockid_t id) {
    struct timespec now = {0, 0};
    // Cannot fail: both clocks always exist and the pointer is good.
    (void)clock_gettime(id, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

int64_t clock_monotonic_us(void) {
    return read_clock_us(CLOCK_MONOTONIC);
}

int64_t clock_wall_us(void) {
    return read_clock_us(CLOCK_REALTIME);
}

static struct date date_from(int64_t seconds) {
    if (seconds < FIRST_SECOND) {
        seconds = FIRST_SECOND;
    } else if (seconds > LAST_SECOND) {
        seconds = LAST_SECOND;
    }
    // Counted from 1 March of year 0, nothing is negative, and a leap day is the last day of its
    // year, so that every formula below is a plain division.
    uint64_t since = (uint64_t)(seconds + 719468LL * SECONDS_PER_DAY);
    unsigned days = (unsigned)(since / SECONDS_PER_DAY);
    unsigned rest = (unsigned)(since % SECONDS_PER_DAY);

    unsigned era = days / 146097; // 400 years, after which the calendar repeats
    unsigned day_of_era = days % 146097;
    // Removes the leap days before it: one in 1460 days, except one in 36524, and again one in
    // 146096.
    unsigned year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    unsigned day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    unsigned month_from_march =
        (5 * day_of_year + 2) / 153; // five months have 153 days, twice over

    struct date date;
    date.day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    date.month = month_from_march < 10 ? month_from_march + 3 : month_from_march - 9;
    date.year = era * 400 + year_of_era + (date.month <= 2 ? 1 : 0);
    date.weekday = (days + 3) % 7; // that 1 March was a Wednesday
    date.hour = rest / 3600;
    date.minute = rest / 60 % 60;
    date.second = rest % 60;
    return date;
}

static char *put_digits(char *at, unsigned value, size_t count) {
    for (size_t i = count; i > 0; i--) {
        at[i - 1] = (char)('0' + value % 10);
        value /= 10;
    }
    return at + count;
}

static char *put_text(char *at, const char *text) {
    while (*text != '\0') {
        *at++ = *text++;
    }
    return at;
}

// "13:55:36"
static char *put_time_of_day(char *at, const struct date *date) {
    at = put_digits(at, date->hour, 2);
    *at++ = ':';
    at = put_digits(at, date->minute, 2);
    *at++ = ':';
    return put_digits(at, date->second, 2);
}

void clock_format_http_date(time_t seconds, char text[CLOCK_HTTP_DATE_SIZE]) {
    struct date date = date_from(seconds);
    char *at = put_text(text, weekday_names[date.weekday]);
    at = put_text(at, ", ");
    at = put_digits(at, date.day, 2);
    *at++ = ' ';
    at = put_text(at, month_names[date.month - 1]);
    *at++ = ' ';
    at = put_digits(at, date.year, 4);
    *at++ = ' ';
    at = put_time_of_day(at, &date);
    at = put_text(at, " GMT");
    *at = '\0';
}

void clock_format_iso(int64_t wall_us, char text[CLOCK_ISO_SIZE]) {
    unsigned rest_us;
    struct date date = date_from(clock_second_of(wall_us, &rest_us));
    char *at = put_digits(text, date.year, 4);
    *at++ = '-';
    at = put_digits(at, date.month, 2);
    *at++ = '-';
    at = put_digits(at, date.day, 2);
    *at++ = 'T';
    at = put_time_of_day(at, &date);
    *at++ = '.';
    at = put_digits(at, rest_us / 1000, 3);
    *at++ = 'Z';
    *at = '\0';
}

void clock_format_common_log(time_t seconds, char text[CLOCK_COMMON_LOG_SIZE]) {
    struct date date = date_from(seconds);
    char *at = put_digits(text, date.day, 2);
    *at++ = '/';
    at = put_text(at, month_names[date.month - 1]);
    *at++ = '/';
    at = put_digits(at, date.year, 4);
    *at++ = ':';
    at = put_time_of_day(at, &date);
    at = put_text(at, " +0000");
    *at = '\0';
}
