// What a look at a bundle's certificates found: warnings, and when what is in them begins and ends
// to be valid.
//
// tls/check fills it in the validator, a process that the master does not trust. The mapping is a
// region (base/region.h), shared with that process only: the master lends it for one fork, and
// copies it into another, which is lent to nobody, when the validator has ended
// (findings_settle()). The copy holds only terms that fit the config, and text that is printable.
#ifndef RAVELIN_TLS_CERTIFICATE_FINDINGS_H
#define RAVELIN_TLS_CERTIFICATE_FINDINGS_H

#include "config/config.h"

#define FINDINGS_TEXT_SIZE 65536
#define TERM_TEXT_SIZE 512
#define TERM_WARN_DAYS 21 // at most: see term_warning_time()

enum term_kind { TERM_CERTIFICATE, TERM_OCSP, TERM_CLIENT_CA, TERM_CLIENT_CRL, TERM_KIND_COUNT };

// When something of a file is valid, in seconds since 1970.
struct term {
    uint32_t kind;
    uint32_t site;        // index into config->sites
    uint32_t certificate; // index into its certificates; 0 when it is about clients
    uint32_t number;      // of the first certificate to end, from 1; 0: the file as a whole
    uint32_t warn_number; // of the certificate that warn_until is about
    int64_t from;
    int64_t until;
    int64_t warn_from;  // when a warning about warn_until begins; INT64_MAX: never
    int64_t warn_until; // end of the certificate whose warning begins first
};

struct findings {
    char warnings[FINDINGS_TEXT_SIZE]; // lines "file:line: what", as report.h writes them
    uint32_t count;
    struct term terms[];
};

// Room for all that this config can give, empty, for the process that maps it and the one that it
// lends it to. NULL when memory is short.
struct findings *findings_map(const struct config *config);
// Whether the processes that are forked from now on share it. NULL is fine.
void findings_lend(struct findings *findings, const struct config *config, bool lend);
// Replaces it by a private, checked copy. Takes `findings`, on failure too. NULL: memory is short.
struct findings *findings_settle(struct findings *findings, const struct config *config);
void findings_unmap(struct findings *findings, const struct config *config); // NULL is fine

// When to warn that a certificate ends: when a third of its lifetime is left, at most
// TERM_WARN_DAYS before its end. A fresh certificate that lives for six days is thus not warned
// about.
int64_t term_warning_time(int64_t not_before, int64_t not_after);
// A term that ends never, and one more certificate that has to be valid in it.
struct term term_begin(enum term_kind kind, uint32_t site, uint32_t certificate);
void term_add(struct term *term, uint32_t number, int64_t not_before, int64_t not_after);

// For tls/check: notes one; more than there is room for are left out.
void findings_add(struct findings *findings, const struct config *config, struct term term);

// The i-th term, or NULL past the last (or for one that fits nothing in the config).
const struct term *findings_term(const struct findings *findings, const struct config *config,
                                 size_t index);
// Whether something is to be said about a term now: it has not begun, is over or ends soon. `text`
// is then "file:line: path: it expires on ..., in 3 days".
bool term_warning(const struct term *term, const struct config *config, int64_t now,
                  char text[TERM_TEXT_SIZE]);
#endif
