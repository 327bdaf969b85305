#include "tls/policy.h"

#include <wolfssl/options.h>

#include <string.h>

#define ROW(constant, value, text, in_list, counter)                                               \
    {.number = (constant), .metric = METRIC_##counter, .name = (text)},
const struct policy_suite policy_suites[POLICY_SUITE_COUNT] = {POLICY_SUITES(ROW)};
#undef ROW

#define ROW(constant, value, text, by_library, size, point, quantum, counter)                      \
    {.number = (constant),                                                                         \
     .share_size = (size),                                                                         \
     .has_point = (point),                                                                         \
     .post_quantum = (quantum),                                                                    \
     .metric = METRIC_##counter,                                                                   \
     .name = (text),                                                                               \
     .library_name = (by_library)},
const struct policy_group policy_groups[POLICY_GROUP_COUNT] = {POLICY_GROUPS(ROW)};
#undef ROW

#define ROW(constant, value, text, signed_with)                                                    \
    {.number = (constant), .signature = (signed_with), .name = (text)},
const struct policy_scheme policy_schemes[POLICY_SCHEME_COUNT] = {POLICY_SCHEMES(ROW)};
#undef ROW

const char *policy_cipher_list(void) {
#define NAME(constant, value, text, in_list, counter) ":" in_list
    static const char list[] = POLICY_SUITES(NAME);
#undef NAME
    return list + 1;
}

int policy_suite_index(uint32_t suite) {
    for (int i = 0; i < POLICY_SUITE_COUNT; i++) {
        if (policy_suites[i].number == suite) {
            return i;
        }
    }
    return -1;
}

int policy_group_index(uint32_t group) {
    for (int i = 0; i < POLICY_GROUP_COUNT; i++) {
        if (policy_groups[i].number == group) {
            return i;
        }
    }
    return -1;
}

int policy_scheme_index(uint32_t scheme) {
    for (int i = 0; i < POLICY_SCHEME_COUNT; i++) {
        if (policy_schemes[i].number == scheme) {
            return i;
        }
    }
    return -1;
}

const struct policy_group *policy_group_named(const char *library_name) {
    for (int i = 0; library_name != NULL && i < POLICY_GROUP_COUNT; i++) {
        if (strcmp(policy_groups[i].library_name, library_name) == 0) {
            return &policy_groups[i];
        }
    }
    return NULL;
}

size_t policy_usable_groups(bool post_quantum_only, int numbers[POLICY_GROUP_COUNT]) {
    size_t count = 0;
    for (int i = 0; i < POLICY_GROUP_COUNT; i++) {
        const struct policy_group *group = &policy_groups[i];
        if (group->post_quantum ? policy_has_post_quantum() : !post_quantum_only) {
            numbers[count++] = group->number;
        }
    }
    return count;
}

bool policy_has_post_quantum(void) {
#ifdef WOLFSSL_HAVE_MLKEM
    return true;
#else
    return false;
#endif
}
