#include "config/quantity.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

struct unit {
    const char *suffix;
    uint64_t factor;
};

#define UNITS_MAX 6
#define NUMBER_MAX UINT64_C(100000000000) // two years in milliseconds, and some more

struct scale {
    const char *hint;
    struct unit units[UNITS_MAX]; // smallest first, ending with a suffix of NULL
};

static const struct scale scales[] = {
    [QUANTITY_NUMBER] = {"a whole number without a unit", {{"", 1}, {NULL, 0}}},
    [QUANTITY_SIZE] = {"a whole number of bytes, or one with k, m or g",
                       {{"", 1}, {"k", 1 << 10}, {"m", 1 << 20}, {"g", 1 << 30}, {NULL, 0}}},
    [QUANTITY_TIME] =
        {"a time is a whole number with a unit, ms, s, m, h or d",
         {{"ms", 1}, {"s", 1000}, {"m", 60000}, {"h", 3600000}, {"d", 86400000}, {NULL, 0}}},
};

static bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

const char *quantity_parse(enum quantity quantity, const char *text, uint64_t *value) {
    const struct scale *scale = &scales[quantity];
    uint64_t number = 0;
    const char *suffix = text;
    for (; is_digit(*suffix); suffix++) {
        if (number > NUMBER_MAX / 10) {
            return "too large";
        }
        number = number * 10 + (uint64_t)(*suffix - '0');
    }
    if (suffix == text) {
        return scale->hint;
    }
    if (number == 0 && *suffix == '\0') {
        *value = 0; // nothing is nothing in every unit
        return NULL;
    }
    for (const struct unit *unit = scale->units; unit->suffix != NULL; unit++) {
        if (strcmp(unit->suffix, suffix) == 0) {
            *value = number * unit->factor; // about 2^37 times at most 2^30
            return NULL;
        }
    }
    return scale->hint;
}

void quantity_format(enum quantity quantity, uint64_t value, char text[QUANTITY_TEXT_SIZE]) {
    const struct unit *unit = scales[quantity].units;
    while (value > 0 && unit[1].suffix != NULL && value % unit[1].factor == 0) {
        unit++;
    }
    (void)snprintf(text, QUANTITY_TEXT_SIZE, "%" PRIu64 "%s", value / unit->factor, unit->suffix);
}
