// The TLS policy: what Ravelin negotiates. Not configurable downward.
#ifndef RAVELIN_TLS_POLICY_H
#define RAVELIN_TLS_POLICY_H

#include <stdbool.h>

// False if the linked wolfSSL has no ML-KEM.
bool policy_has_post_quantum(void);

#endif
