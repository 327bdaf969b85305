// Checks the certificate that a CA has issued before it is used, because it comes from the network,
// and an invalid certificate would make later reloads fail.
#ifndef RAVELIN_ACME_RECEIPT_H
#define RAVELIN_ACME_RECEIPT_H

#include "base/slice.h"
#include "config/acme.h"

#include <stdbool.h>
#include <stdint.h>

#define RECEIPT_SIZE_MAX ACME_CERTIFICATE_MAX
#define RECEIPT_WHY_SIZE 2560

struct receipt {
    int64_t not_before;
    int64_t not_after;
    bool has_expired; // that is all that is wrong with it
};

// True: a certificate with its chain, in PEM, that Ravelin accepts. It has the key of the request,
// covers `name` and is valid at `now_s`. False: `why` has the reason, which may contain any bytes.
//   request  PEM, see tls/certificate/issue.h
bool receipt_judge(struct slice pem, struct slice request, const char *name, int64_t now_s,
                   struct receipt *receipt, char why[RECEIPT_WHY_SIZE]);

#endif
