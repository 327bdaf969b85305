// Header fields in the configuration: which fields a route may set or remove. No I/O.
//
// A route must not change fields that frame a message, that belong to one connection, or in which
// Ravelin reports the client. Otherwise the server could read another message than Ravelin.
#ifndef RAVELIN_CONFIG_FIELD_H
#define RAVELIN_CONFIG_FIELD_H

#include "base/slice.h"

// NULL: `name` is a token (RFC 9110 5.6.2), so it can name a header field or a cookie. Otherwise a
// static text with the problem.
const char *field_check_token(struct slice name);
// NULL: a route may set and remove this field. Otherwise a static text with the problem.
const char *field_check_name(struct slice name);
// NULL: this field may be copied from the response of one server to the request for another, and to
// the response for a client. Excluded are fields that frame or encode a body, and names that a
// server could read as a field of Ravelin ("X_Forwarded_For").
const char *field_check_copied(struct slice name);

// A copy of a field from one message to another, as configured: "Name", or "Name>Other" to rename
// it.
//
// NULL: `text` is such a copy, and field_check_copied() accepts the new name. Otherwise a static
// text with the problem.
const char *field_check_copy(const char *text);
// The name in the message from which the field is copied.
struct slice field_copy_source(const char *text);
// The name in the message to which the field is copied; a part of `text`.
char *field_copy_target(char *text);

// Reads "Name: value". NULL: *line is the canonical field, the caller's to free (NULL if memory is
// short). Otherwise a static text with the problem.
const char *field_parse(const char *text, char **line);

// The same for a field whose value the access log may have.
const char *field_check_logged(struct slice name);

#endif
