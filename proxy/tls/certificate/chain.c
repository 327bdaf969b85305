#include "tls/certificate/chain.h"

#include "tls/certificate/certificate_faults.h"
#include "tls/certificate/pem_certificate.h"

#include <stdio.h>
#include <stdlib.h>

// --- Reading ---

static enum result read_one(struct chain *chain, const struct pem_block *block,
                            char why[CHAIN_ERROR_SIZE]) {
    size_t number = chain->count + 1;
    if (certificate_read(block->der, &chain->certificates[chain->count]) != RESULT_OK) {
        char fault[CERTIFICATE_FAULT_SIZE];
        (void)snprintf(why, CHAIN_ERROR_SIZE, "line %u: certificate %zu: %s", block->line, number,
                       certificate_fault(block->der, fault));
        return RESULT_ERROR;
    }
    for (size_t i = 0; i < chain->count; i++) {
        if (slice_equal(chain->certificates[i].der, block->der)) {
            char name[NAME_TEXT_SIZE];
            (void)snprintf(why, CHAIN_ERROR_SIZE, "certificate %zu (%s) is certificate %zu again",
                           number, name_for_message(chain->certificates[i].subject, name), i + 1);
            return RESULT_ERROR;
        }
    }
    chain->numbers[chain->count++] = (uint8_t)number;
    return RESULT_OK;
}

static enum result read_all(struct chain *chain, struct slice text, char why[CHAIN_ERROR_SIZE]) {
    size_t used = 0;
    struct pem pem = pem_begin(text);
    for (;;) {
        struct pem_block block;
        enum result result = pem_next_certificate(&pem, PEM_USE_CHAIN, &block, chain->der + used,
                                                  text.size - used, why);
        if (result == RESULT_EOF) {
            (void)snprintf(why, CHAIN_ERROR_SIZE, "no PEM certificate in it");
            return chain->count > 0 ? RESULT_OK : RESULT_ERROR;
        }
        if (result == RESULT_OK && chain->count == CHAIN_MAX) {
            (void)snprintf(why, CHAIN_ERROR_SIZE, "more than %d certificates in it", CHAIN_MAX);
            return RESULT_ERROR;
        }
        if (result != RESULT_OK || read_one(chain, &block, why) != RESULT_OK) {
            return RESULT_ERROR;
        }
        used += block.der.size;
    }
}

// --- Order ---

struct order {
    bool issued[CHAIN_MAX][CHAIN_MAX]; // [i][k]: i issued k
    bool placed[CHAIN_MAX];
    size_t places[CHAIN_MAX];
    size_t count;
};

static void find_issuers(const struct chain *chain, struct order *order) {
    for (size_t i = 0; i < chain->count; i++) {
        for (size_t k = 0; k < chain->count; k++) {
            order->issued[i][k] =
                i != k && certificate_issued(&chain->certificates[i], &chain->certificates[k]);
        }
    }
}

static bool issued_any(const struct chain *chain, const struct order *order, size_t i) {
    for (size_t k = 0; k < chain->count; k++) {
        if (order->issued[i][k]) {
            return true;
        }
    }
    return false;
}

// Finds a certificate that issued no other: preferably not a CA, preferably an early one.
// chain->count: none.
static size_t find_leaf(const struct chain *chain, const struct order *order) {
    size_t leaf = chain->count;
    for (size_t i = 0; i < chain->count; i++) {
        if (!issued_any(chain, order, i) &&
            (leaf == chain->count ||
             (chain->certificates[leaf].is_authority && !chain->certificates[i].is_authority))) {
            leaf = i;
        }
    }
    return leaf;
}

// Finds the issuer of `below` among the certificates without a place. If two have the same name and
// key, for example a root and a cross-signed certificate, the root comes later.
static size_t find_issuer(const struct chain *chain, const struct order *order, size_t below) {
    size_t issuer = chain->count;
    for (size_t i = 0; i < chain->count; i++) {
        if (!order->placed[i] && order->issued[i][below] &&
            (issuer == chain->count || chain->certificates[issuer].is_self_issued)) {
            issuer = i;
        }
    }
    return issuer;
}

// Finds a certificate without a place that has the issuer name of `below`. chain->count: none.
static size_t find_namesake(const struct chain *chain, const struct order *order, size_t below) {
    size_t i = 0;
    while (i < chain->count &&
           (order->placed[i] ||
            !slice_equal(chain->certificates[i].subject, chain->certificates[below].issuer))) {
        i++;
    }
    return i;
}

static enum result refuse_rest(const struct chain *chain, const struct order *order,
                               char why[CHAIN_ERROR_SIZE]) {
    size_t rest = 0;
    while (order->placed[rest]) {
        rest++;
    }
    size_t end = order->places[order->count - 1];
    const struct certificate *last = &chain->certificates[end];
    char name[NAME_TEXT_SIZE];
    char missing[NAME_TEXT_SIZE];
    size_t namesake = find_namesake(chain, order, end);
    if (namesake < chain->count && !last->is_self_issued) {
        (void)snprintf(why, CHAIN_ERROR_SIZE,
                       "certificate %zu (%s) has the name of the issuer of certificate %zu, but "
                       "not its key",
                       namesake + 1, name_for_message(last->issuer, name), end + 1);
        return RESULT_ERROR;
    }
    int size =
        snprintf(why, CHAIN_ERROR_SIZE,
                 "certificate %zu (%s) does not belong to the chain of certificate %zu", rest + 1,
                 name_for_message(chain->certificates[rest].subject, name), order->places[0] + 1);
    if (chain->certificates[rest].is_authority && !last->is_self_issued && size > 0 &&
        size < CHAIN_ERROR_SIZE) {
        (void)snprintf(why + size, CHAIN_ERROR_SIZE - (size_t)size,
                       ", in which the certificate of %s is missing",
                       name_for_message(last->issuer, missing));
    }
    return RESULT_ERROR;
}

static enum result put_in_order(struct chain *chain, char why[CHAIN_ERROR_SIZE]) {
    struct order order = {.count = 0};
    find_issuers(chain, &order);
    size_t next = find_leaf(chain, &order);
    if (next == chain->count) {
        (void)snprintf(why, CHAIN_ERROR_SIZE, "its certificates issued each other in a circle");
        return RESULT_ERROR;
    }
    for (; next < chain->count; next = find_issuer(chain, &order, next)) {
        order.placed[next] = true;
        order.places[order.count++] = next;
    }
    if (order.count < chain->count) {
        return refuse_rest(chain, &order, why);
    }
    struct chain former = *chain;
    for (size_t i = 0; i < chain->count; i++) {
        chain->certificates[i] = former.certificates[order.places[i]];
        chain->numbers[i] = former.numbers[order.places[i]];
    }
    return RESULT_OK;
}

enum result chain_read(struct slice pem, struct chain *chain, char why[CHAIN_ERROR_SIZE]) {
    chain->count = 0;
    chain->der = malloc(pem.size + 1);
    if (chain->der == NULL) {
        (void)snprintf(why, CHAIN_ERROR_SIZE, "out of memory");
        return RESULT_ERROR;
    }
    if (read_all(chain, pem, why) != RESULT_OK || put_in_order(chain, why) != RESULT_OK) {
        chain_free(chain);
        return RESULT_ERROR;
    }
    return RESULT_OK;
}

void chain_free(struct chain *chain) {
    free(chain->der);
    chain->der = NULL;
    chain->count = 0;
}

// --- Judging ---

// True unless its identifiers show that another key with the same name signed it.
static bool is_self_signed(const struct certificate *certificate) {
    return certificate->is_self_issued &&
           (!certificate->has_subject_key_id || !certificate->has_authority_key_id ||
            memcmp(certificate->subject_key_id, certificate->authority_key_id,
                   CERTIFICATE_KEY_ID_SIZE) == 0);
}

enum result chain_judge(const struct chain *chain, char why[CHAIN_ERROR_SIZE]) {
    for (size_t i = 0; i < chain->count; i++) {
        const struct certificate *certificate = &chain->certificates[i];
        char reason[CERTIFICATE_WHY_SIZE];
        bool is_root = i > 0 && i + 1 == chain->count && is_self_signed(certificate);
        if (certificate_judge_key(certificate, i == 0, reason) != RESULT_OK ||
            (!is_root && certificate_judge_signature(certificate, reason) != RESULT_OK)) {
            char name[NAME_TEXT_SIZE];
            (void)snprintf(why, CHAIN_ERROR_SIZE, "certificate %u (%s): %s", chain->numbers[i],
                           name_for_message(certificate->subject, name), reason);
            return RESULT_ERROR;
        }
    }
    return RESULT_OK;
}
