// The values of header fields for the access log, for access-log-request-headers and
// access-log-response-headers.
//
// Values of several fields with one name are joined with ", ". A value longer than LOGGED_VALUE_MAX
// bytes is cut between two characters, and ends with "...". A configuration without these options
// costs nothing and allocates nothing.
#ifndef RAVELIN_EXCHANGE_LOGGED_HEADERS_H
#define RAVELIN_EXCHANGE_LOGGED_HEADERS_H

#include "http/header.h"
#include "observe/access_fields.h"

#define LOGGED_VALUE_MAX 256

// Returns a value for each name, with their bytes in one block from malloc(), for free(). An empty
// value: no such field, or its value is empty. NULL: memory is short. `wanted` has at least one
// name.
struct slice *logged_headers(const struct access_headers *wanted, const struct http_fields *fields);

#endif
