// How many descriptors this process has open, to see that none is left behind.
#ifndef RAVELIN_TESTS_DESCRIPTORS_H
#define RAVELIN_TESTS_DESCRIPTORS_H

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

// Counts some that are the same at each call, too: compare two counts.
static inline size_t count_descriptors(void) {
    size_t count = 0;
    DIR *list = opendir("/proc/self/fd");
    assert_non_null(list);
    while (readdir(list) != NULL) {
        count++;
    }
    (void)closedir(list);
    return count;
}

#endif
