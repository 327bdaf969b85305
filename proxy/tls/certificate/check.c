#include "tls/certificate/check.h"

#include "config/report.h"
#include "tls/certificate/chain.h"
#include "tls/certificate/client_auth.h"
#include "tls/certificate/ocsp.h"
#include "tls/certificate/ordered.h"
#include "tls/certificate/private_key.h"
#include "tls/policy.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum { WARNINGS_MAX = 100, WARNINGS_END = 64 }; // lines; room for how many more there were

struct check {
    const struct config *config;
    const struct bundle *files;
    const struct bundle *keys;
    struct findings *findings;
    struct report errors;
    struct report warnings;
    size_t warnings_left_out;
};

static void warn(struct check *check, int line, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static void warn(struct check *check, int line, const char *format, ...) {
    char text[CHAIN_ERROR_SIZE];
    va_list arguments;
    if (check->warnings.count == WARNINGS_MAX) {
        check->warnings_left_out++;
        return;
    }
    va_start(arguments, format);
    (void)vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    report_add(&check->warnings, line, "%s", text);
}

static void note_terms(struct check *check, size_t site, size_t index, const struct chain *chain) {
    struct term term = term_begin(TERM_CERTIFICATE, (uint32_t)site, (uint32_t)index);
    for (size_t i = 0; i < chain->count; i++) {
        const struct certificate *certificate = &chain->certificates[i];
        // Clients do not check a root at the end of a chain, because they have their own copy.
        if (i == 0 || !certificate->is_self_issued) {
            term_add(&term, chain->numbers[i], certificate->not_before, certificate->not_after);
        } else {
            break;
        }
    }
    findings_add(check->findings, check->config, term);
}

static void check_key(struct check *check, const struct config_certificate *entry,
                      const struct certificate *leaf) {
    struct private_key key;
    char why[PEM_WHY_SIZE];
    if (private_key_read(bundle_file(check->keys, entry->key_path), &key, why) != RESULT_OK) {
        report_add(&check->errors, entry->key_line, "%s: %s", entry->key_path, why);
        return;
    }
    if (!private_key_fits(&key, leaf)) {
        report_add(&check->errors, entry->key_line, "%s: the key does not match the certificate",
                   entry->key_path);
    }
    private_key_free(&key);
}

// The certificate of the chain that has issued its leaf; NULL: not in the file.
static const struct certificate *issuer_of(const struct chain *chain) {
    const struct certificate *leaf = &chain->certificates[0];
    return chain->count > 1 ? &chain->certificates[1] : leaf->is_self_issued ? leaf : NULL;
}

static enum result verify_ocsp(const struct config_certificate *entry, const struct chain *chain,
                               const struct ocsp *ocsp, char why[CHAIN_ERROR_SIZE]) {
    const struct certificate *issuer = issuer_of(chain);
    if (issuer == NULL) {
        (void)snprintf(why, CHAIN_ERROR_SIZE,
                       "it cannot be verified without the certificate of the issuer; add that to "
                       "%.*s",
                       REPORT_QUOTE_MAX, entry->certificate_path);
        return RESULT_ERROR;
    }
    return ocsp_verify(ocsp, issuer, why);
}

static void check_ocsp(struct check *check, size_t site, size_t index, const struct chain *chain) {
    const struct config_certificate *entry = &check->config->sites[site].certificates[index];
    struct ocsp ocsp;
    char why[CHAIN_ERROR_SIZE];
    if (entry->ocsp_path == NULL) {
        return;
    }
    if (ocsp_read(bundle_file(check->files, entry->ocsp_path), &chain->certificates[0], &ocsp,
                  why) != RESULT_OK) {
        report_add(&check->errors, entry->ocsp_line, "%s: %s", entry->ocsp_path, why);
        return;
    }
    if (verify_ocsp(entry, chain, &ocsp, why) != RESULT_OK) {
        report_add(&check->errors, entry->ocsp_line, "%s: %s", entry->ocsp_path, why);
        ocsp_free(&ocsp);
        return;
    }
    if (ocsp.status != OCSP_GOOD) {
        warn(check, entry->ocsp_line, "%s: it says that the certificate is %s", entry->ocsp_path,
             ocsp.status == OCSP_REVOKED ? "revoked" : "unknown");
    }
    // A response is valid for days, and a job replaces it. So only its end is worth a warning.
    struct term term = term_begin(TERM_OCSP, (uint32_t)site, (uint32_t)index);
    term.from = ocsp.from;
    term.until = ocsp.until;
    findings_add(check->findings, check->config, term);
    ocsp_free(&ocsp);
}

// Checks which names of a site its certificates cover; the first is the site's own.
struct names {
    const struct config_site *site;
    bool *covered; // site->alias_count + 1
};

static const char *name_at(const struct config_site *site, size_t index) {
    return index == 0 ? site->name : site->aliases[index - 1];
}

static void note_names(const struct names *names, const struct certificate *leaf) {
    for (size_t i = 0; i <= names->site->alias_count; i++) {
        const char *name = name_at(names->site, i);
        names->covered[i] =
            names->covered[i] || strcmp(name, "*") == 0 || certificate_covers(leaf, name);
    }
}

static void check_certificate(struct check *check, size_t site, size_t index,
                              const struct names *names) {
    const struct config_certificate *entry = &check->config->sites[site].certificates[index];
    struct chain chain;
    char why[CHAIN_ERROR_SIZE];
    struct slice pem = ordered_certificate(entry, check->files, why);
    if (entry->acme_name != NULL && pem.data == NULL) {
        return; // the start makes it
    }
    if (why[0] != '\0') {
        warn(check, entry->line, "%s: %s; Ravelin's own certificate is used until there is another",
             entry->certificate_path, why);
    }
    if (chain_read(pem, &chain, why) != RESULT_OK) {
        report_add(&check->errors, entry->line, "%s: %s", entry->certificate_path, why);
        return;
    }
    if (chain_judge(&chain, why) != RESULT_OK) {
        report_add(&check->errors, entry->line, "%s: %s", entry->certificate_path, why);
    } else {
        check_key(check, entry, &chain.certificates[0]);
        check_ocsp(check, site, index, &chain);
        note_terms(check, site, index, &chain);
        note_names(names, &chain.certificates[0]);
    }
    chain_free(&chain);
}

static void warn_names(struct check *check, const struct names *names) {
    for (size_t i = 0; i <= names->site->alias_count; i++) {
        if (!names->covered[i]) {
            warn(check, names->site->line,
                 "site '%.*s': no certificate covers the host name '%.*s'", REPORT_QUOTE_MAX,
                 names->site->name, REPORT_QUOTE_MAX, name_at(names->site, i));
        }
    }
}

static void note_client_terms(struct check *check, size_t site, const struct client_auth *auth) {
    struct term authorities = term_begin(TERM_CLIENT_CA, (uint32_t)site, 0);
    struct term crls = term_begin(TERM_CLIENT_CRL, (uint32_t)site, 0);
    client_auth_terms(auth, &authorities, &crls);
    findings_add(check->findings, check->config, authorities);
    if (check->config->sites[site].client_crl_path != NULL) {
        findings_add(check->findings, check->config, crls);
    }
}

static void check_clients(struct check *check, size_t index) {
    const struct config_site *site = &check->config->sites[index];
    char why[CLIENT_AUTH_ERROR_SIZE];
    char name[NAME_TEXT_SIZE];
    bool in_crl = false;
    if (site->client_ca_path == NULL) {
        return;
    }
    struct client_auth *auth = client_auth_open(site, check->files, why, &in_crl);
    if (auth != NULL && client_auth_verify_crls(auth, why) != RESULT_OK) {
        in_crl = true;
        client_auth_free(auth);
        auth = NULL;
    }
    if (auth == NULL) {
        report_add(&check->errors, in_crl ? site->client_crl_line : site->client_ca_line, "%s: %s",
                   in_crl ? site->client_crl_path : site->client_ca_path, why);
        return;
    }
    const char *uncovered = client_auth_without_crl(auth, name);
    if (uncovered != NULL) {
        warn(check, site->client_crl_line, "%s: no list of %s in it: its clients are refused",
             site->client_crl_path, uncovered);
    }
    note_client_terms(check, index, auth);
    client_auth_free(auth);
}

// Whether a certificate of the site is missing because Ravelin has not started yet.
static bool is_to_be_made(const struct check *check, size_t index) {
    const struct config_site *site = &check->config->sites[index];
    bool missing = false;
    for (size_t i = 0; i < site->certificate_count; i++) {
        const char *path = site->certificates[i].certificate_path;
        missing |= bundle_file(check->files, path).data == NULL;
    }
    return missing;
}

static void check_site(struct check *check, size_t index) {
    const struct config_site *site = &check->config->sites[index];
    struct names names = {site, calloc(site->alias_count + 1, sizeof(bool))};
    if (names.covered == NULL) {
        report_out_of_memory(&check->errors);
        return;
    }
    size_t errors = check->errors.count;
    for (size_t i = 0; i < site->certificate_count; i++) {
        check_certificate(check, index, i, &names);
    }
    check_clients(check, index);
    if (check->errors.count == errors && !is_to_be_made(check, index)) {
        warn_names(check, &names);
    }
    free(names.covered);
}

enum result tls_check(const struct config *config, const struct bundle *files,
                      const struct bundle *keys, struct findings *findings,
                      char error[CONFIG_ERROR_SIZE]) {
    struct check check = {.config = config, .files = files, .keys = keys, .findings = findings};
    report_init(&check.errors, config->path, error, CONFIG_ERROR_SIZE);
    report_init(&check.warnings, config->path, findings->warnings,
                FINDINGS_TEXT_SIZE - WARNINGS_END);
    check.errors.parts = check.warnings.parts = &config->parts;
    if (config->tls.require_post_quantum && !policy_has_post_quantum()) {
        report_add(
            &check.errors, 0,
            "require-post-quantum: the TLS library of this build has no post-quantum groups");
    }
    for (size_t i = 0; i < config->site_count; i++) {
        check_site(&check, i);
    }
    if (check.warnings_left_out > 0) {
        size_t used = strlen(findings->warnings);
        (void)snprintf(findings->warnings + used, FINDINGS_TEXT_SIZE - used,
                       "\nand %zu more warnings", check.warnings_left_out);
    }
    return report_is_empty(&check.errors) ? RESULT_OK : RESULT_ERROR;
}
