// Copying of plain bytes (base/escape.h): every byte at every place of texts of every short size,
// compared with one byte after the other.
#include "base/escape.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

enum { SIZE_MAX_TESTED = 50, GUARD = '#' };

static size_t plain_at_start(const char *text, size_t size) {
    size_t count = 0;
    while (count < size && escape_json[(uint8_t)text[count]] == 0) {
        count++;
    }
    return count;
}

static void assert_copies(const char *text, size_t size, size_t room) {
    char output[SIZE_MAX_TESTED + 1];
    memset(output, GUARD, sizeof(output));
    size_t most = size < room ? size : room;
    size_t copied = escape_copy_plain((struct slice){text, size}, output, room, escape_json);
    assert_int_equal(copied, plain_at_start(text, most));
    assert_memory_equal(output, text, copied);
    assert_int_equal(output[room], GUARD);
}

static void test_every_byte_at_every_place(void **state) {
    (void)state;
    char text[SIZE_MAX_TESTED];
    for (size_t size = 1; size <= sizeof(text); size++) {
        for (size_t at = 0; at < size; at++) {
            for (int byte = 0; byte < 256; byte++) {
                memset(text, 'a', size);
                text[at] = (char)byte;
                assert_copies(text, size, sizeof(text));
            }
        }
    }
}

static void test_every_room(void **state) {
    (void)state;
    char text[SIZE_MAX_TESTED];
    memset(text, 'a', sizeof(text));
    for (size_t room = 0; room <= sizeof(text); room++) {
        for (size_t size = 0; size <= sizeof(text); size++) {
            assert_copies(text, size, room);
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_byte_at_every_place),
        cmocka_unit_test(test_every_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
