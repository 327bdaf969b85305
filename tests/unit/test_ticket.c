#include "smaps.h"
#include "tls/handshake/ticket.h"
#include "tls/handshake/ticket_keys.h"

#include <errno.h>
#include <poll.h>
#include <seccomp.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>

#include <wolfssl/options.h>
#include <wolfssl/wolfcrypt/aes.h>

#include <cmocka.h>

enum { STATE_SIZE = 100, SEALED_SIZE = STATE_SIZE + TICKET_STAMP_SIZE, NOW = 1700000000 };

// A ticket with its bytes.
struct sealed {
    uint8_t name[TICKET_NAME_SIZE];
    uint8_t iv[TICKET_IV_SIZE];
    uint8_t mac[TICKET_MAC_SIZE];
    uint8_t data[SEALED_SIZE];
};

static const uint8_t NONCE[TICKET_NONCE_SIZE] = "twelve bytes";
static const uint8_t SITE_A[TICKET_BINDING_SIZE] = "the binding of one site";
static const uint8_t SITE_B[TICKET_BINDING_SIZE] = "the binding of another";
static const uint8_t STATE[STATE_SIZE] = "what the client's session is made of";
static const struct ticket_stamp STAMP = {.since_s = NOW - 1000, .resumptions = 3};

static int set_up(void **state) {
    *state = ticket_store_new();
    return *state == NULL ? -1 : 0;
}

static int tear_down(void **state) {
    ticket_store_free(*state);
    return 0;
}

static struct sealed seal_with(const struct ticket_store *store,
                               const uint8_t nonce[TICKET_NONCE_SIZE],
                               const struct ticket_stamp *stamp) {
    struct sealed sealed;
    struct ticket ticket = {sealed.name, sealed.iv, sealed.mac, sealed.data, STATE_SIZE};
    memset(&sealed, 0xee, sizeof(sealed));
    memcpy(sealed.data, STATE, sizeof(STATE));
    assert_int_equal(ticket_seal(store, SITE_A, nonce, stamp, &ticket), RESULT_OK);
    assert_int_equal(ticket.size, SEALED_SIZE);
    return sealed;
}

static struct sealed seal(const struct ticket_store *store) {
    return seal_with(store, NONCE, &STAMP);
}

// Leaves the ticket as it is.
static enum result try_open_at(int64_t now_s, const struct ticket_store *store,
                               const uint8_t *binding, const struct sealed *sealed, size_t size,
                               struct ticket_stamp *stamp) {
    struct sealed copy = *sealed;
    struct ticket ticket = {copy.name, copy.iv, copy.mac, copy.data, size};
    enum result result = ticket_open(store, binding, now_s, &ticket, stamp);
    if (result == RESULT_OK) {
        assert_int_equal(ticket.size, STATE_SIZE);
        assert_memory_equal(copy.data, STATE, STATE_SIZE);
    }
    return result;
}

static enum result try_open(const struct ticket_store *store, const uint8_t *binding,
                            const struct sealed *sealed) {
    struct ticket_stamp stamp;
    return try_open_at(NOW, store, binding, sealed, SEALED_SIZE, &stamp);
}

static void assert_opens(const struct ticket_store *store, const struct sealed *sealed) {
    assert_int_equal(try_open(store, SITE_A, sealed), RESULT_OK);
}

static void assert_closed(const struct ticket_store *store, const uint8_t *binding,
                          const struct sealed *sealed) {
    assert_int_equal(try_open(store, binding, sealed), RESULT_ERROR);
}

// --- Sealing and opening ---

static void test_what_was_sealed_opens(void **state) {
    struct sealed ticket = seal(*state);
    assert_opens(*state, &ticket);
    assert_opens(*state, &ticket); // as often as it comes
}

static void test_sealing_fills_every_field(void **state) {
    static const uint8_t zeros[32];
    struct sealed ticket = seal(*state);
    assert_memory_not_equal(ticket.data, STATE, 16);
    assert_memory_equal(ticket.iv, NONCE, sizeof(NONCE));
    assert_memory_equal(ticket.iv + sizeof(NONCE), zeros, TICKET_IV_SIZE - sizeof(NONCE));
    assert_memory_not_equal(ticket.mac, zeros, 16);
    assert_memory_equal(ticket.mac + 16, zeros, TICKET_MAC_SIZE - 16);
}

static void test_another_nonce_gives_another_ticket(void **state) {
    static const uint8_t other_nonce[12] = "twelve Bytes";
    struct sealed one = seal(*state);
    struct sealed other = seal_with(*state, other_nonce, &STAMP);
    assert_memory_equal(one.name, other.name, TICKET_NAME_SIZE);
    assert_memory_not_equal(one.iv, other.iv, TICKET_IV_SIZE);
    assert_memory_not_equal(one.mac, other.mac, 16);
    for (size_t i = 0; i + 8 <= STATE_SIZE; i += 8) {
        assert_memory_not_equal(one.data + i, other.data + i, 8);
    }
    assert_opens(*state, &other);
}

static void test_a_change_of_any_byte_is_noticed(void **state) {
    struct sealed ticket = seal(*state);
    uint8_t *bytes = (uint8_t *)&ticket;
    for (size_t i = 0; i < sizeof(ticket); i++) {
        for (unsigned bit = 0; bit < 8; bit += 7) {
            bytes[i] ^= (uint8_t)(1U << bit);
            if (try_open(*state, SITE_A, &ticket) != RESULT_ERROR) {
                fail_msg("opened with byte %zu changed", i);
            }
            bytes[i] ^= (uint8_t)(1U << bit);
        }
    }
    assert_opens(*state, &ticket);
}

static void test_a_shorter_ticket_is_refused(void **state) {
    struct sealed ticket = seal(*state);
    struct ticket_stamp stamp;
    for (size_t size = 0; size < SEALED_SIZE; size++) {
        assert_int_equal(try_open_at(NOW, *state, SITE_A, &ticket, size, &stamp), RESULT_ERROR);
    }
}

static void test_another_sites_ticket_is_refused(void **state) {
    struct sealed ticket = seal(*state);
    assert_closed(*state, SITE_B, &ticket);
    uint8_t binding[TICKET_BINDING_SIZE];
    memcpy(binding, SITE_A, sizeof(binding));
    for (size_t i = 0; i < sizeof(binding); i++) {
        binding[i] ^= 1;
        assert_closed(*state, binding, &ticket);
        binding[i] ^= 1;
    }
}

static void test_another_stores_ticket_is_refused(void **state) {
    struct ticket_store *other = ticket_store_new();
    assert_non_null(other);
    struct sealed ticket = seal(other);
    struct sealed ours = seal(*state);
    assert_memory_not_equal(ticket.name, ours.name, TICKET_NAME_SIZE);
    assert_closed(*state, SITE_A, &ticket);
    memcpy(ticket.name, ours.name, TICKET_NAME_SIZE); // the key is another one too
    assert_closed(*state, SITE_A, &ticket);
    ticket_store_free(other);
}

// --- Chains ---

static void test_the_stamp_comes_back(void **state) {
    struct sealed ticket = seal(*state);
    struct ticket_stamp stamp = {0};
    assert_int_equal(try_open_at(NOW, *state, SITE_A, &ticket, SEALED_SIZE, &stamp), RESULT_OK);
    assert_true(stamp.since_s == STAMP.since_s);
    assert_int_equal(stamp.resumptions, STAMP.resumptions);
}

static void test_a_chain_ends_a_day_after_its_full_handshake(void **state) {
    struct sealed ticket = seal(*state);
    struct ticket_stamp stamp;
    const int64_t end = STAMP.since_s + TICKET_CHAIN_SECONDS;
    assert_int_equal(try_open_at(end - 1, *state, SITE_A, &ticket, SEALED_SIZE, &stamp), RESULT_OK);
    assert_int_equal(try_open_at(end, *state, SITE_A, &ticket, SEALED_SIZE, &stamp), RESULT_ERROR);
}

static void test_a_chain_ends_after_so_many_resumptions(void **state) {
    const struct ticket_stamp last = {.since_s = NOW, .resumptions = TICKET_CHAIN_MAX - 1};
    const struct ticket_stamp over = {.since_s = NOW, .resumptions = TICKET_CHAIN_MAX};
    struct sealed ticket = seal_with(*state, NONCE, &last);
    assert_opens(*state, &ticket);
    ticket = seal_with(*state, NONCE, &over);
    assert_closed(*state, SITE_A, &ticket);
}

// --- Terms ---

static void assert_bound(const struct ticket_terms *a, const struct ticket_terms *b, bool same) {
    uint8_t bindings[2][TICKET_BINDING_SIZE];
    ticket_binding(a, bindings[0]);
    ticket_binding(b, bindings[1]);
    assert_int_equal(memcmp(bindings[0], bindings[1], TICKET_BINDING_SIZE) == 0, same);
}

static void test_every_term_counts(void **state) {
    (void)state;
    const struct ticket_terms terms = {
        .site = SLICE("a.test"),
        .protocol = SLICE("http/1.1"),
        .client_certificates = SLICE("required, of this CA"),
    };
    char site[] = "a.test"; // what is said counts, not where it is written
    struct ticket_terms other = terms;
    other.site = slice_from(site);
    assert_bound(&terms, &other, true);
    site[0] = 'b';
    assert_bound(&terms, &other, false);
    other = terms;
    other.protocol = SLICE("http/1.0");
    assert_bound(&terms, &other, false);
    other.protocol = SLICE("");
    assert_bound(&terms, &other, false);
    other = terms;
    other.client_certificates = SLICE("optional, of this CA");
    assert_bound(&terms, &other, false);
    other.client_certificates = SLICE("");
    assert_bound(&terms, &other, false);
    other = terms;
    other.post_quantum_required = true;
    assert_bound(&terms, &other, false);
}

static void test_no_term_runs_into_the_next(void **state) {
    (void)state;
    const struct ticket_terms left = {.site = SLICE("a"), .protocol = SLICE("")};
    const struct ticket_terms right = {.site = SLICE(""), .protocol = SLICE("a")};
    assert_bound(&left, &right, false);
}

// --- Rotation ---

static const struct ticket_keys *keys_of(const struct ticket_store *store) {
    return store->lent;
}

static void test_after_a_rotation_tickets_still_open(void **state) {
    struct sealed old = seal(*state);
    assert_true(ticket_store_rotate(*state));
    assert_opens(*state, &old);
    struct sealed fresh = seal(*state);
    assert_memory_not_equal(fresh.name, old.name, TICKET_NAME_SIZE);
    assert_opens(*state, &fresh);
}

static void test_after_two_rotations_tickets_are_refused(void **state) {
    struct sealed old = seal(*state);
    assert_true(ticket_store_rotate(*state));
    struct sealed middle = seal(*state);
    assert_true(ticket_store_rotate(*state));
    assert_closed(*state, SITE_A, &old);
    assert_opens(*state, &middle);
    for (int i = 0; i < 10; i++) {
        assert_true(ticket_store_rotate(*state));
        assert_closed(*state, SITE_A, &old);
    }
    assert_closed(*state, SITE_A, &middle);
}

static void test_a_renewal_ends_all_tickets(void **state) {
    struct sealed old = seal(*state);
    assert_true(ticket_store_rotate(*state));
    struct sealed young = seal(*state);
    assert_true(ticket_store_renew(*state));
    assert_closed(*state, SITE_A, &old);
    assert_closed(*state, SITE_A, &young);
    struct sealed fresh = seal(*state);
    assert_opens(*state, &fresh);
}

static void test_every_rotation_brings_another_key(void **state) {
    uint8_t names[20][TICKET_NAME_SIZE];
    for (size_t i = 0; i < 20; i++) {
        struct sealed ticket = seal(*state);
        memcpy(names[i], ticket.name, TICKET_NAME_SIZE);
        for (size_t k = 0; k < i; k++) {
            assert_memory_not_equal(names[i], names[k], TICKET_NAME_SIZE);
        }
        assert_true(ticket_store_rotate(*state));
    }
}

// The next key is there for all before it is used.
static void test_the_next_key_becomes_the_current_one(void **state) {
    const struct ticket_keys *keys = keys_of(*state);
    const struct ticket_key next = keys->ring[(keys->current + 1) % TICKET_KEY_COUNT];
    assert_true(ticket_store_rotate(*state));
    struct sealed ticket = seal(*state);
    assert_memory_equal(ticket.name, next.name, TICKET_NAME_SIZE);
    assert_memory_equal(&keys->ring[keys->current], &next, sizeof(next));
}

// Whether any eight bytes of bytes[0..size) lie in the store.
static bool store_holds(const struct ticket_store *store, const void *bytes, size_t size) {
    for (size_t i = 0; i + 8 <= size; i++) {
        if (memmem(keys_of(store), sizeof(struct ticket_keys), (const uint8_t *)bytes + i, 8) !=
            NULL) {
            return true;
        }
    }
    return false;
}

static void test_a_key_that_fell_out_is_nowhere_in_the_store(void **state) {
    struct sealed ticket = seal(*state);
    struct ticket_key key = keys_of(*state)->ring[keys_of(*state)->current];
    assert_memory_equal(key.name, ticket.name, TICKET_NAME_SIZE);
    assert_true(ticket_store_rotate(*state));
    assert_true(store_holds(*state, &key, sizeof(key)));
    assert_true(ticket_store_rotate(*state));
    assert_false(store_holds(*state, &key, sizeof(key)));
}

static void test_three_rotations_or_a_renewal_leave_nothing_of_what_was(void **state) {
    struct ticket_keys before = *keys_of(*state);
    for (int i = 0; i < 3; i++) {
        assert_true(store_holds(*state, before.ring, sizeof(before.ring)));
        assert_true(ticket_store_rotate(*state));
    }
    assert_false(store_holds(*state, before.ring, sizeof(before.ring)));
    before = *keys_of(*state);
    assert_true(ticket_store_renew(*state));
    assert_false(store_holds(*state, before.ring, sizeof(before.ring)));
}

// --- Stacks. What the store's functions leave on theirs is looked for on one of its own ---

enum { STACK_SIZE = 1 << 18 };

static uint8_t stack[STACK_SIZE];
static ucontext_t test_context;

static void use_all(struct ticket_store *store) {
    struct sealed ticket = seal(store);
    assert_opens(store, &ticket);
    ticket.data[0] ^= 1;
    assert_closed(store, SITE_A, &ticket);
    ticket.name[0] ^= 1;
    assert_closed(store, SITE_A, &ticket);
}

static void rotate_all(struct ticket_store *store) {
    assert_true(ticket_store_rotate(store));
    assert_true(ticket_store_renew(store));
}

static void run_on_stack(void (*function)(struct ticket_store *), struct ticket_store *store) {
    ucontext_t context;
    memset(stack, 0, sizeof(stack));
    assert_int_equal(getcontext(&context), 0);
    context.uc_stack.ss_sp = stack;
    context.uc_stack.ss_size = sizeof(stack);
    context.uc_link = &test_context;
    makecontext(&context, (void (*)(void))function, 1, store);
    assert_int_equal(swapcontext(&test_context, &context), 0);
}

// Any eight bytes of a key, or half of any of its round keys.
static bool stack_holds(const struct ticket_key *key) {
    Aes aes;
    assert_int_equal(wc_AesInit(&aes, NULL, INVALID_DEVID), 0);
    assert_int_equal(wc_AesGcmSetKey(&aes, key->key, TICKET_KEY_SIZE), 0);
    const uint8_t *expanded = (const uint8_t *)aes.key;
    bool found = false;
    for (size_t i = 0; i + 8 <= sizeof(key->key); i++) {
        found |= memmem(stack, sizeof(stack), key->key + i, 8) != NULL;
    }
    for (size_t i = 0; i < 15UL * 16; i += 8) {
        found |= memmem(stack, sizeof(stack), expanded + i, 8) != NULL;
    }
    wc_AesFree(&aes);
    return found;
}

static void test_no_key_is_left_on_the_stack(void **state) {
#ifdef RAVELIN_SANITIZE
    skip(); // it has stacks of its own
#endif
    struct ticket_keys before = *keys_of(*state);
    run_on_stack(use_all, *state);
    assert_non_null(memmem(stack, sizeof(stack), NONCE, sizeof(NONCE))); // this is where it ran
    for (size_t i = 0; i < TICKET_KEY_COUNT; i++) {
        assert_false(stack_holds(&before.ring[i]));
    }
    run_on_stack(rotate_all, *state);
    const struct ticket_keys after = *keys_of(*state);
    for (size_t i = 0; i < TICKET_KEY_COUNT; i++) {
        assert_false(stack_holds(&before.ring[i]));
        assert_false(stack_holds(&after.ring[i]));
    }
}

// --- Processes. A child tells by its exit status what it saw ---

static int wait_for(pid_t child) {
    int status;
    while (waitpid(child, &status, 0) < 0) {
        assert_int_equal(errno, EINTR);
    }
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void test_the_memory_is_in_no_core_dump(void **state) {
    const struct ticket_store *store = *state;
    assert_true(mapping_has_flag(store->own, "dd"));
    assert_true(mapping_has_flag(store->lent, "dd"));
}

// Forks, with the store lent or not.
static pid_t fork_reader(struct ticket_store *store, bool lend) {
    ticket_store_lend(store, lend);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child > 0) {
        ticket_store_lend(store, false);
    }
    return child;
}

static void test_a_rotation_is_seen_by_who_may_read(void **state) {
    int pipe_fds[2];
    struct sealed old = seal(*state);
    assert_int_equal(pipe(pipe_fds), 0);
    pid_t child = fork_reader(*state, true);
    if (child == 0) {
        struct sealed fresh;
        close(pipe_fds[1]);
        bool told = read(pipe_fds[0], &fresh, sizeof(fresh)) == sizeof(fresh);
        _exit(told && try_open(*state, SITE_A, &old) == RESULT_ERROR &&
                      try_open(*state, SITE_A, &fresh) == RESULT_OK
                  ? 42
                  : 1);
    }
    close(pipe_fds[0]);
    assert_true(ticket_store_rotate(*state));
    assert_true(ticket_store_rotate(*state));
    struct sealed fresh = seal(*state);
    assert_int_equal(write(pipe_fds[1], &fresh, sizeof(fresh)), sizeof(fresh));
    assert_int_equal(wait_for(child), 42);
    close(pipe_fds[1]);
}

static bool is_mapped(const void *address) {
    return msync((void *)((uintptr_t)address & ~(uintptr_t)4095), 4096, MS_ASYNC) == 0;
}

static void test_who_is_not_lent_the_keys_has_nothing_of_them(void **state) {
    const struct ticket_store *store = *state;
    for (int lend = 0; lend < 2; lend++) {
        pid_t child = fork_reader(*state, lend);
        if (child == 0) {
            _exit(is_mapped(store->own) || is_mapped(store->lent) != lend ? 1 : 42);
        }
        assert_int_equal(wait_for(child), 42);
    }
    assert_true(is_mapped(store->own) && is_mapped(store->lent));
}

// Else who took over a worker could stop the others, which wait while the version is odd.
static void test_who_reads_the_keys_cannot_write_them(void **state) {
    const struct ticket_store *store = *state;
    pid_t child = fork_reader(*state, true);
    if (child == 0) {
        void *page = (void *)(uintptr_t)store->lent;
        _exit(mprotect(page, sizeof(struct ticket_keys), PROT_READ | PROT_WRITE) == 0 ? 1 : 42);
    }
    assert_int_equal(wait_for(child), 42);
}

static bool forbid_randomness(void) {
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
    bool done = filter != NULL &&
                seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(getrandom), 0) == 0 &&
                seccomp_load(filter) == 0;
    seccomp_release(filter);
    return done;
}

static void test_without_randomness_nothing_changes(void **state) {
    struct ticket_store *store = *state;
    pid_t child = fork_reader(*state, true);
    if (child == 0) {
        // As the owner again: a key is not written, so it does not matter where.
        static struct ticket_keys before, own;
        before = own = *store->lent;
        store->own = &own;
        _exit(!forbid_randomness()                                      ? 1
              : ticket_store_rotate(store) || ticket_store_renew(store) ? 2
              : memcmp(before.ring, own.ring, sizeof(own.ring)) != 0    ? 3
              : own.current != before.current || own.version % 2 != 0   ? 4
              : ticket_store_new() != NULL                              ? 5
                                                                        : 42);
    }
    assert_int_equal(wait_for(child), 42);
}

// A reader that saw half of a rotation would seal with one key under another's name.
static void test_a_reader_never_sees_half_a_rotation(void **state) {
    pid_t reader = fork_reader(*state, true);
    if (reader == 0) {
        size_t torn = 0;
        for (int i = 0; i < 300000; i++) {
            struct sealed ticket = seal(*state);
            // Refused is right when its key has fallen out meanwhile, but not while it is there.
            if (try_open(*state, SITE_A, &ticket) != RESULT_OK &&
                memmem(keys_of(*state), sizeof(struct ticket_keys), ticket.name,
                       TICKET_NAME_SIZE) != NULL) {
                torn++;
            }
        }
        _exit(torn == 0 ? 42 : 1);
    }
    int status;
    while (waitpid(reader, &status, WNOHANG) == 0) {
        assert_true(ticket_store_rotate(*state));
    }
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 42);
}

static void test_a_reader_waits_while_the_keys_are_written(void **state) {
    struct ticket_keys *own = ((struct ticket_store *)*state)->own;
    struct sealed before = seal(*state);
    int answer[2];
    assert_int_equal(pipe(answer), 0);
    // Odd: the keys are being written, and here they are half-way.
    const struct ticket_keys copy = *own;
    own->version++;
    memset(own->ring, 0x5a, sizeof(own->ring));
    pid_t child = fork_reader(*state, true);
    if (child == 0) {
        struct sealed ticket = seal(*state);
        _exit(write(answer[1], &ticket, sizeof(ticket)) == sizeof(ticket) ? 42 : 1);
    }
    struct pollfd too_early = {.fd = answer[0], .events = POLLIN};
    int answers = poll(&too_early, 1, 50);
    memcpy(own->ring, copy.ring, sizeof(own->ring));
    own->version++;
    struct sealed ticket;
    assert_int_equal(read(answer[0], &ticket, sizeof(ticket)), sizeof(ticket));
    assert_int_equal(wait_for(child), 42);
    assert_int_equal(answers, 0);
    assert_memory_equal(ticket.name, before.name, TICKET_NAME_SIZE);
    assert_opens(*state, &ticket);
    close(answer[0]);
    close(answer[1]);
}

#define STORE_TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        STORE_TEST(test_what_was_sealed_opens),
        STORE_TEST(test_sealing_fills_every_field),
        STORE_TEST(test_another_nonce_gives_another_ticket),
        STORE_TEST(test_a_change_of_any_byte_is_noticed),
        STORE_TEST(test_a_shorter_ticket_is_refused),
        STORE_TEST(test_another_sites_ticket_is_refused),
        STORE_TEST(test_another_stores_ticket_is_refused),
        STORE_TEST(test_the_stamp_comes_back),
        STORE_TEST(test_a_chain_ends_a_day_after_its_full_handshake),
        STORE_TEST(test_a_chain_ends_after_so_many_resumptions),
        STORE_TEST(test_every_term_counts),
        STORE_TEST(test_no_term_runs_into_the_next),
        STORE_TEST(test_after_a_rotation_tickets_still_open),
        STORE_TEST(test_after_two_rotations_tickets_are_refused),
        STORE_TEST(test_a_renewal_ends_all_tickets),
        STORE_TEST(test_every_rotation_brings_another_key),
        STORE_TEST(test_the_next_key_becomes_the_current_one),
        STORE_TEST(test_a_key_that_fell_out_is_nowhere_in_the_store),
        STORE_TEST(test_three_rotations_or_a_renewal_leave_nothing_of_what_was),
        STORE_TEST(test_no_key_is_left_on_the_stack),
        STORE_TEST(test_the_memory_is_in_no_core_dump),
        STORE_TEST(test_a_rotation_is_seen_by_who_may_read),
        STORE_TEST(test_who_is_not_lent_the_keys_has_nothing_of_them),
        STORE_TEST(test_who_reads_the_keys_cannot_write_them),
        STORE_TEST(test_without_randomness_nothing_changes),
        STORE_TEST(test_a_reader_never_sees_half_a_rotation),
        STORE_TEST(test_a_reader_waits_while_the_keys_are_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
