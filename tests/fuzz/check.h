// What must hold whatever the input is: else the fuzzer ends there, and keeps the input.
#ifndef RAVELIN_TESTS_FUZZ_CHECK_H
#define RAVELIN_TESTS_FUZZ_CHECK_H

#include <stdio.h>
#include <stdlib.h>

#define CHECK(condition)                                                                           \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition);                        \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

#endif
