// Numbers with units: plain numbers, sizes in bytes (k, m, g) and times in milliseconds (ms, s, m,
// h, d).
#ifndef RAVELIN_CONFIG_QUANTITY_H
#define RAVELIN_CONFIG_QUANTITY_H

#include <stdint.h>

enum quantity { QUANTITY_NUMBER, QUANTITY_SIZE, QUANTITY_TIME };

// Returns NULL and the value, or what is wrong. 0 needs no unit.
const char *quantity_parse(enum quantity quantity, const char *text, uint64_t *value);

#define QUANTITY_TEXT_SIZE 32
// With the largest unit that fits without a rest: 90000 ms is "90s", 3600000 ms is "1h".
void quantity_format(enum quantity quantity, uint64_t value, char text[QUANTITY_TEXT_SIZE]);

#endif
