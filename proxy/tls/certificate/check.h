// The judge of a bundle: are its certificates and keys well-formed, strong enough, and do they
// belong together? For the validator and `ravelin check` only: this and the signer are the only
// places that read keys, and the only place that judges; workers take what was found to be good.
//
// Errors refuse the bundle, warnings do not: a certificate that has expired or does not name its
// site is served, as other servers do it, because a proxy must start. Every error says file:line,
// the file it is about, and which of the certificates in it by number and subject.
#ifndef RAVELIN_TLS_CERTIFICATE_CHECK_H
#define RAVELIN_TLS_CERTIFICATE_CHECK_H

#include "config/bundle.h"
#include "config/config.h"
#include "tls/certificate/findings.h"

// On failure `error` holds a line for each file that is no good.
enum result tls_check(const struct config *config, const struct bundle *files,
                      const struct bundle *keys, struct findings *findings,
                      char error[CONFIG_ERROR_SIZE]) MUST_CHECK;

#endif
