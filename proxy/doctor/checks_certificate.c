// The certificates of a server.
#include "doctor/checks.h"

#include "base/clock.h"
#include "doctor/staple.h"
#include "tls/certificate/findings.h"

#include <arpa/inet.h>

enum { DAY_S = 86400, RSA_BITS_MIN = 2048 };

void check_chain(struct audit *audit, struct finding *finding) {
    const struct path *path = &audit->path;
    const struct x509 *leaf = &audit->certificates[0];
    char text[X509_TEXT_SIZE];
    if (audit->trust.count == 0) {
        finding_set(finding, OUTCOME_FAIL,
                    "could not be checked: this machine has no file of authorities; name one with "
                    "--ca");
        return;
    }
    if (!path->found) {
        finding_set(finding, OUTCOME_FAIL, "%s", path->why);
        return;
    }
    x509_name_text(path->anchor->subject, text);
    if (leaf->has_purposes && !leaf->for_servers) {
        finding_set(finding, OUTCOME_FAIL, "the certificate is not for servers");
    } else if (leaf->has_unknown_critical) {
        finding_set(finding, OUTCOME_FAIL,
                    "the certificate has a critical extension that is not known here");
    } else if (path->has_name_constraints) {
        finding_set(finding, OUTCOME_WARN,
                    "it leads to %s, over an authority for certain names only: whether these are "
                    "among them is not looked at here",
                    text);
    } else {
        finding_set(finding, OUTCOME_PASS, "%zu certificate%s lead%s to %s", path->count,
                    path->count == 1 ? "" : "s", path->count == 1 ? "s" : "", text);
    }
}

// The certificates to check: those of the path, or all if there is no path.
static size_t certificates_that_count(const struct audit *audit, const struct x509 **list) {
    size_t count = audit->path.found ? audit->path.count : audit->certificate_count;
    count = count < CHAIN_SENT_MAX ? count : CHAIN_SENT_MAX;
    for (size_t i = 0; i < count; i++) {
        list[i] = audit->path.found ? audit->path.certificates[i] : &audit->certificates[i];
    }
    return count;
}

void check_dates(struct audit *audit, struct finding *finding) {
    const struct x509 *list[CHAIN_SENT_MAX];
    size_t count = certificates_that_count(audit, list);
    struct term term = term_begin(TERM_CERTIFICATE, 0, 0);
    char date[CLOCK_ISO_SIZE];
    char name[X509_TEXT_SIZE];
    for (size_t i = 0; i < count; i++) {
        bool is_early = audit->now < list[i]->not_before;
        if (is_early || audit->now > list[i]->not_after) {
            x509_name_text(list[i]->subject, name);
            clock_format_iso((is_early ? list[i]->not_before : list[i]->not_after) * 1000000, date);
            finding_set(finding, OUTCOME_FAIL, "%s %s %.10s", name,
                        is_early ? "is not valid before" : "expired on", date);
            return;
        }
        term_add(&term, (uint32_t)i, list[i]->not_before, list[i]->not_after);
    }
    bool is_soon = audit->now >= term.warn_from;
    int64_t end = is_soon ? term.warn_until : term.until;
    int64_t days = (end - audit->now) / DAY_S;
    clock_format_iso(end * 1000000, date);
    finding_set(finding, is_soon ? OUTCOME_WARN : OUTCOME_PASS,
                "valid until %.10s, %lld day%s from now", date, (long long)days,
                days == 1 ? "" : "s");
}

void check_name(struct audit *audit, struct finding *finding) {
    const struct target *target = &audit->target;
    const struct x509 *leaf = &audit->certificates[0];
    char names[X509_TEXT_SIZE];
    bool good;
    const char *wanted = target->name;
    if (target->name[0] != '\0') {
        good = x509_is_for_name(leaf, slice_from(target->name));
    } else {
        uint8_t address[sizeof(struct in6_addr)];
        bool is_v6 = inet_pton(AF_INET6, target->host, address) == 1;
        (void)(is_v6 || inet_pton(AF_INET, target->host, address) == 1);
        good = x509_is_for_address(leaf, (struct slice){(const char *)address, is_v6 ? 16 : 4});
        wanted = target->host;
    }
    x509_names_text(leaf, names);
    finding_set(finding, good ? OUTCOME_PASS : OUTCOME_FAIL,
                "the name %s %s; the certificate is for %s", wanted,
                good ? "is among them" : "is not among them", names);
}

static enum outcome judge_key(const struct public_key *key) {
    switch (key->kind) {
    case KEY_RSA:
        return key->bits < RSA_BITS_MIN ? OUTCOME_FAIL : OUTCOME_PASS;
    case KEY_EC:
        return key->curve == CURVE_OTHER  ? OUTCOME_WARN
               : key->curve == CURVE_WEAK ? OUTCOME_FAIL
                                          : OUTCOME_PASS;
    case KEY_ED25519:
    case KEY_ED448:
        return OUTCOME_PASS;
    case KEY_DSA:
        return OUTCOME_FAIL;
    case KEY_OTHER:
        break;
    }
    return OUTCOME_WARN;
}

void check_key(struct audit *audit, struct finding *finding) {
    const struct x509 *list[CHAIN_SENT_MAX];
    size_t count = certificates_that_count(audit, list);
    char key[X509_TEXT_SIZE];
    char name[X509_TEXT_SIZE];
    for (size_t i = 0; i < count; i++) {
        enum outcome outcome = judge_key(&list[i]->key);
        if (outcome != OUTCOME_PASS) {
            x509_key_text(&list[i]->key, key);
            x509_name_text(list[i]->subject, name);
            finding_set(finding, outcome, "%s has %s", name, key);
            return;
        }
    }
    x509_key_text(&audit->certificates[0].key, key);
    finding_set(finding, OUTCOME_PASS, "%s", key);
}

// The self-signature of a root is not verified by clients.
static bool is_self_signed(const struct x509 *certificate) {
    return slice_equal(certificate->subject, certificate->issuer);
}

static enum outcome judge_hash(enum signature_hash hash) {
    switch (hash) {
    case HASH_MD5:
    case HASH_SHA1:
        return OUTCOME_FAIL;
    case HASH_SHA224: // not broken, but no client accepts it
    case HASH_OTHER:
        return OUTCOME_WARN;
    default:
        return OUTCOME_PASS;
    }
}

void check_signatures(struct audit *audit, struct finding *finding) {
    const struct x509 *list[CHAIN_SENT_MAX];
    size_t count = certificates_that_count(audit, list);
    char name[X509_TEXT_SIZE];
    for (size_t i = 0; i < count; i++) {
        enum outcome outcome = judge_hash(list[i]->method.hash);
        if (outcome != OUTCOME_PASS && (i == 0 || !is_self_signed(list[i]))) {
            x509_name_text(list[i]->subject, name);
            finding_set(finding, outcome, "%s is signed with %s", name, list[i]->method.name);
            return;
        }
    }
    finding_set(finding, OUTCOME_PASS, "%s", audit->certificates[0].method.name);
}

void check_staple(struct audit *audit, struct finding *finding) {
    const struct x509 *leaf = &audit->certificates[0];
    const struct path *path = &audit->path;
    if (audit->staple.size == 0) {
        finding_set(finding, leaf->must_staple ? OUTCOME_FAIL : OUTCOME_PASS, "%s",
                    leaf->must_staple ? "none was sent, though the certificate says there must be"
                                      : "none was sent, and the certificate does not ask for one");
        return;
    }
    const struct x509 *issuer = NULL;
    if (path->found) {
        issuer = path->count > 1 ? path->certificates[1] : path->anchor;
    } else {
        for (size_t i = 0; i < audit->certificate_count && issuer == NULL; i++) {
            if (slice_equal(audit->certificates[i].subject, leaf->issuer)) {
                issuer = &audit->certificates[i];
            }
        }
    }
    if (issuer == NULL) {
        finding_set(finding, OUTCOME_FAIL, "one was sent, but not by whom its signature is");
        return;
    }
    char text[STAPLE_TEXT_SIZE];
    const char *why = staple_judge(audit->staple, leaf, issuer, audit->now, text);
    finding_set(finding, why == NULL ? OUTCOME_PASS : OUTCOME_FAIL, "%s%s",
                why == NULL ? "good, and signed by the right one" : "not worth anything: ",
                why == NULL ? "" : why);
}
