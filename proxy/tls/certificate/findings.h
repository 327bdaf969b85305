// The findings of a check of certificates (check.h): warnings, and terms: the dates between which
// the certificates and lists of a file are valid.
//
// The validator fills the findings. The master does not trust that process. The mapping is a region
// (base/region.h), which the master lends for one fork. When the validator has ended, the master
// copies the findings into memory of its own (findings_settle()). The copy has only terms that fit
// the configuration, and printable text.
#ifndef RAVELIN_TLS_CERTIFICATE_FINDINGS_H
#define RAVELIN_TLS_CERTIFICATE_FINDINGS_H

#include "config/config.h"

#define FINDINGS_TEXT_SIZE 65536
#define TERM_TEXT_SIZE 512
#define TERM_WARN_DAYS 21 // upper bound: see term_warning_time()

enum term_kind { TERM_CERTIFICATE, TERM_OCSP, TERM_CLIENT_CA, TERM_CLIENT_CRL, TERM_KIND_COUNT };

// The validity of a file, in seconds since 1970.
struct term {
    uint32_t kind;
    uint32_t site;        // index into config->sites
    uint32_t certificate; // index into its certificates; 0: the term is about clients
    uint32_t number;      // position of the first certificate to expire, from 1; 0: the whole file
    uint32_t warn_number; // position of the certificate of warn_until
    int64_t from;
    int64_t until;
    int64_t warn_from;  // time of the first warning; INT64_MAX: never
    int64_t warn_until; // end of the certificate of the first warning
};

struct findings {
    char warnings[FINDINGS_TEXT_SIZE]; // lines "file:line: problem" (config/report.h)
    uint32_t count;
    struct term terms[];
};

// Maps empty findings with room for all terms of this configuration. NULL: memory is short.
struct findings *findings_map(const struct config *config);
// Sets whether processes that are forked from now on can write the findings. Does nothing to NULL.
void findings_lend(struct findings *findings, const struct config *config, bool lend);
// Returns a private, checked copy, and unmaps `findings`, on failure too. NULL: memory is short.
struct findings *findings_settle(struct findings *findings, const struct config *config);
void findings_unmap(struct findings *findings, const struct config *config); // does nothing to NULL

// The time from which to warn that a certificate expires: when a third of its lifetime is left, but
// at most TERM_WARN_DAYS before its end. So a new certificate for six days gets no warning.
int64_t term_warning_time(int64_t not_before, int64_t not_after);
// Begin with a term that never ends, then add each certificate that must be valid in it.
struct term term_begin(enum term_kind kind, uint32_t site, uint32_t certificate);
void term_add(struct term *term, uint32_t number, int64_t not_before, int64_t not_after);

// For check.c: adds a term. Does nothing if there is no room.
void findings_add(struct findings *findings, const struct config *config, struct term term);

// The term at `index`. NULL: beyond the last, or the term does not fit the configuration.
const struct term *findings_term(const struct findings *findings, const struct config *config,
                                 size_t index);
// True if a term needs a warning at `now`: it has not begun, has ended or ends soon. `text` is then
// "file:line: path: it expires on ..., in 3 days".
bool term_warning(const struct term *term, const struct config *config, int64_t now,
                  char text[TERM_TEXT_SIZE]);
#endif
