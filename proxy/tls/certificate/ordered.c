#include "tls/certificate/ordered.h"

#include <stdio.h>

static const char *compare(const struct certificate *leaf, const struct certificate *own,
                           const char *name) {
    return !slice_equal(leaf->key_info, own->key_info) ? "the key does not belong to it"
           : !certificate_covers(leaf, name)           ? "it does not cover the name"
                                                       : "";
}

static bool is_good(struct slice pem, const struct certificate *own, const char *name,
                    char why[CHAIN_ERROR_SIZE]) {
    struct chain chain;
    if (chain_read(pem, &chain, why) != RESULT_OK) {
        return false;
    }
    bool ok = chain_judge(&chain, why) == RESULT_OK;
    if (ok) {
        (void)snprintf(why, CHAIN_ERROR_SIZE, "%s", compare(&chain.certificates[0], own, name));
    }
    chain_free(&chain);
    return ok && why[0] == '\0';
}

struct slice ordered_certificate(const struct config_certificate *entry, const struct bundle *files,
                                 char why[CHAIN_ERROR_SIZE]) {
    struct slice pem = bundle_file(files, entry->certificate_path);
    struct slice own = {0};
    struct chain chain;
    why[0] = '\0';
    if (entry->acme_name != NULL) {
        own = bundle_file(files, entry->spare_path);
    }
    if (pem.data == NULL || own.data == NULL) {
        return pem.data != NULL ? pem : own;
    }
    if (chain_read(own, &chain, why) != RESULT_OK) {
        return own; // Ravelin's own file: the code that reads it reports the fault
    }
    bool good = is_good(pem, &chain.certificates[0], entry->acme_name, why);
    chain_free(&chain);
    return good ? pem : own;
}
