// Writes the parts of JSON that need care.
#ifndef RAVELIN_BASE_JSON_H
#define RAVELIN_BASE_JSON_H

#include <stdio.h>

// The text in quotes, whatever is in it: bytes that are no printable UTF-8 become '?'.
void json_put_string(FILE *output, const char *text);

#endif
