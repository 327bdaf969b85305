// Judges what an authority has sent, before it is used: the answer comes from the network, and a
// certificate that does not fit would refuse every later configuration.
#ifndef RAVELIN_ACME_RECEIPT_H
#define RAVELIN_ACME_RECEIPT_H

#include "base/slice.h"

#include <stdbool.h>
#include <stdint.h>

#define RECEIPT_SIZE_MAX 65536 // of a certificate with its chain
#define RECEIPT_WHY_SIZE 2560

struct receipt {
    int64_t not_before;
    int64_t not_after;
};

// True: a certificate with its chain, in PEM, that Ravelin accepts. It has the key of the request,
// covers `name` and is valid at `now_s`. False: `why` has the reason, in any bytes.
//   request  PEM, see tls/certificate/issue.h
bool receipt_judge(struct slice pem, struct slice request, const char *name, int64_t now_s,
                   struct receipt *receipt, char why[RECEIPT_WHY_SIZE]);

#endif
