// Numbers as decimal digits, written in place: first compute the size, then write the digits. No
// I/O, no allocation, no NUL at the end.
#ifndef RAVELIN_BASE_DECIMAL_H
#define RAVELIN_BASE_DECIMAL_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

// Digits of UINT64_MAX.
#define DECIMAL_SIZE_MAX 20

// The number of digits of `number`, 1 to DECIMAL_SIZE_MAX.
static inline size_t decimal_size(uint64_t number) {
    static const uint64_t powers[DECIMAL_SIZE_MAX] = {
        1,
        10,
        100,
        1000,
        10000,
        100000,
        1000000,
        10000000,
        100000000,
        1000000000,
        10000000000,
        100000000000,
        1000000000000,
        10000000000000,
        100000000000000,
        1000000000000000,
        10000000000000000,
        100000000000000000,
        1000000000000000000,
        10000000000000000000U,
    };
    // A number of b bits has about b * log10(2) digits; 1233 / 4096 is close enough up to 64 bits.
    uint64_t counted = number | 1; // 0 has a digit, too
    size_t bits = 64 - (size_t)__builtin_clzll(counted);
    size_t about = bits * 1233 >> 12;
    return about + (counted >= powers[about]);
}

// Writes the digits to output[0..size); `size` is decimal_size(number).
static inline void decimal_write(char *output, size_t size, uint64_t number) {
    static const char pairs[] = "00010203040506070809101112131415161718192021222324"
                                "25262728293031323334353637383940414243444546474849"
                                "50515253545556575859606162636465666768697071727374"
                                "75767778798081828384858687888990919293949596979899";
    char *at = output + size;
    for (; number >= 100; number /= 100) {
        at -= 2;
        memcpy(at, pairs + number % 100 * 2, 2);
    }
    if (number >= 10) {
        memcpy(output, pairs + number * 2, 2);
    } else {
        *output = (char)('0' + number);
    }
}

#endif
