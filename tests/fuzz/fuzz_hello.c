// A ClientHello as a stranger sends it: nothing is read past its bytes, what is found lies inside,
// what passes all checks can be written for the library, and is then fine again.
#include "check.h"
#include "tls/handshake/hello.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const int GROUPS[] = {4588, 4587, 0x001d, 0x0017, 0x0018};

static void check_inside(struct slice whole, struct slice part) {
    CHECK(part.size == 0 ||
          (part.data >= whole.data && part.data + part.size <= whole.data + whole.size));
}

static void check_found(struct slice message, const struct client_hello *hello) {
    const struct slice parts[] = {
        hello->start,        hello->random,         hello->session_id,    hello->cipher_suites,
        hello->compressions, hello->extensions,     hello->versions,      hello->groups,
        hello->key_shares,   hello->protocols,      hello->server_name,   hello->odd_name,
        hello->psk_modes,    hello->status_request, hello->pre_shared_key};
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        check_inside(message, parts[i]);
    }
    CHECK(hello->server_name.size <= HELLO_NAME_MAX);
    for (size_t i = 0; i < hello->server_name.size; i++) {
        uint8_t c = (uint8_t)hello->server_name.data[i];
        CHECK(c > ' ' && c < 0x7f && strchr("\"/\\:*%[]", c) == NULL);
    }
    CHECK(hello->server_name.size == 0 || hello->odd_name.size == 0);
    CHECK((hello->signatures & ~(uint32_t)0xf) == 0);
    CHECK(hello->present >> HELLO_EXTENSION_COUNT == 0);
    char text[HELLO_TEXT_SIZE];
    hello_describe(hello, text);
    CHECK(memchr(text, '\0', sizeof(text)) != NULL);
    for (const char *c = text; *c != '\0'; c++) {
        CHECK(*c >= ' ' && *c < 0x7f);
    }
}

static void check_refusal(enum result result, const struct refusal *refusal) {
    CHECK(result == RESULT_OK || result == RESULT_ERROR);
    CHECK((result == RESULT_OK) == (refusal->reason == REFUSAL_NONE));
    CHECK(result == RESULT_OK || (refusal->alert != REFUSAL_NO_ALERT && refusal->text != NULL));
}

// A hello that is accepted, as the library gets it.
static void check_written(const struct client_hello *hello, const struct hello_policy *policy) {
    for (int with_psk = 0; with_psk < 2; with_psk++) {
        struct buffer output = {0};
        size_t binders_size;
        CHECK(hello_write(hello, hello->server_name, 0, with_psk == 1, &output, &binders_size));
        CHECK(buffer_size(&output) < 40000); // however long the client's was
        struct client_hello again;
        struct refusal refusal = {0};
        struct slice message = {(const char *)buffer_bytes(&output) + 4, buffer_size(&output) - 4};
        CHECK(hello_parse(message, &again, &refusal) == RESULT_OK);
        // Without its PSK it may need a signature that it does not offer.
        bool lost_psk =
            hello_has(hello, HELLO_PRE_SHARED_KEY) && !hello_has(&again, HELLO_PRE_SHARED_KEY);
        CHECK((hello_check_rules(&again, &refusal) == RESULT_OK &&
               hello_check_offer(&again, policy, &refusal) == RESULT_OK) ||
              (lost_psk && (refusal.reason == REFUSAL_no_signature ||
                            refusal.reason == REFUSAL_missing_extension)));
        CHECK(slice_equal(again.random, hello->random));
        CHECK(slice_equal(again.server_name, hello->server_name));
        CHECK(hello_has_share(&again, policy) == hello_has_share(hello, policy));
        CHECK(hello_common_group(&again, policy) == hello_common_group(hello, policy));
        CHECK(hello_binders_size(&again) == binders_size);
        CHECK(hello_binders_size(hello) < hello->extensions.size || binders_size == 0);
        // What the library gets, it would get again.
        struct buffer twice = {0};
        CHECK(hello_write(&again, again.server_name, 0, with_psk == 1, &twice, &binders_size));
        CHECK(buffer_size(&twice) == buffer_size(&output));
        CHECK(memcmp(buffer_bytes(&twice), buffer_bytes(&output), buffer_size(&output)) == 0);
        buffer_free(&twice);
        buffer_free(&output);
    }
}

static void check_message(const uint8_t *data, size_t size) {
    uint8_t *copy = malloc(size == 0 ? 1 : size);
    CHECK(copy != NULL);
    if (size > 0) {
        memcpy(copy, data, size);
    }
    struct slice message = {(const char *)copy, size};
    const struct hello_policy policy = {
        .groups = GROUPS, .group_count = 5, .signature = POLICY_SIGNATURE_ECDSA_P256};
    struct client_hello hello;
    struct refusal refusal = {0};
    enum result result = hello_parse(message, &hello, &refusal);
    check_refusal(result, &refusal);
    check_found(message, &hello);
    if (result == RESULT_OK) {
        CHECK(hello.offers_tls13 && hello.versions.size >= 2);
        // A hello that answers a retry is at least like itself.
        struct refusal second = {0};
        result = hello_check_second(&hello, &hello, hello_common_group(&hello, &policy), &second);
        check_refusal(result, &second);
        result = hello_check_rules(&hello, &refusal);
        check_refusal(result, &refusal);
    }
    if (result == RESULT_OK) {
        result = hello_check_offer(&hello, &policy, &refusal);
        check_refusal(result, &refusal);
    }
    if (result == RESULT_OK) {
        check_written(&hello, &policy);
    }
    free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size > 0) {
        (void)!hello_is_http(data, size);
        (void)!hello_is_ssl2(data, size);
    }
    check_message(data, size);
    if (size > 9) { // as if a record and a message header stood before it
        check_message(data + 9, size - 9);
    }
    return 0;
}
