// Chooses the certificate for an entry of a site. An entry that Ravelin orders (config/acme.h) has
// two: the CA's certificate, in a folder that a less trusted process can write, and one that
// Ravelin generated.
//
// The CA's certificate is used only if it has no fault. The validator and the workers both call
// this function, so they use the same certificate, and no content of that folder makes a
// configuration invalid. An expired certificate is used.
#ifndef RAVELIN_TLS_CERTIFICATE_ORDERED_H
#define RAVELIN_TLS_CERTIFICATE_ORDERED_H

#include "config/bundle.h"
#include "config/config.h"
#include "tls/certificate/chain.h"

// Returns the file, from `files`. No data: the file is missing.
//   why  out: fault of the CA's certificate, if it exists and is not used; "": none
struct slice ordered_certificate(const struct config_certificate *entry, const struct bundle *files,
                                 char why[CHAIN_ERROR_SIZE]);

#endif
