// What the program under test would have given to syslog(3): the functions here stand before the C
// library's. Included by the one file of a test program.
#ifndef RAVELIN_TESTS_FAKE_SYSLOG_H
#define RAVELIN_TESTS_FAKE_SYSLOG_H

#include <stdarg.h>
#include <stdio.h>

static int syslog_calls;
static int syslog_priority; // of the last call
static char syslog_text[32768];

void syslog(int priority, const char *format, ...) __attribute__((format(printf, 2, 3)));
// What a fortified build calls.
void __syslog_chk(int priority, int flag, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

__attribute__((format(printf, 2, 0))) static void keep_syslog(int priority, const char *format,
                                                              va_list arguments) {
    syslog_calls++;
    syslog_priority = priority;
    (void)vsnprintf(syslog_text, sizeof(syslog_text), format, arguments);
}

void syslog(int priority, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    keep_syslog(priority, format, arguments);
    va_end(arguments);
}

void __syslog_chk(int priority, int flag, const char *format, ...) {
    (void)flag;
    va_list arguments;
    va_start(arguments, format);
    keep_syslog(priority, format, arguments);
    va_end(arguments);
}

#endif
