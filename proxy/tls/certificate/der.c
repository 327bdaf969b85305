#include "tls/certificate/der.h"

#include <time.h>

static struct slice fail(struct der *der) {
    *der = (struct der){.bad = true};
    return (struct slice){NULL, 0};
}

uint8_t der_peek(const struct der *der) {
    return der->rest.size == 0 ? 0 : (uint8_t)der->rest.data[0];
}

// The size of the header of the element that begins here, and in *size that of its content; 0 when
// there is no whole element.
static size_t read_header(struct slice from, size_t *size) {
    const uint8_t *at = (const uint8_t *)from.data;
    if (from.size < 2 || (at[0] & 0x1f) == 0x1f) {
        return 0;
    }
    size_t header = 2;
    *size = at[1];
    if (at[1] >= 0x80) {
        size_t digits = at[1] & 0x7f;
        if (digits == 0 || digits > 3 || from.size < 2 + digits || at[2] == 0) {
            return 0;
        }
        *size = 0;
        for (size_t i = 0; i < digits; i++) {
            *size = *size << 8 | at[2 + i];
        }
        if (*size < 0x80) {
            return 0;
        }
        header += digits;
    }
    return *size <= from.size - header ? header : 0;
}

struct slice der_take_any(struct der *der, struct slice *whole) {
    size_t size = 0;
    size_t header = read_header(der->rest, &size);
    if (header == 0) {
        if (whole != NULL) {
            *whole = (struct slice){NULL, 0};
        }
        return fail(der);
    }
    struct slice content = {der->rest.data + header, size};
    if (whole != NULL) {
        *whole = (struct slice){der->rest.data, header + size};
    }
    der->rest.data += header + size;
    der->rest.size -= header + size;
    return content;
}

struct slice der_take(struct der *der, uint8_t tag) {
    return der_peek(der) == tag ? der_take_any(der, NULL) : fail(der);
}

struct der der_enter(struct der *der, uint8_t tag) {
    struct slice content = der_take(der, tag);
    return (struct der){content, der->bad};
}

void der_skip(struct der *der, uint8_t tag) {
    if (der_peek(der) == tag) {
        (void)der_take_any(der, NULL);
    }
}

// Two decimal digits, or -1.
static int read_pair(const char *at) {
    bool digits = at[0] >= '0' && at[0] <= '9' && at[1] >= '0' && at[1] <= '9';
    return digits ? (at[0] - '0') * 10 + (at[1] - '0') : -1;
}

int64_t der_take_time(struct der *der) {
    bool is_short = der_peek(der) == DER_UTC_TIME;
    struct slice text = der_take(der, is_short ? DER_UTC_TIME : DER_GENERALIZED_TIME);
    size_t year_size = is_short ? 2 : 4;
    int fields[6]; // month, day, hour, minute, second after the last two digits of the year
    if (text.size != year_size + 11 || text.data[text.size - 1] != 'Z') {
        (void)fail(der);
        return 0;
    }
    int century = is_short ? 0 : read_pair(text.data);
    bool bad = century < 0;
    for (size_t i = 0; i < 6; i++) {
        fields[i] = read_pair(text.data + year_size - 2 + 2 * i);
        bad |= fields[i] < 0;
    }
    int year = is_short ? (fields[0] < 50 ? 2000 : 1900) + fields[0] : century * 100 + fields[0];
    struct tm moment = {.tm_year = year - 1900,
                        .tm_mon = fields[1] - 1,
                        .tm_mday = fields[2],
                        .tm_hour = fields[3],
                        .tm_min = fields[4],
                        .tm_sec = fields[5]};
    struct tm normal = moment;
    int64_t seconds = bad ? 0 : (int64_t)timegm(&normal);
    // A field out of its range (a 30th of February) has moved to another.
    if (bad || normal.tm_mon != moment.tm_mon || normal.tm_mday != moment.tm_mday ||
        normal.tm_hour != moment.tm_hour || normal.tm_min != moment.tm_min) {
        (void)fail(der);
        return 0;
    }
    return seconds;
}

struct slice der_unsigned(struct slice integer) {
    if (integer.size > 1 && integer.data[0] == 0) {
        return (struct slice){integer.data + 1, integer.size - 1};
    }
    return integer;
}
