#include "smaps.h"
#include "tls/ticket.h"

#include <errno.h>
#include <poll.h>
#include <seccomp.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

enum { STATE_SIZE = 100, STORE_SIZE = 4096 }; // a store fits in one page

struct ticket {
    uint8_t name[TICKET_NAME_SIZE];
    uint8_t iv[TICKET_IV_SIZE];
    uint8_t mac[TICKET_MAC_SIZE];
    uint8_t data[STATE_SIZE];
};

static const uint8_t NONCE[12] = "twelve bytes";
static const uint8_t SITE_A[TICKET_BINDING_SIZE] = "the binding of one site";
static const uint8_t SITE_B[TICKET_BINDING_SIZE] = "the binding of another";
static const uint8_t STATE[STATE_SIZE] = "what the client's session is made of";

static int set_up(void **state) {
    *state = ticket_store_new();
    return *state == NULL ? -1 : 0;
}

static int tear_down(void **state) {
    ticket_store_free(*state);
    return 0;
}

static struct ticket seal_with(const struct ticket_store *store, const uint8_t nonce[12]) {
    struct ticket ticket;
    memset(&ticket, 0xee, sizeof(ticket));
    memcpy(ticket.data, STATE, sizeof(STATE));
    assert_int_equal(ticket_seal(store, SITE_A, nonce, ticket.name, ticket.iv, ticket.mac,
                                 ticket.data, STATE_SIZE),
                     RESULT_OK);
    return ticket;
}

static struct ticket seal(const struct ticket_store *store) {
    return seal_with(store, NONCE);
}

// Leaves the ticket as it is.
static enum result try_open(const struct ticket_store *store, const uint8_t *binding,
                            const struct ticket *ticket, bool *renew) {
    struct ticket copy = *ticket;
    enum result result = ticket_open(store, binding, copy.name, copy.iv, copy.mac, copy.data,
                                     sizeof(copy.data), renew);
    if (result == RESULT_OK) {
        assert_memory_equal(copy.data, STATE, STATE_SIZE);
    }
    return result;
}

static void assert_opens(const struct ticket_store *store, const struct ticket *ticket,
                         bool expected_renew) {
    bool renew = !expected_renew;
    assert_int_equal(try_open(store, SITE_A, ticket, &renew), RESULT_OK);
    assert_int_equal(renew, expected_renew);
}

static void assert_closed(const struct ticket_store *store, const uint8_t *binding,
                          const struct ticket *ticket) {
    bool renew;
    assert_int_equal(try_open(store, binding, ticket, &renew), RESULT_ERROR);
}

// ---- Sealing and opening

static void test_what_was_sealed_opens(void **state) {
    struct ticket ticket = seal(*state);
    assert_opens(*state, &ticket, false);
    assert_opens(*state, &ticket, false); // as often as it comes
}

static void test_sealing_fills_every_field(void **state) {
    static const uint8_t zeros[32];
    struct ticket ticket = seal(*state);
    assert_memory_not_equal(ticket.data, STATE, 16);
    assert_memory_equal(ticket.iv, NONCE, sizeof(NONCE));
    assert_memory_equal(ticket.iv + sizeof(NONCE), zeros, TICKET_IV_SIZE - sizeof(NONCE));
    assert_memory_not_equal(ticket.mac, zeros, 16);
    assert_memory_equal(ticket.mac + 16, zeros, TICKET_MAC_SIZE - 16);
}

static void test_another_nonce_gives_another_ticket(void **state) {
    static const uint8_t other_nonce[12] = "twelve Bytes";
    struct ticket one = seal(*state);
    struct ticket other = seal_with(*state, other_nonce);
    assert_memory_equal(one.name, other.name, TICKET_NAME_SIZE);
    assert_memory_not_equal(one.iv, other.iv, TICKET_IV_SIZE);
    assert_memory_not_equal(one.mac, other.mac, 16);
    for (size_t i = 0; i + 8 <= STATE_SIZE; i += 8) {
        assert_memory_not_equal(one.data + i, other.data + i, 8);
    }
    assert_opens(*state, &other, false);
}

static void test_a_change_of_any_byte_is_noticed(void **state) {
    struct ticket ticket = seal(*state);
    uint8_t *bytes = (uint8_t *)&ticket;
    for (size_t i = 0; i < sizeof(ticket); i++) {
        for (unsigned bit = 0; bit < 8; bit += 7) {
            bytes[i] ^= (uint8_t)(1U << bit);
            bool renew;
            if (try_open(*state, SITE_A, &ticket, &renew) != RESULT_ERROR) {
                fail_msg("opened with byte %zu changed", i);
            }
            bytes[i] ^= (uint8_t)(1U << bit);
        }
    }
    assert_opens(*state, &ticket, false);
}

static void test_a_shorter_ticket_is_refused(void **state) {
    struct ticket ticket = seal(*state);
    for (size_t size = 0; size < STATE_SIZE; size++) {
        struct ticket copy = ticket;
        bool renew;
        assert_int_equal(
            ticket_open(*state, SITE_A, copy.name, copy.iv, copy.mac, copy.data, size, &renew),
            RESULT_ERROR);
    }
}

static void test_another_sites_ticket_is_refused(void **state) {
    struct ticket ticket = seal(*state);
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
    struct ticket ticket = seal(other);
    struct ticket ours = seal(*state);
    assert_memory_not_equal(ticket.name, ours.name, TICKET_NAME_SIZE);
    assert_closed(*state, SITE_A, &ticket);
    memcpy(ticket.name, ours.name, TICKET_NAME_SIZE); // the key is another one too
    assert_closed(*state, SITE_A, &ticket);
    ticket_store_free(other);
}

// ---- Rotation

static void test_after_a_rotation_tickets_open_and_are_to_be_renewed(void **state) {
    struct ticket old = seal(*state);
    assert_true(ticket_store_rotate(*state));
    assert_opens(*state, &old, true);
    struct ticket fresh = seal(*state);
    assert_memory_not_equal(fresh.name, old.name, TICKET_NAME_SIZE);
    assert_opens(*state, &fresh, false);
}

static void test_after_two_rotations_tickets_are_refused(void **state) {
    struct ticket old = seal(*state);
    assert_true(ticket_store_rotate(*state));
    struct ticket middle = seal(*state);
    assert_true(ticket_store_rotate(*state));
    assert_closed(*state, SITE_A, &old);
    assert_opens(*state, &middle, true);
    for (int i = 0; i < 10; i++) {
        assert_true(ticket_store_rotate(*state));
        assert_closed(*state, SITE_A, &old);
    }
    assert_closed(*state, SITE_A, &middle);
}

static void test_every_rotation_brings_another_key(void **state) {
    uint8_t names[20][TICKET_NAME_SIZE];
    for (size_t i = 0; i < 20; i++) {
        struct ticket ticket = seal(*state);
        memcpy(names[i], ticket.name, TICKET_NAME_SIZE);
        for (size_t k = 0; k < i; k++) {
            assert_memory_not_equal(names[i], names[k], TICKET_NAME_SIZE);
        }
        assert_true(ticket_store_rotate(*state));
    }
}

// Whether any eight bytes of bytes[0..size) lie in the store.
static bool store_holds(const struct ticket_store *store, const uint8_t *bytes, size_t size) {
    for (size_t i = 0; i + 8 <= size; i++) {
        if (memmem(store, STORE_SIZE, bytes + i, 8) != NULL) {
            return true;
        }
    }
    return false;
}

static void test_a_key_that_fell_out_is_nowhere_in_the_store(void **state) {
    struct ticket ticket = seal(*state);
    const uint8_t *name = memmem(*state, STORE_SIZE, ticket.name, TICKET_NAME_SIZE);
    assert_non_null(name);
    uint8_t key[TICKET_NAME_SIZE + 32]; // a key lies behind its name
    memcpy(key, name, sizeof(key));
    assert_true(ticket_store_rotate(*state));
    assert_true(store_holds(*state, key, sizeof(key)));
    assert_true(ticket_store_rotate(*state));
    assert_false(store_holds(*state, key, sizeof(key)));
}

static void test_three_rotations_leave_nothing_of_what_was(void **state) {
    uint8_t before[STORE_SIZE];
    memcpy(before, *state, sizeof(before));
    size_t begin = 0, end = sizeof(before);
    while (begin < end && before[begin] == 0) {
        begin++;
    }
    while (end > begin && before[end - 1] == 0) {
        end--;
    }
    assert_true(end - begin > 3 * (TICKET_NAME_SIZE + 32) - 8);
    for (int i = 0; i < 3; i++) {
        assert_true(store_holds(*state, before + begin, end - begin));
        assert_true(ticket_store_rotate(*state));
    }
    assert_false(store_holds(*state, before + begin, end - begin));
}

// ---- Processes. A child tells by its exit status what it saw.

static int wait_for(pid_t child) {
    int status;
    while (waitpid(child, &status, 0) < 0) {
        assert_int_equal(errno, EINTR);
    }
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void test_the_memory_is_shared_and_in_no_core_dump(void **state) {
    assert_true(mapping_has_flag(*state, "sh"));
    assert_true(mapping_has_flag(*state, "dd"));
}

static void test_a_rotation_is_seen_by_other_processes(void **state) {
    int go[2];
    struct ticket ticket = seal(*state);
    assert_int_equal(pipe(go), 0);
    pid_t child = fork();
    if (child == 0) {
        char byte;
        bool renew = false;
        close(go[1]);
        bool told = read(go[0], &byte, 1) == 1;
        _exit(told && try_open(*state, SITE_A, &ticket, &renew) == RESULT_OK && renew ? 42 : 1);
    }
    close(go[0]);
    assert_true(ticket_store_rotate(*state));
    assert_int_equal(write(go[1], "x", 1), 1);
    assert_int_equal(wait_for(child), 42);
    close(go[1]);
}

static void test_leaving_unmaps_here_and_leaves_the_keys_to_the_others(void **state) {
    struct ticket ticket = seal(*state);
    pid_t child = fork();
    if (child == 0) {
        ticket_store_leave(*state);
        bool gone = msync(*state, STORE_SIZE, MS_ASYNC) != 0 && errno == ENOMEM;
        ticket_store_leave(NULL);
        _exit(gone ? 42 : 1);
    }
    assert_int_equal(wait_for(child), 42);
    assert_opens(*state, &ticket, false);
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
    pid_t child = fork();
    if (child == 0) {
        static uint8_t before[STORE_SIZE];
        memcpy(before, *state, sizeof(before));
        _exit(!forbid_randomness()                          ? 1
              : ticket_store_rotate(*state)                 ? 2
              : memcmp(before, *state, sizeof(before)) != 0 ? 3
              : ticket_store_new() != NULL                  ? 4
                                                            : 42);
    }
    assert_int_equal(wait_for(child), 42);
}

// A reader that saw half of a rotation would seal with one key under another's name.
static void test_a_reader_never_sees_half_a_rotation(void **state) {
    pid_t parent = getpid();
    pid_t writer = fork();
    if (writer == 0) {
        while (getppid() == parent && ticket_store_rotate(*state)) {
        }
        _exit(0);
    }
    size_t torn = 0;
    for (int i = 0; i < 300000; i++) {
        struct ticket ticket = seal(*state);
        bool renew;
        // Refused is right when its key has fallen out meanwhile, but not while it is still there.
        if (try_open(*state, SITE_A, &ticket, &renew) != RESULT_OK &&
            memmem(*state, STORE_SIZE, ticket.name, TICKET_NAME_SIZE) != NULL) {
            torn++;
        }
    }
    (void)kill(writer, SIGKILL);
    (void)waitpid(writer, NULL, 0);
    assert_int_equal(torn, 0);
}

static void test_a_reader_waits_while_the_keys_are_written(void **state) {
    struct ticket before = seal(*state);
    uint8_t copy[STORE_SIZE];
    int answer[2];
    assert_int_equal(pipe(answer), 0);
    memcpy(copy, *state, sizeof(copy));
    // The first word is the version. Odd: the keys are being written, and here they are half-way.
    _Atomic uint32_t *version = *state;
    (*version)++;
    memset((uint8_t *)*state + sizeof(*version), 0x5a, (TICKET_NAME_SIZE + 32) * 3UL);
    pid_t child = fork();
    if (child == 0) {
        struct ticket ticket = seal(*state);
        _exit(write(answer[1], &ticket, sizeof(ticket)) == sizeof(ticket) ? 42 : 1);
    }
    struct pollfd too_early = {.fd = answer[0], .events = POLLIN};
    int answers = poll(&too_early, 1, 50);
    memcpy((uint8_t *)*state + sizeof(*version), copy + sizeof(*version),
           sizeof(copy) - sizeof(*version));
    (*version)++;
    struct ticket ticket;
    assert_int_equal(read(answer[0], &ticket, sizeof(ticket)), sizeof(ticket));
    assert_int_equal(wait_for(child), 42);
    assert_int_equal(answers, 0);
    assert_memory_equal(ticket.name, before.name, TICKET_NAME_SIZE);
    assert_opens(*state, &ticket, false);
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
        STORE_TEST(test_after_a_rotation_tickets_open_and_are_to_be_renewed),
        STORE_TEST(test_after_two_rotations_tickets_are_refused),
        STORE_TEST(test_every_rotation_brings_another_key),
        STORE_TEST(test_a_key_that_fell_out_is_nowhere_in_the_store),
        STORE_TEST(test_three_rotations_leave_nothing_of_what_was),
        STORE_TEST(test_the_memory_is_shared_and_in_no_core_dump),
        STORE_TEST(test_a_rotation_is_seen_by_other_processes),
        STORE_TEST(test_leaving_unmaps_here_and_leaves_the_keys_to_the_others),
        STORE_TEST(test_without_randomness_nothing_changes),
        STORE_TEST(test_a_reader_never_sees_half_a_rotation),
        STORE_TEST(test_a_reader_waits_while_the_keys_are_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
