#include "base/reader.h"
#include "tls/handshake/hello.h"
#include "tls/policy.h"

enum {
    UNCOMPRESSED_POINT = 4,
    GROUPS = 1 << 16,
    SHARES_FEW = 8, // more than real clients send
};

static bool list_has(struct slice list, uint32_t wanted) {
    struct reader reader = reader_of(list);
    while (reader_more(&reader)) {
        if (read_number(&reader, 2) == wanted) {
            return true;
        }
    }
    return false;
}

static bool offers_suite(const struct client_hello *hello) {
    struct reader list = reader_of(hello->cipher_suites);
    while (reader_more(&list)) {
        if (policy_suite_index(read_number(&list, 2)) >= 0) {
            return true;
        }
    }
    return false;
}

// --- The rules ---

// Which extensions must be there (9.2, 4.2.9, 4.2.8).
static enum result check_mandatory(const struct client_hello *hello, struct refusal *refusal) {
    bool psk = hello_has(hello, HELLO_PRE_SHARED_KEY);
    bool groups = hello_has(hello, HELLO_GROUPS);
    if (groups != hello_has(hello, HELLO_KEY_SHARES)) {
        return refusal_set(refusal, REFUSAL_missing_extension,
                           groups ? "no key_share" : "no supported_groups");
    }
    if (!psk && !groups) {
        return refusal_set(refusal, REFUSAL_missing_extension, "no supported_groups");
    }
    if (!psk && !hello_has(hello, HELLO_SIGNATURES)) {
        return refusal_set(refusal, REFUSAL_missing_extension, "no signature_algorithms");
    }
    if (psk && !hello_has(hello, HELLO_PSK_MODES)) {
        return refusal_set(refusal, REFUSAL_missing_extension, "no psk_key_exchange_modes");
    }
    if (psk && !groups) {
        return hello->offers_psk_dhe
                   ? refusal_set(refusal, REFUSAL_missing_extension, "no key_share")
                   : refusal_set(refusal, REFUSAL_no_parameters,
                                 "a PSK without a key exchange only");
    }
    return RESULT_OK;
}

// Checks the size and form of a share. wolfSSL checks whether its point is on its curve.
static bool share_fits(uint32_t group, struct slice share) {
    int index = policy_group_index(group);
    if (index < 0) {
        return share.size > 0;
    }
    return share.size == policy_groups[index].share_size &&
           (!policy_groups[index].has_point || share.data[0] == UNCOMPRESSED_POINT);
}

enum { UNLISTED = 0, LISTED = 1, SHARED = 2 };

static enum result judge_share(int mark, uint32_t group, struct slice share,
                               struct refusal *refusal) {
    switch (mark) {
    case LISTED:
        return share_fits(group, share)
                   ? RESULT_OK
                   : refusal_set(refusal, REFUSAL_illegal, "a key share of a wrong size or form");
    case LISTED | SHARED:
        return refusal_set(refusal, REFUSAL_illegal, "two key shares of one group");
    default:
        return refusal_set(refusal, REFUSAL_illegal,
                           "a key share of a group that is not in supported_groups");
    }
}

// Reads each list once, because both may be long: two bits for each possible group.
static __attribute__((noinline)) enum result check_many_shares(const struct client_hello *hello,
                                                               struct refusal *refusal) {
    uint8_t marks[GROUPS / 4] = {0};
    struct reader listed = reader_of(hello->groups);
    while (reader_more(&listed)) {
        uint32_t group = read_number(&listed, 2);
        marks[group / 4] = (uint8_t)(marks[group / 4] | LISTED << group % 4 * 2);
    }
    struct reader shares = reader_of(hello->key_shares);
    while (reader_more(&shares)) {
        uint32_t group = read_number(&shares, 2);
        struct slice share = read_vector(&shares, 2);
        int mark = marks[group / 4] >> group % 4 * 2 & (LISTED | SHARED);
        if (judge_share(mark, group, share, refusal) != RESULT_OK) {
            return RESULT_ERROR;
        }
        marks[group / 4] = (uint8_t)(marks[group / 4] | SHARED << group % 4 * 2);
    }
    return RESULT_OK;
}

// Every share is of a group that the client supports, and of another one (4.2.8).
static enum result check_shares(const struct client_hello *hello, struct refusal *refusal) {
    uint32_t shared[SHARES_FEW];
    size_t count = 0;
    struct reader shares = reader_of(hello->key_shares);
    while (reader_more(&shares)) {
        if (count == SHARES_FEW) {
            return check_many_shares(hello, refusal);
        }
        uint32_t group = shared[count] = read_number(&shares, 2);
        struct slice share = read_vector(&shares, 2);
        int mark = list_has(hello->groups, group) ? LISTED : UNLISTED;
        for (size_t i = 0; i < count; i++) {
            mark |= shared[i] == group ? SHARED : 0;
        }
        if (judge_share(mark, group, share, refusal) != RESULT_OK) {
            return RESULT_ERROR;
        }
        count++;
    }
    return RESULT_OK;
}

enum result hello_check_rules(const struct client_hello *hello, struct refusal *refusal) {
    if (hello->compressions.size != 1 || hello->compressions.data[0] != 0) {
        return refusal_set(refusal, REFUSAL_illegal, "compression offered");
    }
    if (hello_has(hello, HELLO_COOKIE)) { // Ravelin asks for none
        return refusal_set(refusal, REFUSAL_illegal, "a cookie that was not asked for");
    }
    if (check_mandatory(hello, refusal) != RESULT_OK) {
        return RESULT_ERROR;
    }
    return check_shares(hello, refusal);
}

// --- The offer ---

uint16_t hello_common_group(const struct client_hello *hello, const struct hello_policy *policy) {
    for (size_t i = 0; i < policy->group_count; i++) {
        if (list_has(hello->groups, (uint32_t)policy->groups[i])) {
            return (uint16_t)policy->groups[i];
        }
    }
    return 0;
}

bool hello_has_share(const struct client_hello *hello, const struct hello_policy *policy) {
    struct reader shares = reader_of(hello->key_shares);
    while (reader_more(&shares)) {
        uint32_t group = read_number(&shares, 2);
        (void)read_vector(&shares, 2);
        for (size_t i = 0; i < policy->group_count; i++) {
            if (group == (uint32_t)policy->groups[i]) {
                return true;
            }
        }
    }
    return false;
}

static const char *const http_names[] = {"h2", "http/1.1", "http/1.0"};
const struct hello_protocols hello_http2 = {http_names, 3};
const struct hello_protocols hello_http1 = {http_names + 1, 2};

// The client's own copy of a name in its list. Empty: none.
static struct slice find_protocol(const struct client_hello *hello, struct slice wanted) {
    struct reader list = reader_of(hello->protocols);
    while (reader_more(&list)) {
        struct slice name = read_vector(&list, 1);
        if (slice_equal(name, wanted)) {
            return name;
        }
    }
    return (struct slice){NULL, 0};
}

struct slice hello_protocol(const struct client_hello *hello) {
    struct slice found = {NULL, 0};
    for (size_t i = 0; i < hello->wanted.count && found.size == 0; i++) {
        found = find_protocol(hello, slice_from(hello->wanted.names[i]));
    }
    return found;
}

static bool offers_protocol(const struct client_hello *hello) {
    return !hello_has(hello, HELLO_PROTOCOL_NAMES) || hello->wanted.count == 0 ||
           hello_protocol(hello).size > 0;
}

enum result hello_check_offer(const struct client_hello *hello, const struct hello_policy *policy,
                              struct refusal *refusal) {
    if (!offers_suite(hello)) {
        return refusal_set(refusal, REFUSAL_no_suite, NULL);
    }
    if (hello_common_group(hello, policy) == 0) {
        return refusal_set(refusal,
                           policy->post_quantum ? REFUSAL_no_post_quantum : REFUSAL_no_group, NULL);
    }
    if ((hello->signatures & policy->signature) == 0 && !hello_has(hello, HELLO_PRE_SHARED_KEY)) {
        return refusal_set(refusal, REFUSAL_no_signature, NULL);
    }
    if (!offers_protocol(hello)) {
        return refusal_set(refusal, REFUSAL_no_protocol, NULL);
    }
    return RESULT_OK;
}

// --- The second hello ---

// Extensions that may have another place or content in the second hello: those that 4.1.2 and, for
// encrypted_client_hello, RFC 9849 6.1.5 let a client change; and two that wolfSSL's client moves,
// whose contents are compared.
static bool may_change(uint32_t type) {
    switch (type) {
    case HELLO_TYPE_PADDING:
    case HELLO_TYPE_PRE_SHARED_KEY:
    case HELLO_TYPE_EARLY_DATA:
    case HELLO_TYPE_COOKIE:
    case HELLO_TYPE_KEY_SHARES:
    case HELLO_TYPE_ENCRYPTED_CLIENT_HELLO:
    case HELLO_TYPE_VERSIONS:
    case HELLO_TYPE_PSK_MODES:
        return true;
    default:
        return false;
    }
}

// The next extension that must not change, with its header; empty: none.
static struct slice next_fixed(struct reader *list) {
    while (reader_more(list)) {
        struct slice whole = {(const char *)list->at, 0};
        uint32_t type = read_number(list, 2);
        (void)read_vector(list, 2);
        whole.size = (size_t)((const char *)list->at - whole.data);
        if (!may_change(type)) {
            return whole;
        }
    }
    return SLICE("");
}

static bool same_extensions(const struct client_hello *first, const struct client_hello *second) {
    struct reader a = reader_of(first->extensions);
    struct reader b = reader_of(second->extensions);
    struct slice from_a;
    do {
        from_a = next_fixed(&a);
        if (!slice_equal(from_a, next_fixed(&b))) {
            return false;
        }
    } while (from_a.size > 0);
    return slice_equal(first->versions, second->versions) &&
           slice_equal(first->psk_modes, second->psk_modes);
}

static bool only_share_is_of(const struct client_hello *hello, uint16_t group) {
    struct reader shares = reader_of(hello->key_shares);
    bool is_it = read_number(&shares, 2) == group;
    (void)read_vector(&shares, 2);
    return is_it && reader_done(&shares);
}

enum result hello_check_second(const struct client_hello *first, const struct client_hello *second,
                               uint16_t group, struct refusal *refusal) {
    if (!slice_equal(first->start, second->start) || !same_extensions(first, second)) {
        return refusal_set(refusal, REFUSAL_illegal,
                           "the second ClientHello differs from the first");
    }
    if (hello_has(second, HELLO_EARLY_DATA)) {
        return refusal_set(refusal, REFUSAL_illegal, "early data in the second ClientHello");
    }
    if (hello_has(second, HELLO_PRE_SHARED_KEY) && !hello_has(first, HELLO_PRE_SHARED_KEY)) {
        return refusal_set(refusal, REFUSAL_illegal, "a PSK in the second ClientHello alone");
    }
    if (!only_share_is_of(second, group)) {
        return refusal_set(refusal, REFUSAL_illegal, "not the key share that was asked for");
    }
    return RESULT_OK;
}
