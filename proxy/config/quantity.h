// Numbers with units: plain numbers, sizes in bytes (k, m, g: 1024 and its powers) and times in
// milliseconds (ms, s, m, h, d). No I/O.
#ifndef RAVELIN_CONFIG_QUANTITY_H
#define RAVELIN_CONFIG_QUANTITY_H

#include <stdint.h>

enum quantity { QUANTITY_NUMBER, QUANTITY_SIZE, QUANTITY_TIME };

// Returns NULL and sets *value, or returns a static text with the problem. 0 needs no unit.
const char *quantity_parse(enum quantity quantity, const char *text, uint64_t *value);

#define QUANTITY_TEXT_SIZE 32
// Writes the value with the largest unit that divides it: 90000 ms is "90s", 3600000 ms is "1h".
void quantity_format(enum quantity quantity, uint64_t value, char text[QUANTITY_TEXT_SIZE]);

#endif
