// SHA-256 as people compare it: in hexadecimal digits, like sha256sum writes it.
#ifndef RAVELIN_TLS_DIGEST_H
#define RAVELIN_TLS_DIGEST_H

#include "base/slice.h"

#define DIGEST_TEXT_SIZE 65

void digest_text(struct slice data, char text[DIGEST_TEXT_SIZE]);

#endif
