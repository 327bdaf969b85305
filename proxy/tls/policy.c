#include "tls/policy.h"

#include <wolfssl/options.h>

bool policy_has_post_quantum(void) {
#ifdef WOLFSSL_HAVE_MLKEM
    return true;
#else
    return false;
#endif
}
