#include "base/ring.h"

#include "base/sanitize.h"
#include "descriptors.h"
#include "smaps.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

enum { PAGE = 4096 };

static bool is_mapped(const void *address) {
    unsigned char resident;
    return mincore((void *)(uintptr_t)address, PAGE, &resident) == 0;
}

// Without allocating, as it is used where memory is short.
static size_t count_mappings(void) {
    static char text[65536];
    size_t count = 0;
    int fd = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
    ssize_t size;
    while (fd >= 0 && (size = read(fd, text, sizeof(text))) > 0) {
        for (ssize_t i = 0; i < size; i++) {
            count += text[i] == '\n';
        }
    }
    close(fd);
    return count;
}

// --- One ring ---

static void test_both_halves_show_the_same_memory(void **state) {
    (void)state;
    struct ring_pool pool;
    ring_pool_init(&pool, 1);
    struct ring *ring = ring_get(&pool);
    assert_non_null(ring);
    assert_int_equal(ring->head, 0);
    assert_int_equal(ring->tail, 0);
    for (size_t i = 0; i < RING_SIZE; i++) {
        ring->base[i] = (uint8_t)(i * 7 + (i >> 8));
    }
    assert_memory_equal(ring->base, ring->base + RING_SIZE, RING_SIZE);
    ring->base[2 * RING_SIZE - 1] = 0x99;
    assert_int_equal(ring->base[RING_SIZE - 1], 0x99);
    ring_put(&pool, ring);
    ring_pool_free(&pool);
}

static void test_what_is_written_across_the_end_is_contiguous(void **state) {
    (void)state;
    struct ring_pool pool;
    ring_pool_init(&pool, 1);
    struct ring *ring = ring_get(&pool);
    assert_non_null(ring);
    ring->head = ring->tail = RING_SIZE - 10;
    memcpy(ring_at(ring, ring->tail), "contiguous across the end", 25);
    ring->tail += 25;
    assert_memory_equal(ring_at(ring, ring->head), "contiguous across the end", 25);
    assert_memory_equal(ring->base, " across the end", 15);
    assert_memory_equal(ring_at(ring, RING_SIZE), " across the end", 15);
    // From any position on, the whole ring is contiguous.
    ring->head = RING_SIZE + 1;
    ring->tail = ring->head;
    memset(ring_at(ring, ring->tail), 0x61, RING_SIZE);
    assert_int_equal(ring->base[0], 0x61);
    assert_int_equal(ring->base[RING_SIZE], 0x61);
    ring_put(&pool, ring);
    ring_pool_free(&pool);
}

// Bytes of a stream come in chunks of one set of sizes and are read as messages of another.
static void test_a_stream_goes_through_unchanged(void **state) {
    (void)state;
    const size_t chunks[] = {1, 1460, 16406, 7, 40000, 65536, 333};
    const size_t messages[] = {16406, 22, 5, 900, 16384, 1};
    const uint64_t total = 20 * RING_SIZE;
    struct ring_pool pool;
    ring_pool_init(&pool, 1);
    struct ring *ring = ring_get(&pool);
    assert_non_null(ring);
    uint64_t read_to = 0;
    for (size_t i = 0, m = 0; read_to < total; i++) {
        size_t chunk = chunks[i % 7] < ring_room(ring) ? chunks[i % 7] : ring_room(ring);
        uint8_t *at = ring_at(ring, ring->tail);
        for (size_t k = 0; k < chunk; k++) {
            at[k] = (uint8_t)((ring->tail + k) * 2654435761U >> 13);
        }
        ring->tail += chunk;
        for (; ring_used(ring) >= messages[m % 6]; m++) {
            const uint8_t *message = ring_at(ring, ring->head);
            for (size_t k = 0; k < messages[m % 6]; k++, read_to++) {
                assert_int_equal(message[k], (uint8_t)(read_to * 2654435761U >> 13));
            }
            ring_release(ring, read_to);
        }
    }
    ring_put(&pool, ring);
    ring_pool_free(&pool);
}

static void test_positions(void **state) {
    (void)state;
    uint8_t base;
    struct ring ring = {.base = &base, .head = 100, .tail = 100};
    assert_int_equal(ring_used(&ring), 0);
    assert_int_equal(ring_room(&ring), RING_SIZE);
    ring.tail += RING_SIZE;
    assert_int_equal(ring_used(&ring), RING_SIZE);
    assert_int_equal(ring_room(&ring), 0);
    ring_release(&ring, 101);
    assert_int_equal(ring_room(&ring), 1);
    ring_rewind(&ring); // not empty: nothing happens
    assert_int_equal(ring.head, 101);
    ring_release(&ring, ring.tail);
    assert_int_equal(ring.head, 100 + RING_SIZE); // release does not renumber
    ring_rewind(&ring);
    assert_int_equal(ring.head, 0);
    assert_int_equal(ring.tail, 0);
}

static void test_a_ring_is_in_no_dump_and_no_child(void **state) {
    (void)state;
    struct ring_pool pool;
    ring_pool_init(&pool, 1);
    struct ring *ring = ring_get(&pool);
    assert_non_null(ring);
    for (size_t i = 0; i < 2; i++) {
        assert_true(mapping_has_flag(ring->base + i * RING_SIZE, "sh"));
        assert_true(mapping_has_flag(ring->base + i * RING_SIZE, "dd"));
        assert_true(mapping_has_flag(ring->base + i * RING_SIZE, "dc"));
    }
    ring_put(&pool, ring);
    ring_pool_free(&pool);
}

// --- The pool ---

static void test_spares_are_reused_and_begin_at_zero(void **state) {
    (void)state;
    struct ring_pool pool;
    ring_pool_init(&pool, 2);
    struct ring *first = ring_get(&pool), *second = ring_get(&pool);
    assert_non_null(first);
    assert_non_null(second);
    assert_ptr_not_equal(first, second);
    second->head = 7;
    second->tail = 9;
    ring_put(&pool, first);
    ring_put(&pool, second);
    assert_int_equal(pool.spare_count, KEEP_SPARES ? 2 : 0);
    struct ring *again = ring_get(&pool);
    if (KEEP_SPARES) {
        assert_ptr_equal(again, second); // the last one put
        assert_int_equal(pool.spare_count, 1);
    }
    assert_int_equal(again->head, 0);
    assert_int_equal(again->tail, 0);
    ring_put(&pool, again);
    ring_pool_free(&pool);
    assert_int_equal(pool.spare_count, 0);
    assert_null(pool.spares);
}

static void test_rings_over_the_maximum_give_their_memory_back(void **state) {
    (void)state;
    struct ring_pool pool;
    struct ring *rings[3];
    ring_pool_init(&pool, 1);
    const size_t files = count_descriptors();
    for (size_t i = 0; i < 3; i++) {
        rings[i] = ring_get(&pool);
        assert_non_null(rings[i]);
        memset(rings[i]->base, 'a', RING_SIZE);
    }
    assert_int_equal(count_descriptors(), files); // a ring needs no descriptor
    const uint8_t *kept = rings[0]->base, *over = rings[1]->base;
    for (size_t i = 0; i < 3; i++) {
        ring_put(&pool, rings[i]);
    }
    assert_int_equal(pool.spare_count, KEEP_SPARES ? 1 : 0);
    assert_int_equal(is_mapped(kept), KEEP_SPARES);
    assert_int_equal(is_mapped(over), KEEP_SPARES);
    if (KEEP_SPARES) {
        assert_int_equal(kept[RING_SIZE - 1], 'a');
        assert_int_equal(over[0] | over[RING_SIZE - 1] | over[2 * RING_SIZE - 1], 0);
    }
    ring_pool_free(&pool);
    assert_false(is_mapped(kept));
    assert_false(is_mapped(over));
    ring_put(&pool, NULL);
}

enum { MANY = 200 };

// Each of many rings has memory of its own, and all of them cost little more than a mapping each.
static void test_a_ring_costs_one_mapping(void **state) {
    (void)state;
    struct ring_pool pool;
    static struct ring *rings[MANY];
    ring_pool_init(&pool, 0);
    const size_t before = count_mappings();
    for (size_t i = 0; i < MANY; i++) {
        rings[i] = ring_get(&pool);
        assert_non_null(rings[i]);
        memset(rings[i]->base, (int)i, RING_SIZE);
    }
    if (KEEP_SPARES) {
        assert_in_range(count_mappings() - before, MANY, MANY + MANY / RING_CHUNK + RING_CHUNK + 4);
    }
    for (size_t i = 0; i < MANY; i++) {
        assert_int_equal(rings[i]->base[0], (uint8_t)i);
        assert_memory_equal(rings[i]->base, rings[i]->base + RING_SIZE, RING_SIZE);
    }
    // Back in another order: what is in use keeps its bytes, and all is unmapped with the last.
    for (size_t i = 0; i < MANY; i += 2) {
        ring_put(&pool, rings[i]);
    }
    for (size_t i = 1; i < MANY; i += 2) {
        assert_int_equal(rings[i]->base[RING_SIZE - 1], (uint8_t)i);
    }
    struct ring *again = ring_get(&pool); // of a chunk that is there
    assert_non_null(again);
    again->base[0] = 1;
    assert_int_equal(again->base[RING_SIZE], 1);
    ring_put(&pool, again);
    for (size_t i = MANY - 1; i < MANY; i -= 2) {
        ring_put(&pool, rings[i]);
    }
    assert_true(list_is_empty(&pool.partial));
    assert_in_range(count_mappings(), 0, before + 1);
    ring_pool_free(&pool);
}

static void test_trim_gives_back_half_and_comes_to_an_end(void **state) {
    (void)state;
    if (!KEEP_SPARES) {
        skip();
    }
    struct ring_pool pool;
    struct ring *rings[7];
    ring_pool_init(&pool, 7);
    for (size_t i = 0; i < 7; i++) {
        rings[i] = ring_get(&pool);
        assert_non_null(rings[i]);
    }
    for (size_t i = 0; i < 7; i++) {
        ring_put(&pool, rings[i]);
    }
    ring_pool_trim(&pool); // all seven were in use since the last time: nothing goes
    assert_int_equal(pool.spare_count, 7);
    struct ring *used = ring_get(&pool);
    ring_put(&pool, used); // one is needed now and then, six are not: half of them go
    const size_t left[] = {4, 2, 1, 0, 0};
    for (size_t i = 0; i < 5; i++) {
        ring_pool_trim(&pool);
        assert_int_equal(pool.spare_count, left[i]);
    }
    assert_null(pool.spares);
}

// --- Shortage. Each in a child of its own, as limits cannot be taken back ---

typedef int shortage(void);

static void assert_child_returns_zero(shortage *function) {
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        _exit(function());
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

// 0 when there is no ring to be had and nothing was left behind by trying.
static int get_nothing(void) {
    struct ring_pool pool;
    ring_pool_init(&pool, 1);
    const size_t mappings = count_mappings();
    for (int i = 0; i < 3; i++) {
        if (ring_get(&pool) != NULL) {
            return 2;
        }
    }
    return count_mappings() == mappings ? 0 : 3;
}

// A process that has run out of descriptors must still be able to receive.
static int without_descriptors(void) {
    struct ring_pool pool;
    ring_pool_init(&pool, 1);
    const struct rlimit none = {0, 0};
    if (setrlimit(RLIMIT_NOFILE, &none) != 0) {
        return 4;
    }
    struct ring *ring = ring_get(&pool);
    if (ring == NULL) {
        return 2;
    }
    ring->base[0] = 1;
    return ring->base[RING_SIZE] == 1 ? 0 : 3;
}

static int without_address_space(void) {
    const struct rlimit limit = {RING_SIZE, RING_SIZE}; // less than is in use
    if (setrlimit(RLIMIT_AS, &limit) != 0) {
        return 4;
    }
    return get_nothing();
}

static void test_a_ring_needs_no_descriptor(void **state) {
    (void)state;
    assert_child_returns_zero(without_descriptors);
}

static void test_no_ring_without_address_space(void **state) {
    (void)state;
    if (!KEEP_SPARES) {
        skip(); // AddressSanitizer needs more of it than the limit
    }
    assert_child_returns_zero(without_address_space);
}

static size_t max_map_count(void) {
    FILE *file = fopen("/proc/sys/vm/max_map_count", "re");
    size_t count = 0;
    if (file != NULL) {
        char line[32];
        if (fgets(line, sizeof(line), file) != NULL) {
            count = strtoul(line, NULL, 10);
        }
        fclose(file);
    }
    return count;
}

static void *map_one_page(void) { // merges with no other mapping
    return mmap(NULL, PAGE, PROT_READ, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
}

// Uses up all mappings a process may have: by splitting one again and again, at last one by one.
static bool use_up_mappings(void) {
    size_t pages = 2 * max_map_count();
    int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
    uint8_t *area = mmap(NULL, pages * PAGE, PROT_READ, flags, -1, 0);
    if (area == MAP_FAILED) {
        return false;
    }
    size_t page = 1;
    while (page < pages && mprotect(area + page * PAGE, PAGE, PROT_NONE) == 0) {
        page += 2;
    }
    size_t singles = 0;
    while (singles < 1000 && map_one_page() != MAP_FAILED) {
        singles++;
    }
    return page < pages && singles < 1000;
}

// Gives the mappings back one by one: so each of those that a ring needs is once the one too many.
static int without_mappings(void) {
    enum { SPARE = 16 };
    void *spares[SPARE];
    for (size_t i = 0; i < SPARE; i++) {
        spares[i] = map_one_page();
    }
    if (!use_up_mappings()) {
        return 4;
    }
    struct ring_pool pool;
    ring_pool_init(&pool, 0);
    for (size_t i = 0; i < SPARE; i++) {
        const size_t mappings = count_mappings();
        struct ring *ring = ring_get(&pool);
        ring_put(&pool, ring);
        if (count_mappings() != mappings) {
            return 5;
        }
        if (ring != NULL) {
            return i >= 2 ? 0 : 6; // it failed with none left and with one left
        }
        if (munmap(spares[i], PAGE) != 0) {
            return 7;
        }
    }
    return 8;
}

static void test_no_ring_without_mappings(void **state) {
    (void)state;
    size_t count = max_map_count();
    if (!KEEP_SPARES || count == 0 || count > 300000) {
        skip(); // AddressSanitizer maps memory of its own; more mappings take too long
    }
    assert_child_returns_zero(without_mappings);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_both_halves_show_the_same_memory),
        cmocka_unit_test(test_what_is_written_across_the_end_is_contiguous),
        cmocka_unit_test(test_a_stream_goes_through_unchanged),
        cmocka_unit_test(test_positions),
        cmocka_unit_test(test_a_ring_is_in_no_dump_and_no_child),
        cmocka_unit_test(test_spares_are_reused_and_begin_at_zero),
        cmocka_unit_test(test_rings_over_the_maximum_give_their_memory_back),
        cmocka_unit_test(test_a_ring_costs_one_mapping),
        cmocka_unit_test(test_trim_gives_back_half_and_comes_to_an_end),
        cmocka_unit_test(test_a_ring_needs_no_descriptor),
        cmocka_unit_test(test_no_ring_without_address_space),
        cmocka_unit_test(test_no_ring_without_mappings),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
