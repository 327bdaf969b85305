// Checks the targets of redirects.
#ifndef RAVELIN_CONFIG_URL_H
#define RAVELIN_CONFIG_URL_H

// NULL: `text` is an https or http URL or a path, of at most PREFIX_MAX_SIZE bytes. Otherwise why
// not, a static text; "" if it is neither.
const char *url_refusal(const char *text);
// The same for the login page of `authorize`: LOGIN_BY_SERVER, a path or an https URL.
const char *url_login_refusal(const char *text);

#endif
