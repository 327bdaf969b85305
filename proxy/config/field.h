// Header fields in the configuration: which fields a route may set or remove. No I/O.
//
// A route may not change the fields that frame a message, that belong to one connection, or in
// which Ravelin says who the client is. Otherwise the server could read another message than
// Ravelin.
#ifndef RAVELIN_CONFIG_FIELD_H
#define RAVELIN_CONFIG_FIELD_H

#include "base/slice.h"

// NULL: `name` is a token (RFC 9110 5.6.2), so it can name a header field or a cookie. Otherwise a
// static text with the problem.
const char *field_check_token(struct slice name);
// NULL: a route may set and remove this field. Otherwise a static text with the problem.
const char *field_check_name(struct slice name);
// Reads "Name: value". NULL: *line is the canonical field, the caller's to free (NULL if memory is
// short). Otherwise a static text with the problem.
const char *field_parse(const char *text, char **line);

#endif
