#include "doctor/path.h"

#include <stdio.h>

// Bounds the work for a hostile set of certificates.
enum { SIGNATURES_MAX = 64 };

struct search {
    const struct x509 *sent;
    size_t sent_count;
    const struct trust *trust;
    int64_t now;
    bool only_valid; // certificates out of date are passed over
    unsigned signatures;
    struct path *path;
};

// "BEFORE subject BETWEEN name AFTER"
static void explain(struct search *search, const struct x509 *certificate, struct slice name,
                    const char *before, const char *between, const char *after) {
    char subject[X509_TEXT_SIZE];
    char other[X509_TEXT_SIZE];
    x509_name_text(certificate->subject, subject);
    x509_name_text(name, other);
    (void)snprintf(search->path->why, PATH_TEXT_SIZE, "%s%s%s%s%s", before, subject, between, other,
                   after);
}

static bool is_valid(const struct x509 *certificate, int64_t now) {
    return certificate->not_before <= now && now <= certificate->not_after;
}

// Whether `issuer` may issue certificates with `below` authorities between itself and the leaf.
static bool may_issue(const struct x509 *issuer, size_t below) {
    return issuer->is_ca && (issuer->path_length < 0 || (size_t)issuer->path_length >= below) &&
           (!issuer->has_key_usage || (issuer->key_usage & KEY_USAGE_CERT_SIGN) != 0) &&
           !issuer->has_unknown_critical;
}

static enum verdict verify(struct search *search, const struct x509 *issuer,
                           const struct x509 *certificate) {
    if (search->signatures >= SIGNATURES_MAX) {
        return VERDICT_UNKNOWN;
    }
    search->signatures++;
    return verify_signature(&issuer->key, certificate->method, certificate->signed_part,
                            certificate->signature);
}

// Whether the last certificate of the path was issued by this one.
static bool issued(struct search *search, const struct x509 *issuer) {
    struct path *path = search->path;
    const struct x509 *last = path->certificates[path->count - 1];
    if (!slice_equal(issuer->subject, last->issuer)) {
        return false;
    }
    switch (verify(search, issuer, last)) {
    case VERDICT_GOOD:
        return true;
    case VERDICT_BAD:
        explain(search, last, issuer->subject, "the signature on ", " is not one of ", "");
        return false;
    default: {
        char subject[X509_TEXT_SIZE];
        x509_name_text(last->subject, subject);
        (void)snprintf(path->why, PATH_TEXT_SIZE,
                       "the signature on %s (%s) cannot be verified by this build, and should be "
                       "none that anybody trusts",
                       subject, last->method.name);
        return false;
    }
    }
}

static bool in_path(const struct path *path, const struct x509 *certificate) {
    for (size_t i = 0; i < path->count; i++) {
        if (path->certificates[i] == certificate ||
            slice_equal(path->certificates[i]->whole, certificate->whole)) {
            return true;
        }
    }
    return false;
}

static bool find_anchor(struct search *search) {
    for (size_t i = 0; i < search->trust->count; i++) {
        const struct x509 *anchor = &search->trust->anchors[i];
        if (issued(search, anchor)) {
            search->path->anchor = anchor;
            return true;
        }
    }
    return false;
}

// Whether the last certificate is itself an authority that is trusted.
static bool is_anchor(struct search *search) {
    const struct x509 *last = search->path->certificates[search->path->count - 1];
    for (size_t i = 0; i < search->trust->count; i++) {
        if (slice_equal(search->trust->anchors[i].whole, last->whole)) {
            search->path->anchor = &search->trust->anchors[i];
            return true;
        }
    }
    return false;
}

// Searches from the last certificate of the path on. Recursion is as deep as the longest path.
static bool go_on(struct search *search) { // NOLINT(misc-no-recursion)
    struct path *path = search->path;
    if (is_anchor(search) || find_anchor(search)) {
        return true;
    }
    for (size_t i = 1; i < search->sent_count && path->count < PATH_MAX_LENGTH; i++) {
        const struct x509 *issuer = &search->sent[i];
        if (in_path(path, issuer) || (search->only_valid && !is_valid(issuer, search->now)) ||
            !issued(search, issuer)) {
            continue;
        }
        if (!may_issue(issuer, path->count - 1)) {
            explain(search, issuer, path->certificates[path->count - 1]->subject, "",
                    " must not issue ", ": it is no authority for that");
            continue;
        }
        path->certificates[path->count++] = issuer;
        if (go_on(search)) {
            return true;
        }
        path->count--;
    }
    return false;
}

// Writes a usual reason, if no special one was found.
static void explain_end(struct search *search) {
    const struct x509 *last = &search->sent[0];
    for (size_t i = 0; i < search->sent_count; i++) { // follow the names as far as possible
        for (size_t k = 1; k < search->sent_count; k++) {
            const struct x509 *next = &search->sent[k];
            if (next != last && slice_equal(next->subject, last->issuer) &&
                !slice_equal(next->subject, last->subject)) {
                last = next;
                break;
            }
        }
    }
    if (!slice_equal(last->subject, last->issuer)) {
        explain(search, last, last->issuer, "the issuer of ", ", ",
                ", was not sent and is not trusted");
    } else if (last == &search->sent[0]) {
        explain(search, last, last->issuer, "", " is signed by ", " itself, and not trusted");
    } else {
        explain(search, search->sent, last->subject, "the chain of ", " ends with ",
                ", which is not trusted");
    }
}

static bool search_once(struct search *search, bool only_valid) {
    struct path *path = search->path;
    *path = (struct path){.count = 1, .certificates = {&search->sent[0]}};
    search->only_valid = only_valid;
    return go_on(search);
}

void path_find(const struct x509 *sent, size_t sent_count, const struct trust *trust, int64_t now,
               struct path *path) {
    struct search search = {
        .sent = sent, .sent_count = sent_count, .trust = trust, .now = now, .path = path};
    *path = (struct path){0};
    if (sent_count == 0) {
        (void)snprintf(path->why, PATH_TEXT_SIZE, "the server showed no certificate");
        return;
    }
    path->found = search_once(&search, true) || search_once(&search, false);
    if (!path->found) {
        if (path->why[0] == '\0') {
            explain_end(&search);
        }
        return;
    }
    for (size_t i = 0; i < path->count; i++) {
        path->has_name_constraints |= path->certificates[i]->has_name_constraints;
    }
}
