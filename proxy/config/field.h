// Header fields in the configuration: which a route may set or remove.
//
// Not those that frame a message or belong to one connection, and not those that are this proxy's
// own word (who the client is): a configuration that changed them would make the message mean
// something else to the server than to us.
#ifndef RAVELIN_CONFIG_FIELD_H
#define RAVELIN_CONFIG_FIELD_H

#include "base/slice.h"

// NULL for the name of a header field or a cookie, else why it is none.
const char *field_check_token(struct slice name);
// NULL when the name may be set and removed, else why not.
const char *field_check_name(struct slice name);
// "Name: value". On success NULL, and *line is the field in its one form, to be freed (NULL when
// memory is short). Else why not.
const char *field_parse(const char *text, char **line);

#endif
