// Checks the target of a redirect.
#ifndef RAVELIN_CONFIG_URL_H
#define RAVELIN_CONFIG_URL_H

// NULL: `text` is an https or http URL or a path, of at most PREFIX_MAX_SIZE bytes. Otherwise why
// not, a static text; "" if it is neither.
const char *url_refusal(const char *text);

#endif
