// What is read of certificates, names, OCSP responses, revocation lists, PEM and keys: nothing is
// read past its bytes, what is found lies inside, and a name as text is printable. The first byte
// chooses the reader.
#include "check.h"
#include "tls/certificate/certificate_faults.h"
#include "tls/certificate/chain.h"
#include "tls/certificate/constraints.h"
#include "tls/certificate/crl.h"
#include "tls/certificate/der.h"
#include "tls/certificate/ocsp.h"
#include "tls/certificate/pem_certificate.h"
#include "tls/certificate/private_key.h"

#include <stdlib.h>

#include <wolfssl/options.h>
#include <wolfssl/ssl.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_inside(struct slice whole, struct slice part) {
    CHECK(part.size == 0 ||
          (part.data >= whole.data && part.data + part.size <= whole.data + whole.size));
}

static void check_name(struct slice name) {
    char text[NAME_TEXT_SIZE];
    memset(text, 'x', sizeof(text));
    bool ok = name_to_text(name, text) == RESULT_OK;
    size_t size = strnlen(text, sizeof(text));
    CHECK(size < sizeof(text) && (ok || size == 0));
    for (size_t i = 0; i < size; i++) {
        CHECK(text[i] >= ' ' && text[i] <= '~');
    }
    CHECK(size == 0 || text[size - 1] != ' ');
}

static void check_certificate(struct slice der, const struct certificate *certificate) {
    const struct slice parts[] = {certificate->der,      certificate->serial,
                                  certificate->issuer,   certificate->subject,
                                  certificate->key_info, certificate->public_key};
    char why[CERTIFICATE_WHY_SIZE];
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        check_inside(der, parts[i]);
    }
    check_name(certificate->subject);
    check_name(certificate->issuer);
    CHECK(certificate->key != CERTIFICATE_KEY_RSA || certificate->key_bits <= 4096 * 8);
    CHECK(certificate_judge_key(certificate, true, why) == RESULT_OK ||
          strnlen(why, sizeof(why)) < sizeof(why));
    CHECK(certificate_judge_signature(certificate, why) == RESULT_OK ||
          strnlen(why, sizeof(why)) < sizeof(why));
    (void)certificate_covers(certificate, "www.example.com");
    (void)certificate_covers(certificate, "192.0.2.1");
    (void)certificate_covers(certificate, "[2001:db8::1]");
}

static void read_certificate(struct slice input) {
    struct certificate certificate;
    char fault[CERTIFICATE_FAULT_SIZE];
    (void)constraints_allow(input, input);
    if (certificate_read(input, &certificate) == RESULT_OK) {
        check_certificate(input, &certificate);
    }
    CHECK(certificate_fault(input, fault) == fault);
    CHECK(strnlen(fault, sizeof(fault)) < sizeof(fault));
}

static void read_chain(struct slice input) {
    struct chain chain;
    char why[CHAIN_ERROR_SIZE];
    if (chain_read(input, &chain, why) != RESULT_OK) {
        CHECK(strnlen(why, sizeof(why)) < sizeof(why) && chain.der == NULL);
        return;
    }
    CHECK(chain.count >= 1 && chain.count <= CHAIN_MAX);
    for (size_t i = 0; i < chain.count; i++) {
        CHECK(chain.numbers[i] >= 1 && chain.numbers[i] <= chain.count);
    }
    (void)!chain_judge(&chain, why);
    chain_free(&chain);
}

static void read_response(struct slice input) {
    // Any serial number that is in there.
    struct certificate certificate = {.serial = SLICE("\1")};
    struct ocsp ocsp;
    char why[PEM_WHY_SIZE];
    if (ocsp_read(input, &certificate, &ocsp, why) == RESULT_OK) {
        CHECK(ocsp.size <= OCSP_SIZE_MAX);
        ocsp_free(&ocsp);
    } else {
        CHECK(strnlen(why, sizeof(why)) < sizeof(why) && ocsp.der == NULL);
    }
}

static void read_lists(struct slice input) {
    char why[CRL_ERROR_SIZE];
    struct term term = term_begin(TERM_CLIENT_CRL, 0, 0);
    struct crls *crls = crls_new(input, why);
    if (crls != NULL) {
        crls_terms(crls, &term);
        (void)crls_cover(crls, input);
        for (size_t i = 0; i < input.size && i < 64; i++) {
            (void)crls_look_up(crls, (struct slice){input.data, i}, (struct slice){input.data, i},
                               0);
        }
        crls_free(crls);
    }
}

static void read_key(struct slice input) {
    struct private_key key;
    char why[PEM_WHY_SIZE];
    if (private_key_read(input, &key, why) == RESULT_OK) {
        CHECK(key.secret != NULL && key.size > 0);
        private_key_free(&key);
    }
    CHECK(key.secret == NULL);
}

static void read_pem(struct slice input) {
    uint8_t *output = malloc(input.size + 1);
    struct pem pem = pem_begin(input);
    struct pem_block block;
    char why[PEM_WHY_SIZE];
    unsigned line = 0;
    enum result result;
    CHECK(output != NULL);
    do { // an error is passed over, as the doctor does
        result = pem_next_certificate(&pem, PEM_USE_ANCHOR, &block, output, input.size, why);
        check_inside(input, pem.rest);
        check_inside((struct slice){(const char *)output, input.size}, block.der);
        CHECK(result == RESULT_EOF || pem.line > line || pem.rest.size == 0);
        CHECK(result != RESULT_ERROR || strnlen(why, sizeof(why)) < sizeof(why));
        line = pem.line;
    } while (result != RESULT_EOF);
    free(output);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static bool ready;
    static void (*const readers[])(struct slice) = {
        check_name, read_certificate, read_chain, read_response, read_lists, read_key, read_pem};
    if (!ready) {
        ready = wolfSSL_Init() == WOLFSSL_SUCCESS;
    }
    if (size > 0) {
        readers[data[0] % (sizeof(readers) / sizeof(readers[0]))](
            (struct slice){(const char *)data + 1, size - 1});
    }
    return 0;
}
