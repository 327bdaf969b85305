// Request heads as literals, in short forms.
#ifndef RAVELIN_TESTS_HTTP_HEADS_H
#define RAVELIN_TESTS_HTTP_HEADS_H

#include "http_cases.h"

#define BYTES(text)                                                                                \
    { text, sizeof(text) - 1 }
#define LINE(line) line "\r\nHost: a\r\n\r\n"
#define WITH(fields) "GET / HTTP/1.1\r\nHost: a\r\n" fields "\r\n"
#define POST(fields) "POST / HTTP/1.1\r\nHost: a\r\n" fields "\r\n"
#define OLD(fields) "GET / HTTP/1.0\r\n" fields "\r\n"
#define HOST(value) "GET / HTTP/1.1\r\nHost:" value "\r\n\r\n"
#define TARGET(target, host) "GET " target " HTTP/1.1\r\nHost: " host "\r\n\r\n"
#define A50 "aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeee"
#define A255 A50 A50 A50 A50 A50 "aaaaa"

#endif
