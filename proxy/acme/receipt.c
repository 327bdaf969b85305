#include "acme/receipt.h"

#include "tls/certificate/chain.h"
#include "tls/certificate/issue.h"

#include <stdio.h>

static const char EXPIRED[] = "the certificate has expired";

static const char *judge_leaf(const struct certificate *leaf, struct slice key, const char *name,
                              int64_t now_s) {
    return !slice_equal(leaf->key_info, key) ? "the certificate has another key than the request"
           : !certificate_covers(leaf, name) ? "the certificate does not cover the name"
           : leaf->not_after <= now_s        ? EXPIRED
           // A CA backdates certificates. A clock that is minutes behind is not a reason to refuse
           // one.
           : leaf->not_before > now_s + 86400 ? "the certificate is not valid yet"
                                              : NULL;
}

bool receipt_judge(struct slice pem, struct slice request, const char *name, int64_t now_s,
                   struct receipt *receipt, char why[RECEIPT_WHY_SIZE]) {
    static const char key_mark[] = "PRIVATE KEY-----";
    uint8_t room[ISSUE_PEM_SIZE];
    char problem[CHAIN_ERROR_SIZE];
    struct chain chain;
    struct slice key = issue_request_key(request, room, sizeof(room));
    if (key.size == 0 || pem.size > RECEIPT_SIZE_MAX ||
        memmem(pem.data, pem.size, key_mark, sizeof(key_mark) - 1) != NULL) {
        (void)snprintf(why, RECEIPT_WHY_SIZE, "%s",
                       key.size == 0 ? "the request cannot be read" : "it is no certificate");
        return false;
    }
    if (chain_read(pem, &chain, problem) != RESULT_OK) {
        (void)snprintf(why, RECEIPT_WHY_SIZE, "%s", problem);
        return false;
    }
    const struct certificate *leaf = &chain.certificates[0];
    bool ok = chain_judge(&chain, problem) == RESULT_OK;
    const char *fault = ok ? judge_leaf(leaf, key, name, now_s) : problem;
    if (fault != NULL) {
        (void)snprintf(why, RECEIPT_WHY_SIZE, "%s", fault);
    }
    *receipt = (struct receipt){leaf->not_before, leaf->not_after, fault == EXPIRED};
    chain_free(&chain);
    return fault == NULL;
}
