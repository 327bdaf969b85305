// The table of checks: what each check sends, why it matters, and its function.
#ifndef RAVELIN_DOCTOR_CHECKS_H
#define RAVELIN_DOCTOR_CHECKS_H

#include "doctor/audit.h"

enum outcome {
    OUTCOME_PASS,
    OUTCOME_FAIL,
    OUTCOME_WARN, // a recommendation, or a fact that cannot be determined from outside
    OUTCOME_SKIP, // the check does not apply
};

#define FINDING_TEXT_SIZE 448

struct finding {
    enum outcome outcome;
    char came[FINDING_TEXT_SIZE]; // what the server replied
};

// Requirement of a check. Without it, the check is skipped with a reason.
enum check_need {
    NEED_NOTHING,
    NEED_TLS,         // any version of TLS
    NEED_TLS13,       // a completed TLS 1.3 handshake
    NEED_HTTP,        // also HTTP/1.x that responds to a normal request
    NEED_HTTP2,       // HTTP/2 over TLS 1.3 that responds to a normal request
    NEED_CERTIFICATE, // at least one valid certificate
};

struct check {
    const char *id;    // for programs: never changes
    const char *title; // the expected behaviour
    const char *tried; // what the check sends
    const char *why;   // why it matters
    enum check_need need;
    void (*function)(struct audit *audit, struct finding *finding);
};

extern const struct check CHECKS[];
extern const size_t CHECK_COUNT;

// Runs a check.
void check_run(const struct check *check, struct audit *audit, struct finding *finding);

// For check functions: sets the outcome and the text, as printf does.
void finding_set(struct finding *finding, enum outcome outcome, const char *came, ...)
    __attribute__((format(printf, 3, 4)));
// Sets the outcome of a check that expects a refusal.
void finding_refused(struct finding *finding, const struct answer *answer);

// checks_versions.c
void check_ssl2(struct audit *audit, struct finding *finding);
void check_ssl2_format(struct audit *audit, struct finding *finding);
void check_ssl3(struct audit *audit, struct finding *finding);
void check_tls10(struct audit *audit, struct finding *finding);
void check_tls11(struct audit *audit, struct finding *finding);
void check_tls12(struct audit *audit, struct finding *finding);
void check_tls13(struct audit *audit, struct finding *finding);
void check_fallback(struct audit *audit, struct finding *finding);
void check_downgrade_mark(struct audit *audit, struct finding *finding);
// checks_suites.c
void check_export(struct audit *audit, struct finding *finding);
void check_null(struct audit *audit, struct finding *finding);
void check_anonymous(struct audit *audit, struct finding *finding);
void check_rc4(struct audit *audit, struct finding *finding);
void check_des(struct audit *audit, struct finding *finding);
void check_cbc(struct audit *audit, struct finding *finding);
void check_static_keys(struct audit *audit, struct finding *finding);
void check_tls13_suites(struct audit *audit, struct finding *finding);
// checks_groups.c
void check_weak_groups(struct audit *audit, struct finding *finding);
void check_unknown_groups(struct audit *audit, struct finding *finding);
void check_finite_fields(struct audit *audit, struct finding *finding);
void check_secp521r1(struct audit *audit, struct finding *finding);
void check_post_quantum(struct audit *audit, struct finding *finding);
void check_weak_signatures(struct audit *audit, struct finding *finding);
// checks_protocol.c
void check_compression(struct audit *audit, struct finding *finding);
void check_renegotiation(struct audit *audit, struct finding *finding);
void check_plain_http(struct audit *audit, struct finding *finding);
void check_close_notify(struct audit *audit, struct finding *finding);
// checks_resumption.c
void check_resumption(struct audit *audit, struct finding *finding);
void check_psk_only(struct audit *audit, struct finding *finding);
void check_early_data(struct audit *audit, struct finding *finding);
void check_other_name(struct audit *audit, struct finding *finding);
// checks_http.c
void check_bare_lf(struct audit *audit, struct finding *finding);
void check_length_and_chunks(struct audit *audit, struct finding *finding);
void check_two_lengths(struct audit *audit, struct finding *finding);
void check_folding(struct audit *audit, struct finding *finding);
void check_other_host(struct audit *audit, struct finding *finding);
// checks_http2.c
void check_http2_ping(struct audit *audit, struct finding *finding);
void check_http2_settings(struct audit *audit, struct finding *finding);
void check_http2_empty(struct audit *audit, struct finding *finding);
void check_http2_continuation(struct audit *audit, struct finding *finding);
void check_http2_rapid_reset(struct audit *audit, struct finding *finding);
void check_http2_made_resets(struct audit *audit, struct finding *finding);
void check_http2_line_break(struct audit *audit, struct finding *finding);
void check_http2_coding(struct audit *audit, struct finding *finding);
void check_http2_length(struct audit *audit, struct finding *finding);
void check_http2_path(struct audit *audit, struct finding *finding);
void check_http2_other_host(struct audit *audit, struct finding *finding);
// checks_certificate.c
void check_chain(struct audit *audit, struct finding *finding);
void check_dates(struct audit *audit, struct finding *finding);
void check_name(struct audit *audit, struct finding *finding);
void check_key(struct audit *audit, struct finding *finding);
void check_signatures(struct audit *audit, struct finding *finding);
void check_staple(struct audit *audit, struct finding *finding);

#endif
