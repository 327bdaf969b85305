// AES-GCM by Intel's libipsec-mb, with its direct calls, one record each, in place.
//
// It is used only with VAES and AVX-512, because without them it is not faster than wolfCrypt. Its
// build must clear secrets in registers and in the context (SAFE_DATA, as Debian's does). Of its
// manager (200 KB), only six functions are kept. These functions report no errors: the known errors
// are null pointers and sizes far above a record's.
#include "tls/record/aead.h"

#include <string.h>

#ifndef RAVELIN_IPSEC_MB

static enum aead_start start(void *scratch) {
    (void)scratch;
    return AEAD_UNSUITED;
}

const struct aead_gcm aead_ipsec_mb = {.name = "libipsec-mb", .start = start};

bool aead_ipsec_mb_suits(uint64_t features) {
    (void)features;
    return false;
}

#else

#include "base/secret.h"

#include <intel-ipsec-mb.h>

struct functions {
    aes_gcm_pre_t expand;
    aes_gcm_enc_dec_t seal, open;
};

struct state {
    struct {
        _Alignas(64) struct gcm_key_data key;
        struct gcm_context_data context;
        uint8_t tag[RECORD_TAG_SIZE];
        const struct functions *used; // of the expanded key's size
    } secret;
    struct functions aes_128, aes_256;
};
_Static_assert(sizeof(struct state) <= AEAD_SCRATCH_SIZE, "AEAD_SCRATCH_SIZE is too small");

bool aead_ipsec_mb_suits(uint64_t features) {
    const uint64_t needed = IMB_CPUFLAGS_AVX512_T2 | IMB_FEATURE_SAFE_DATA;
    return (features & needed) == needed;
}

static enum aead_start take_functions(struct state *state, IMB_MGR *manager) {
    if (!aead_ipsec_mb_suits(manager->features)) {
        return AEAD_UNSUITED;
    }
    init_mb_mgr_avx512(manager); // runs the library's own tests
    if (imb_get_errno(manager) != 0 || !(manager->features & IMB_FEATURE_SELF_TEST_PASS)) {
        return AEAD_BROKEN;
    }
    state->aes_128 =
        (struct functions){manager->gcm128_pre, manager->gcm128_enc, manager->gcm128_dec};
    state->aes_256 =
        (struct functions){manager->gcm256_pre, manager->gcm256_enc, manager->gcm256_dec};
    return AEAD_READY;
}

static enum aead_start start(void *scratch) {
    // The library checks only the processor. This also checks whether the kernel saves the
    // registers.
    if (!__builtin_cpu_supports("avx512f")) {
        return AEAD_UNSUITED;
    }
    IMB_MGR *manager = alloc_mb_mgr(0);
    if (manager == NULL) {
        return AEAD_UNSUITED;
    }
    enum aead_start started = take_functions(scratch, manager);
    free_mb_mgr(manager);
    return started;
}

static bool expand_key(void *scratch, const uint8_t *key, size_t key_size) {
    struct state *state = scratch;
    state->secret.used = key_size == IMB_GCM_128_KEY_LEN ? &state->aes_128 : &state->aes_256;
    state->secret.used->expand(key, &state->secret.key);
    return true;
}

static bool seal_record(void *scratch, const uint8_t *nonce, const uint8_t *header, uint8_t *data,
                        size_t size, uint8_t *tag) {
    struct state *state = scratch;
    state->secret.used->seal(&state->secret.key, &state->secret.context, data, data, size, nonce,
                             header, RECORD_HEADER_SIZE, tag, RECORD_TAG_SIZE);
    return true;
}

// The library computes the tag; its caller must compare it.
static bool open_record(void *scratch, const uint8_t *nonce, const uint8_t *header, uint8_t *data,
                        size_t size, const uint8_t *tag) {
    struct state *state = scratch;
    state->secret.used->open(&state->secret.key, &state->secret.context, data, data, size, nonce,
                             header, RECORD_HEADER_SIZE, state->secret.tag, RECORD_TAG_SIZE);
    return secret_equal(state->secret.tag, tag, RECORD_TAG_SIZE);
}

const struct aead_gcm aead_ipsec_mb = {
    .name = "libipsec-mb " IMB_VERSION_STR,
    .secret_size = sizeof(((struct state *)NULL)->secret),
    .start = start,
    .expand = expand_key,
    .seal = seal_record,
    .open = open_record,
};

#endif
