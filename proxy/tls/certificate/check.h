// Checks the certificates and keys of a bundle: are they well-formed and strong enough, and does
// each key match its certificate? Only the validator and `ravelin check` call it; workers use the
// bundle without these checks. Only this module and the signer read keys.
//
// An error refuses the bundle; a warning does not. A certificate that has expired, or does not
// cover its host name, is a warning, because Ravelin must start after it. Every error has
// file:line, the path of the file, and the number and subject of the certificate.
#ifndef RAVELIN_TLS_CERTIFICATE_CHECK_H
#define RAVELIN_TLS_CERTIFICATE_CHECK_H

#include "config/bundle.h"
#include "config/config.h"
#include "tls/certificate/findings.h"

//   findings  out: warnings and validity periods
//   ERROR     `error` has a line for each wrong file
enum result tls_check(const struct config *config, const struct bundle *files,
                      const struct bundle *keys, struct findings *findings,
                      char error[CONFIG_ERROR_SIZE]) MUST_CHECK;

#endif
