#include "base/region.h"
#include "smaps.h"

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

enum { SLOTS = 3, SLOT_SIZE = 2 * REGION_PAGE };

// Runs `attempt` in a process that was forked with `slot`; its result, or 128 and the signal.
static int in_child(struct region *region, size_t slot, int (*attempt)(struct region *)) {
    region_lend(region, slot);
    pid_t child = fork();
    if (child == 0) {
        const struct rlimit none = {0, 0};
        (void)setrlimit(RLIMIT_CORE, &none);
        (void)signal(SIGSEGV, SIG_DFL);
        (void)signal(SIGBUS, SIG_DFL);
        _exit(attempt(region));
    }
    region_lend(region, REGION_NO_SLOT);
    int status = 0;
    assert_true(child > 0);
    assert_int_equal(waitpid(child, &status, 0), child);
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

static int write_slot_1(struct region *region) {
    region->writable[SLOT_SIZE] = 7;
    region->writable[2 * SLOT_SIZE - 1] = 8;
    return region->readable[SLOT_SIZE] == 7 ? 0 : 1;
}

static int write_slot_0(struct region *region) {
    region->writable[SLOT_SIZE - 1] = 7;
    return 0;
}

static int read_all(struct region *region) {
    int sum = 0;
    for (size_t i = 0; i < SLOTS; i++) {
        sum += region->readable[i * SLOT_SIZE];
    }
    return sum;
}

static int write_what_is_for_reading(struct region *region) {
    *(uint8_t *)(uintptr_t)region->readable = 7;
    return 0;
}

// 0 when no way to write the other slots was found.
static int look_for_another_way(struct region *region) {
    void *readable = (void *)(uintptr_t)region->readable;
    if (mprotect(readable, SLOT_SIZE, PROT_READ | PROT_WRITE) == 0) {
        return 1;
    }
    void *view = mremap(readable, 0, SLOT_SIZE, MREMAP_MAYMOVE);
    if (view == MAP_FAILED || mprotect(view, SLOT_SIZE, PROT_READ | PROT_WRITE) == 0) {
        return 2;
    }
    return 0;
}

// More than the own slot by a view that is grown: there is nothing behind it.
static int grow_the_own_view(struct region *region) {
    void *larger =
        mremap(region->writable + SLOT_SIZE, SLOT_SIZE, 2 * (size_t)SLOT_SIZE, MREMAP_MAYMOVE);
    if (larger != MAP_FAILED) {
        ((volatile uint8_t *)larger)[SLOT_SIZE] = 9;
    }
    return 0;
}

static void test_a_process_writes_its_slot_and_reads_all(void **state) {
    (void)state;
    struct region region;
    assert_true(region_map(&region, "ravelin-test", SLOTS, SLOT_SIZE));
    region.writable[0] = 1;
    region.writable[2 * (size_t)SLOT_SIZE] = 30;
    assert_int_equal(in_child(&region, 1, write_slot_1), 0);
    assert_int_equal(region.readable[SLOT_SIZE], 7);
    assert_int_equal(region.readable[2 * SLOT_SIZE - 1], 8);
    for (size_t i = 0; i < SLOTS; i++) {
        assert_int_equal(in_child(&region, i, read_all), 38);
    }
    assert_int_equal(in_child(&region, 0, write_slot_0), 0);
    region_unmap(&region);
    region_unmap(&region);
}

static void test_nothing_else_can_be_written(void **state) {
    (void)state;
#ifdef RAVELIN_SANITIZE
    skip(); // a signal is an exit status there
#endif
    struct region region;
    assert_true(region_map(&region, "ravelin-test", SLOTS, SLOT_SIZE));
    const size_t others[] = {1, 2, REGION_NO_SLOT};
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(in_child(&region, others[i], write_slot_0), 128 + SIGSEGV);
    }
    assert_int_equal(in_child(&region, 1, write_what_is_for_reading), 128 + SIGSEGV);
    assert_int_equal(in_child(&region, REGION_NO_SLOT, read_all), 128 + SIGSEGV);
    assert_int_equal(read_all(&region), 0);
    region_unmap(&region);
}

static void test_a_reader_reads_all_and_writes_nothing(void **state) {
    (void)state;
#ifdef RAVELIN_SANITIZE
    skip(); // a signal is an exit status there
#endif
    struct region region;
    assert_true(region_map(&region, "ravelin-test", SLOTS, SLOT_SIZE));
    region.writable[SLOT_SIZE] = 9;
    assert_int_equal(in_child(&region, REGION_READER, read_all), 9);
    assert_int_equal(in_child(&region, REGION_READER, write_slot_0), 128 + SIGSEGV);
    assert_int_equal(in_child(&region, REGION_READER, write_what_is_for_reading), 128 + SIGSEGV);
    assert_int_equal(in_child(&region, REGION_READER, look_for_another_way), 0);
    region_unmap(&region);
}

static void test_no_view_can_be_made_writable_or_larger(void **state) {
    (void)state;
    struct region region;
    assert_true(region_map(&region, "ravelin-test", SLOTS, SLOT_SIZE));
    assert_int_equal(in_child(&region, 1, look_for_another_way), 0);
    (void)in_child(&region, 1, grow_the_own_view);
    assert_int_equal(read_all(&region), 0);
    region_unmap(&region);
}

static void test_it_goes_to_no_process_by_itself(void **state) {
    (void)state;
    struct region region;
    assert_true(region_map(&region, "ravelin-test", SLOTS, SLOT_SIZE));
    assert_true(mapping_has_flag(region.writable, "dc"));
    assert_true(mapping_has_flag(region.readable, "dc"));
    region_lend(&region, 1);
    assert_true(mapping_has_flag(region.writable, "dc"));
    assert_false(mapping_has_flag(region.writable + SLOT_SIZE, "dc"));
    assert_true(mapping_has_flag(region.writable + 2 * (size_t)SLOT_SIZE, "dc"));
    assert_false(mapping_has_flag(region.readable, "dc"));
    region_lend(&region, REGION_NO_SLOT);
    assert_true(mapping_has_flag(region.writable + SLOT_SIZE, "dc"));
    assert_true(mapping_has_flag(region.readable, "dc"));
    region_unmap(&region);
}

static void test_sizes_that_cannot_be(void **state) {
    (void)state;
    struct region region;
    assert_false(region_map(&region, "ravelin-test", 0, SLOT_SIZE));
    assert_false(region_map(&region, "ravelin-test", 1, 0));
    assert_false(region_map(&region, "ravelin-test", 1, REGION_PAGE + 64));
    assert_false(region_map(&region, "ravelin-test", SIZE_MAX / REGION_PAGE, REGION_PAGE));
    assert_null(region.writable);
    region_unmap(&region);
}

// --- Handed on by descriptor ---

enum { PART_SIZE = REGION_PAGE + 1000 };

static const struct region_kind FOR_READING = {"ravelin-test", 3, REGION_READ};
static const struct region_kind FOR_WRITING = {"ravelin-test", 3, REGION_WRITE};

// As a process gets it by message.
static int sent(const struct region_part *part) {
    int fd = fcntl(part->fd, F_DUPFD_CLOEXEC, 0);
    assert_true(fd >= 0);
    return fd;
}

static bool is_closed(int fd) {
    return fcntl(fd, F_GETFD) < 0;
}

static void assert_not_opened(const struct region_kind *kind, int fd, size_t size) {
    struct region_part part;
    assert_false(region_open(&part, kind, fd, size));
    assert_null(part.data);
    assert_int_equal(part.fd, -1);
    assert_true(is_closed(fd));
}

static void test_a_part_is_read_where_it_was_sent(void **state) {
    (void)state;
    struct region_part made;
    struct region_part opened;
    assert_true(region_make(&made, &FOR_READING, PART_SIZE));
    assert_true((fcntl(made.fd, F_GETFD) & FD_CLOEXEC) != 0);
    for (size_t i = REGION_HEAD_SIZE; i < PART_SIZE; i++) {
        assert_int_equal(made.data[i], 0);
    }
    made.data[PART_SIZE - 1] = 7;
    int fd = sent(&made);
    assert_true(region_open(&opened, &FOR_READING, fd, PART_SIZE));
    assert_true(is_closed(fd));
    assert_int_equal(opened.data[PART_SIZE - 1], 7);
    made.data[PART_SIZE - 1] = 8;
    assert_int_equal(opened.data[PART_SIZE - 1], 8);
    assert_true(mapping_has_flag(made.data, "dc"));
    assert_true(mapping_has_flag(opened.data, "dc"));
    region_close(&opened);
    region_close(&made);
    region_close(&made);
}

static void test_who_only_reads_a_part_never_writes_it(void **state) {
    (void)state;
    struct region_part made;
    struct region_part opened;
    assert_true(region_make(&made, &FOR_READING, PART_SIZE));
    assert_true(region_open(&opened, &FOR_READING, sent(&made), PART_SIZE));
    assert_int_equal(mprotect(opened.data, PART_SIZE, PROT_READ | PROT_WRITE), -1);
    void *view = mremap(opened.data, 0, PART_SIZE, MREMAP_MAYMOVE);
    assert_true(view != MAP_FAILED);
    assert_int_equal(mprotect(view, PART_SIZE, PROT_READ | PROT_WRITE), -1);
    assert_int_equal(munmap(view, PART_SIZE), 0);
    int fd = sent(&made);
    assert_true(mmap(NULL, PART_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) == MAP_FAILED);
    assert_int_equal(pwrite(fd, "x", 1, 0), -1);
    assert_not_opened(&FOR_WRITING, fd, PART_SIZE);
    region_close(&opened);
    region_close(&made);
}

static void test_nobody_changes_the_size_of_a_part(void **state) {
    (void)state;
    const struct region_kind *kinds[] = {&FOR_READING, &FOR_WRITING};
    for (size_t i = 0; i < 2; i++) {
        struct region_part made;
        assert_true(region_make(&made, kinds[i], PART_SIZE));
        assert_int_equal(ftruncate(made.fd, 0), -1);
        assert_int_equal(ftruncate(made.fd, (off_t)PART_SIZE + 1), -1);
        assert_int_equal(fcntl(made.fd, F_ADD_SEALS, F_SEAL_WRITE), -1);
        region_close(&made);
    }
}

static void test_a_part_to_write_in_is_written_by_both_and_cleared(void **state) {
    (void)state;
    struct region_part made;
    struct region_part opened;
    assert_true(region_make(&made, &FOR_WRITING, PART_SIZE));
    assert_true(region_open(&opened, &FOR_WRITING, sent(&made), PART_SIZE));
    memset(opened.data, 0xff, PART_SIZE); // also over the head
    assert_int_equal(made.data[PART_SIZE - 1], 0xff);
    region_close(&opened);
    assert_not_opened(&FOR_WRITING, sent(&made), PART_SIZE);
    region_clear(&made, &FOR_WRITING);
    assert_true(region_open(&opened, &FOR_WRITING, sent(&made), PART_SIZE));
    assert_int_equal(opened.data[PART_SIZE - 1], 0);
    region_close(&opened);
    region_close(&made);
}

static void test_what_is_no_such_part_is_not_opened(void **state) {
    (void)state;
    static const struct region_kind newer = {"ravelin-test", 4, REGION_READ};
    static const struct region_kind longer = {"ravelin-tests", 3, REGION_READ};
    struct region_part made;
    assert_true(region_make(&made, &FOR_READING, PART_SIZE));
    assert_not_opened(&newer, sent(&made), PART_SIZE);
    assert_not_opened(&longer, sent(&made), PART_SIZE);
    assert_not_opened(&FOR_READING, sent(&made), PART_SIZE - 1);
    assert_not_opened(&FOR_READING, sent(&made), PART_SIZE + 1);
    assert_not_opened(&FOR_READING, -1, PART_SIZE);
    assert_false(region_make(&made, &FOR_READING, REGION_HEAD_SIZE - 1));
    assert_int_equal(made.fd, -1);
    // All but sealed: its reader would fault when it is cut.
    int fd = memfd_create("test", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    assert_int_equal(ftruncate(fd, PART_SIZE), 0);
    assert_true(region_make(&made, &FOR_READING, PART_SIZE));
    assert_int_equal(pwrite(fd, made.data, PART_SIZE, 0), (int)PART_SIZE);
    assert_not_opened(&FOR_READING, fd, PART_SIZE);
    region_close(&made);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_process_writes_its_slot_and_reads_all),
        cmocka_unit_test(test_nothing_else_can_be_written),
        cmocka_unit_test(test_a_reader_reads_all_and_writes_nothing),
        cmocka_unit_test(test_no_view_can_be_made_writable_or_larger),
        cmocka_unit_test(test_it_goes_to_no_process_by_itself),
        cmocka_unit_test(test_sizes_that_cannot_be),
        cmocka_unit_test(test_a_part_is_read_where_it_was_sent),
        cmocka_unit_test(test_who_only_reads_a_part_never_writes_it),
        cmocka_unit_test(test_nobody_changes_the_size_of_a_part),
        cmocka_unit_test(test_a_part_to_write_in_is_written_by_both_and_cleared),
        cmocka_unit_test(test_what_is_no_such_part_is_not_opened),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
