// Conversations, section by section of RFC 9113 (and RFC 9218): what a client sends, and what it is
// told. Each is had three times: with its bytes in one piece, one by one, and in parts of seven.
#include "http2_lab.h"

#define FRAMES_MAX 8

struct conversation {
    const char *rule;
    struct lab_frame frames[FRAMES_MAX]; // after preface and settings; type 255: none
    const char *seen;                    // frames that come back
    const char *log;                     // events, with DATA in one piece; NULL: not compared
    enum lab_answers answers;
};

#define F(type, flags, stream, payload)                                                            \
    {                                                                                              \
        FRAME_##type, (flags), (stream), {                                                         \
            (payload), sizeof(payload) - 1                                                         \
        }                                                                                          \
    }
#define RAW(type, flags, stream, payload)                                                          \
    {                                                                                              \
        (type), (flags), (stream), {                                                               \
            (payload), sizeof(payload) - 1                                                         \
        }                                                                                          \
    }
#define OPEN(stream) F(HEADERS, FRAME_END_HEADERS, stream, BLOCK)
#define WHOLE(stream) F(HEADERS, LAB_WHOLE, stream, BLOCK)
#define END FRAME_END_STREAM

#define PROTOCOL "1"
#define GOAWAY(last, code) "GOAWAY(" last "," code ") "

static char zeros[16385]; // of DATA

static const struct conversation conversations[] = {
    // --- 4.1: frames ---
    {"unknown types are ignored", {RAW(0x55, 0xff, 0, "abc"), WHOLE(1)}, "", "H1. ", 0},
    {"unknown types on a stream are ignored", {RAW(0x0c, 0, 7, "abc"), WHOLE(1)}, "", "H1. ", 0},
    {"unknown flags are ignored", {F(PING, 0xfe, 0, "12345678")}, "PONG ", "", 0},
    {"the reserved bit is ignored", {F(PING, 0, 0x80000000, "12345678")}, "PONG ", "", 0},
    // --- 4.2: sizes ---
    {"DATA of the largest size",
     {OPEN(1), {FRAME_DATA, 0, 1, {zeros, 16384}}},
     "",
     "H1 D1:16384 ",
     0},
    {"DATA over the largest size",
     {OPEN(1), {FRAME_DATA, 0, 1, {zeros, 16385}}},
     GOAWAY("1", "6"),
     NULL,
     0},
    {"HEADERS over the largest size",
     {{FRAME_HEADERS, 0, 1, {zeros, 16385}}},
     GOAWAY("0", "6"),
     NULL,
     0},
    // --- 4.3: header blocks ---
    {"malformed block", {F(HEADERS, LAB_WHOLE, 1, "\x80")}, GOAWAY("1", "9"), "", 0},
    {"frame between the parts of a block",
     {F(HEADERS, END, 1, BLOCK), F(PING, 0, 0, "12345678")},
     GOAWAY("1", PROTOCOL),
     "",
     0},
    {"unknown frame between the parts of a block",
     {F(HEADERS, END, 1, BLOCK), RAW(0x55, 0, 1, "")},
     GOAWAY("1", PROTOCOL),
     "",
     0},
    {"HEADERS of another stream between the parts of a block",
     {F(HEADERS, END, 1, BLOCK), WHOLE(3)},
     GOAWAY("1", PROTOCOL),
     "",
     0},
    // --- 5.1: idle ---
    {"DATA on an idle stream", {F(DATA, END, 1, "a")}, GOAWAY("0", PROTOCOL), "", 0},
    {"RST_STREAM on an idle stream",
     {F(RST_STREAM, 0, 1, "\0\0\0\x8")},
     GOAWAY("0", PROTOCOL),
     "",
     0},
    {"WINDOW_UPDATE on an idle stream",
     {F(WINDOW_UPDATE, 0, 1, "\0\0\0\x1")},
     GOAWAY("0", PROTOCOL),
     "",
     0},
    {"CONTINUATION on an idle stream",
     {F(CONTINUATION, FRAME_END_HEADERS, 1, BLOCK)},
     GOAWAY("0", PROTOCOL),
     "",
     0},
    {"PRIORITY on an idle stream", {F(PRIORITY, 0, 1, "\0\0\0\0\x1"), WHOLE(1)}, "", "H1. ", 0},
    // --- 5.1: half-closed (remote) ---
    {"DATA after the end", {WHOLE(1), F(DATA, END, 1, "a")}, "RST(1,5) ", "H1. R1:5! ", 0},
    {"HEADERS after the end", {WHOLE(1), WHOLE(1)}, "RST(1,5) ", "H1. R1:5! ", 0},
    {"CONTINUATION after the end",
     {WHOLE(1), F(CONTINUATION, FRAME_END_HEADERS, 1, BLOCK)},
     GOAWAY("1", PROTOCOL),
     "H1. ",
     0},
    {"WINDOW_UPDATE, PRIORITY and RST_STREAM after the end",
     {WHOLE(1), F(WINDOW_UPDATE, 0, 1, "\0\0\0\x1"), F(PRIORITY, 0, 1, "\0\0\0\0\x1"),
      F(RST_STREAM, 0, 1, "\0\0\0\x8")},
     "",
     "H1. R1:8 ",
     0},
    // --- 5.1: closed ---
    {"DATA after RST_STREAM",
     {OPEN(1), F(RST_STREAM, 0, 1, "\0\0\0\x8"), F(DATA, END, 1, "a")},
     "RST(1,5) ",
     "H1 R1:8 ",
     0},
    {"HEADERS after RST_STREAM",
     {OPEN(1), F(RST_STREAM, 0, 1, "\0\0\0\x8"), WHOLE(1)},
     "RST(1,5) ",
     "H1 R1:8 ",
     0},
    {"CONTINUATION after RST_STREAM",
     {OPEN(1), F(RST_STREAM, 0, 1, "\0\0\0\x8"), F(CONTINUATION, FRAME_END_HEADERS, 1, BLOCK)},
     GOAWAY("1", PROTOCOL),
     "H1 R1:8 ",
     0},
    {"RST_STREAM is never answered by RST_STREAM (5.4.2)",
     {OPEN(1), F(RST_STREAM, 0, 1, "\0\0\0\x8"), F(RST_STREAM, 0, 1, "\0\0\0\x8")},
     "",
     "H1 R1:8 ",
     0},
    {"DATA on a closed stream",
     {WHOLE(1), F(DATA, END, 1, "a")},
     GOAWAY("1", "5"),
     "H1. ",
     LAB_AT_END},
    {"HEADERS on a closed stream", {WHOLE(1), WHOLE(1)}, GOAWAY("1", "5"), "H1. ", LAB_AT_END},
    {"WINDOW_UPDATE and RST_STREAM on a closed stream",
     {WHOLE(1), F(WINDOW_UPDATE, 0, 1, "\0\0\0\x1"), F(RST_STREAM, 0, 1, "\0\0\0\x8"), WHOLE(3)},
     "",
     "H1. H3. ",
     LAB_AT_END},
    {"WINDOW_UPDATE by 0 on a closed stream",
     {WHOLE(1), F(WINDOW_UPDATE, 0, 1, "\0\0\0\0")},
     GOAWAY("1", PROTOCOL),
     "H1. ",
     LAB_AT_END},
    {"PRIORITY on a closed stream",
     {WHOLE(1), F(PRIORITY, 0, 1, "\0\0\0\0\x1")},
     "",
     "H1. ",
     LAB_AT_END},
    // --- 5.1.1: numbers ---
    {"even number", {WHOLE(2)}, GOAWAY("0", PROTOCOL), "", 0},
    {"DATA on an even number", {F(DATA, END, 2, "a")}, GOAWAY("0", PROTOCOL), "", 0},
    {"lower number", {WHOLE(5), WHOLE(3)}, GOAWAY("5", PROTOCOL), "H5. ", 0},
    {"number far below the last one", {WHOLE(201), WHOLE(5)}, GOAWAY("201", PROTOCOL), "H201. ", 0},
    {"lower number, all closed", {WHOLE(5), WHOLE(3)}, GOAWAY("5", PROTOCOL), "H5. ", LAB_AT_END},
    {"skipped numbers", {WHOLE(1), WHOLE(7), WHOLE(201)}, "", "H1. H7. H201. ", LAB_AT_END},
    {"the highest number", {WHOLE(0x7fffffff)}, "", "H2147483647. ", LAB_AT_END},
    // --- 5.3: priorities of RFC 7540 mean nothing, but may not be malformed ---
    {"PRIORITY that depends on itself",
     {OPEN(1), F(PRIORITY, 0, 1, "\0\0\0\x1\0")},
     "RST(1,1) ",
     "H1 R1:1! ",
     0},
    {"HEADERS that depend on themselves",
     {F(HEADERS, LAB_WHOLE | FRAME_HAS_PRIORITY, 1, "\0\0\0\x1\0" BLOCK), WHOLE(3)},
     "RST(1,1) ",
     "H3. ",
     0},
    {"HEADERS with priority",
     {F(HEADERS, LAB_WHOLE | FRAME_HAS_PRIORITY, 3, "\x80\0\0\x1\xff" BLOCK)},
     "",
     "H3. ",
     0},
    // --- 6.1: DATA ---
    {"DATA on stream 0", {F(DATA, 0, 0, "a")}, GOAWAY("0", PROTOCOL), "", 0},
    {"DATA with padding",
     {OPEN(1), F(DATA, END | FRAME_PADDED, 1,
                 "\x3"
                 "ab\0\0\0")},
     "",
     "H1 D1:2 E1 ",
     0},
    {"DATA that is all padding",
     {OPEN(1), F(DATA, END | FRAME_PADDED, 1, "\x3\0\0\0")},
     "",
     "H1 E1 ",
     0},
    {"padding as long as the payload",
     {OPEN(1), F(DATA, END | FRAME_PADDED, 1,
                 "\x4"
                 "abc")},
     GOAWAY("1", PROTOCOL),
     "H1 ",
     0},
    {"padded DATA without a pad length",
     {OPEN(1), F(DATA, END | FRAME_PADDED, 1, "")},
     GOAWAY("1", "6"),
     "H1 ",
     0},
    {"empty DATA with the end", {OPEN(1), F(DATA, END, 1, "")}, "", "H1 E1 ", 0},
    // --- 6.2: HEADERS ---
    {"HEADERS on stream 0", {WHOLE(0)}, GOAWAY("0", PROTOCOL), "", 0},
    {"HEADERS with padding",
     {F(HEADERS, LAB_WHOLE | FRAME_PADDED, 1, "\x2" BLOCK "\0\0"), WHOLE(3)},
     "",
     "H1. H3. ",
     0},
    {"HEADERS with too much padding",
     {F(HEADERS, LAB_WHOLE | FRAME_PADDED, 1, "\x7" BLOCK)},
     GOAWAY("0", PROTOCOL),
     "",
     0},
    {"HEADERS too short for a priority",
     {F(HEADERS, LAB_WHOLE | FRAME_HAS_PRIORITY, 1, "abc")},
     GOAWAY("0", "6"),
     "",
     0},
    // --- 6.3: PRIORITY ---
    {"PRIORITY on stream 0", {F(PRIORITY, 0, 0, "\0\0\0\x1\0")}, GOAWAY("0", PROTOCOL), "", 0},
    {"PRIORITY of 4 bytes",
     {OPEN(1), F(PRIORITY, 0, 1, "\0\0\0\0"), WHOLE(3)},
     "RST(1,6) ",
     "H1 R1:6! H3. ",
     0},
    // --- 6.4: RST_STREAM ---
    {"RST_STREAM on stream 0", {F(RST_STREAM, 0, 0, "\0\0\0\x8")}, GOAWAY("0", PROTOCOL), "", 0},
    {"RST_STREAM of 3 bytes", {OPEN(1), F(RST_STREAM, 0, 1, "\0\0\0")}, GOAWAY("1", "6"), "H1 ", 0},
    {"RST_STREAM", {OPEN(1), F(RST_STREAM, 0, 1, "\0\0\0\x8"), WHOLE(3)}, "", "H1 R1:8 H3. ", 0},
    // --- 6.5: SETTINGS ---
    {"SETTINGS are acknowledged",
     {F(SETTINGS, 0, 0, ""), F(SETTINGS, 0, 0, "\0\x3\0\0\0\x64")},
     "ACK ACK ",
     "",
     0},
    {"SETTINGS on a stream", {F(SETTINGS, 0, 1, "")}, GOAWAY("0", PROTOCOL), "", 0},
    {"SETTINGS of 5 bytes", {F(SETTINGS, 0, 0, "\0\x3\0\0\0")}, GOAWAY("0", "6"), "", 0},
    {"ACK with a payload", {F(SETTINGS, FRAME_ACK, 0, "\0\x3\0\0\0\x64")}, GOAWAY("0", "6"), "", 0},
    {"unknown settings are ignored",
     {F(SETTINGS, 0, 0, "\x7f\xff\xff\xff\xff\xff")},
     "ACK ",
     "",
     0},
    {"ENABLE_PUSH of 2", {F(SETTINGS, 0, 0, "\0\x2\0\0\0\x2")}, GOAWAY("0", PROTOCOL), "", 0},
    {"INITIAL_WINDOW_SIZE of 2^31",
     {F(SETTINGS, 0, 0, "\0\x4\x80\0\0\0")},
     GOAWAY("0", "3"),
     "",
     0},
    {"MAX_FRAME_SIZE of 16383",
     {F(SETTINGS, 0, 0, "\0\x5\0\0\x3f\xff")},
     GOAWAY("0", PROTOCOL),
     "",
     0},
    {"MAX_FRAME_SIZE of 2^24", {F(SETTINGS, 0, 0, "\0\x5\x1\0\0\0")}, GOAWAY("0", PROTOCOL), "", 0},
    {"ENABLE_CONNECT_PROTOCOL of 2",
     {F(SETTINGS, 0, 0, "\0\x8\0\0\0\x2")},
     GOAWAY("0", PROTOCOL),
     "",
     0},
    {"an ACK that answers nothing", {F(SETTINGS, FRAME_ACK, 0, ""), WHOLE(1)}, "", "H1. ", 0},
    // --- 6.6: PUSH_PROMISE ---
    {"PUSH_PROMISE",
     {OPEN(1), F(PUSH_PROMISE, FRAME_END_HEADERS, 1, "\0\0\0\x2" BLOCK)},
     GOAWAY("1", PROTOCOL),
     "H1 ",
     0},
    // --- 6.7: PING ---
    {"PING", {F(PING, 0, 0, "12345678"), F(PING, 0, 0, "abcdefgh")}, "PONG PONG ", "", 0},
    {"ACK of no PING", {F(PING, FRAME_ACK, 0, "12345678")}, "", "", 0},
    {"PING on a stream", {F(PING, 0, 1, "12345678")}, GOAWAY("0", PROTOCOL), "", 0},
    {"PING of 6 bytes", {F(PING, 0, 0, "123456")}, GOAWAY("0", "6"), "", 0},
    // --- 6.8: GOAWAY ---
    {"GOAWAY on a stream", {F(GOAWAY, 0, 1, "\0\0\0\0\0\0\0\0")}, GOAWAY("0", PROTOCOL), "", 0},
    {"GOAWAY of 7 bytes", {F(GOAWAY, 0, 0, "\0\0\0\0\0\0\0")}, GOAWAY("0", "6"), "", 0},
    {"GOAWAY, and what runs goes on",
     {OPEN(1), F(GOAWAY, 0, 0, "\0\0\0\0\0\0\0\0and why"), F(DATA, END, 1, "ab")},
     "",
     "H1 D1:2 E1 ",
     0},
    // --- 6.9: WINDOW_UPDATE ---
    {"WINDOW_UPDATE by 0", {F(WINDOW_UPDATE, 0, 0, "\0\0\0\0")}, GOAWAY("0", PROTOCOL), "", 0},
    {"WINDOW_UPDATE of a stream by 0",
     {OPEN(1), F(WINDOW_UPDATE, 0, 1, "\0\0\0\0")},
     "RST(1,1) ",
     "H1 R1:1! ",
     0},
    {"WINDOW_UPDATE of 3 bytes", {F(WINDOW_UPDATE, 0, 0, "\0\0\0")}, GOAWAY("0", "6"), "", 0},
    {"window over 2^31-1", {F(WINDOW_UPDATE, 0, 0, "\x7f\xff\xff\xff")}, GOAWAY("0", "3"), "", 0},
    {"largest window", {F(WINDOW_UPDATE, 0, 0, "\x7f\xff\x00\x00")}, "", "", 0},
    {"window of a stream over 2^31-1",
     {OPEN(1), F(WINDOW_UPDATE, 0, 1, "\x7f\xff\xff\xff")},
     "RST(1,3) ",
     "H1 R1:3! ",
     0},
    {"reserved bit of WINDOW_UPDATE", {F(WINDOW_UPDATE, 0, 0, "\x80\0\0\x1")}, "", "", 0},
    // 6.9.2
    {"SETTINGS that make a window exceed 2^31-1",
     {OPEN(1), F(WINDOW_UPDATE, 0, 1, "\x7f\xff\0\0"), F(SETTINGS, 0, 0, "\0\x4\x7f\xff\xff\xff")},
     GOAWAY("1", "3"),
     "H1 ",
     0},
    // --- 6.10: CONTINUATION ---
    {"CONTINUATION",
     {F(HEADERS, END, 1, "\x82\x87"), F(CONTINUATION, 0, 1, "\x84"),
      F(CONTINUATION, FRAME_END_HEADERS, 1,
        "\x01\x01"
        "a"),
      WHOLE(3)},
     "",
     "H1. H3. ",
     0},
    {"HEADERS cut within a field",
     {F(HEADERS, END, 1, "\x82\x87\x84\x01"), F(CONTINUATION, FRAME_END_HEADERS, 1,
                                                "\x01"
                                                "a")},
     "",
     "H1. ",
     0},
    {"block that ends with an empty CONTINUATION",
     {F(HEADERS, END, 1, BLOCK), F(CONTINUATION, FRAME_END_HEADERS, 1, "")},
     "",
     "H1. ",
     0},
    {"CONTINUATION on stream 0",
     {F(HEADERS, END, 1, BLOCK), F(CONTINUATION, FRAME_END_HEADERS, 0, BLOCK)},
     GOAWAY("1", PROTOCOL),
     "",
     0},
    {"CONTINUATION on another stream",
     {WHOLE(1), F(HEADERS, END, 3, BLOCK), F(CONTINUATION, FRAME_END_HEADERS, 1, "")},
     GOAWAY("3", PROTOCOL),
     "H1. ",
     0},
    {"CONTINUATION after the end of a block",
     {WHOLE(1), F(CONTINUATION, FRAME_END_HEADERS, 1, BLOCK)},
     GOAWAY("1", PROTOCOL),
     "H1. ",
     0},
    {"CONTINUATION after DATA",
     {OPEN(1), F(DATA, 0, 1, "a"), F(CONTINUATION, FRAME_END_HEADERS, 1, BLOCK)},
     GOAWAY("1", PROTOCOL),
     NULL,
     0},
    // --- 8.1, 8.2 ---
    {"trailers",
     {OPEN(1), F(DATA, 0, 1, "ab"), F(HEADERS, LAB_WHOLE, 1, TRAILER_BLOCK)},
     "",
     "H1 D1:2 T1:1 E1 ",
     0},
    {"trailers without END_STREAM",
     {OPEN(1), F(HEADERS, FRAME_END_HEADERS, 1, TRAILER_BLOCK)},
     "RST(1,1) ",
     "H1 R1:1! ",
     0},
    {"upper-case letter in a name",
     {F(HEADERS, LAB_WHOLE, 1, BLOCK "\x00\x01X\x01y"), WHOLE(3)},
     "RST(1,1) ",
     "H3. ",
     0},
    {"LF in a value",
     {F(HEADERS, LAB_WHOLE, 1,
        BLOCK "\x00\x01x\x03"
              "a\nb"),
      WHOLE(3)},
     "RST(1,1) ",
     "H3. ",
     0},
    {"NUL in trailers",
     {OPEN(1), F(HEADERS, LAB_WHOLE, 1, "\x00\x01x\x01\0")},
     "RST(1,1) ",
     "H1 R1:1! ",
     0},
    {"early response, and the rest of the request is read (8.1)",
     {OPEN(1), F(DATA, 0, 1, "ab"), F(DATA, END, 1, "c"), F(DATA, END, 1, "d")},
     GOAWAY("1", "5"),
     "H1 D1:2 D1:1 E1 ",
     LAB_AT_HEADERS},
    // --- RFC 9218 7.1 ---
    {"PRIORITY_UPDATE",
     {WHOLE(1), F(PRIORITY_UPDATE, 0, 0, "\0\0\0\x1u=0"),
      F(PRIORITY_UPDATE, 0, 0, "\0\0\0\x3u=9, i=x"), F(PRIORITY_UPDATE, 0, 0, "\0\0\0\x3")},
     "",
     "H1. ",
     0},
    {"PRIORITY_UPDATE on a stream",
     {F(PRIORITY_UPDATE, 0, 1, "\0\0\0\x1u=0")},
     GOAWAY("0", PROTOCOL),
     "",
     0},
    {"PRIORITY_UPDATE of 3 bytes", {F(PRIORITY_UPDATE, 0, 0, "\0\0\0")}, GOAWAY("0", "6"), "", 0},
    {"PRIORITY_UPDATE for stream 0",
     {F(PRIORITY_UPDATE, 0, 0, "\0\0\0\0u=0")},
     GOAWAY("0", PROTOCOL),
     "",
     0},
    {"PRIORITY_UPDATE for a push",
     {F(PRIORITY_UPDATE, 0, 0, "\0\0\0\x2u=0")},
     GOAWAY("0", PROTOCOL),
     "",
     0},
};

static void have(const struct conversation *conversation, size_t part) {
    static struct lab lab;
    static uint8_t bytes[40000];
    lab_begin(&lab);
    lab.answers = conversation->answers;
    lab.quiet = part != SIZE_MAX;
    lab_greet(&lab);
    size_t size = 0;
    for (size_t i = 0; i < FRAMES_MAX; i++) {
        const struct lab_frame *frame = &conversation->frames[i];
        if (frame->payload.data != NULL) {
            size += lab_write(bytes + size, frame);
        }
    }
    bool failed = lab_give(&lab, (struct slice){(char *)bytes, size}, part) == RESULT_ERROR;
    lab_take(&lab, 4096);
    bool fine =
        strcmp(lab.seen, conversation->seen) == 0 &&
        failed == (strstr(conversation->seen, "GOAWAY") != NULL) &&
        failed == (lab.connection.fault.why != NULL) &&
        (part != SIZE_MAX || conversation->log == NULL || strcmp(lab.log, conversation->log) == 0);
    if (!fine) {
        print_error("%s (parts of %zu): seen '%s', wanted '%s'; log '%s'\n", conversation->rule,
                    part, lab.seen, conversation->seen, lab.log);
    }
    assert_true(fine);
    lab_end(&lab);
}

static void test_conversations(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT(conversations); i++) {
        have(&conversations[i], SIZE_MAX);
        have(&conversations[i], 1);
        have(&conversations[i], 7);
    }
    print_message("%zu conversations\n", COUNT(conversations));
}

// --- 3.4: the preface ---

static void test_preface(void **state) {
    (void)state;
    static const struct {
        struct slice bytes;
        const char *seen; // after SETTINGS
    } cases[] = {
        {{"", 0}, ""},
        {{FRAME_PREFACE, 24}, ""},
        {{"GET / HTTP/1.1\r\n", 16}, GOAWAY("0", PROTOCOL)},
        {{"PRI * HTTP/1.1\r\n", 16}, GOAWAY("0", PROTOCOL)},
        {{"PRI * HTTP/2.0\r\n\r\nSM\r\n\rX", 24}, GOAWAY("0", PROTOCOL)},
        {{FRAME_PREFACE "\0\0\0\x4\0\0\0\0\0", 33}, "ACK "},
        {{FRAME_PREFACE "\0\0\0\x4\1\0\0\0\0", 33}, GOAWAY("0", PROTOCOL)}, // an ACK is none
        {{FRAME_PREFACE "\0\0\x8\x6\0\0\0\0\0"
                        "12345678",
          41},
         GOAWAY("0", PROTOCOL)},
        {{FRAME_PREFACE "\0\0\0\x55\0\0\0\0\0", 33}, GOAWAY("0", PROTOCOL)},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        for (size_t part = 1; part <= 64; part *= 4) {
            static struct lab lab;
            lab_begin(&lab);
            lab_assert_seen(&lab, "SETTINGS "); // it need not wait for the client's
            enum result result = lab_give(&lab, cases[i].bytes, part);
            assert_int_equal(result == RESULT_ERROR, strstr(cases[i].seen, "GOAWAY") != NULL);
            lab_assert_seen(&lab, cases[i].seen);
            lab_end(&lab);
        }
    }
}

// The first wrong byte ends it: nothing waits for more.
static void test_preface_at_once(void **state) {
    (void)state;
    static struct lab lab;
    lab_begin(&lab);
    assert_int_equal(lab_give(&lab, BYTES("G"), 1), RESULT_ERROR);
    assert_string_equal(lab.connection.fault.why, "no preface of HTTP/2");
    // What has failed stays so.
    assert_int_equal(lab_give(&lab, BYTES(FRAME_PREFACE), SIZE_MAX), RESULT_ERROR);
    lab_assert_seen(&lab, "SETTINGS " GOAWAY("0", PROTOCOL));
    lab_assert_seen(&lab, "");
    lab_end(&lab);
}

static void test_own_settings(void **state) {
    (void)state;
    static const uint8_t wanted[] = {
        0, 0, 30, 4, 0,    0,   0, 0, 0,                   // SETTINGS
        0, 3, 0,  0, 0,    100, 0, 4, 0, 1, 0,    0,       // streams, window
        0, 6, 0,  0, 0x20, 0,   0, 8, 0, 0, 0,    1,       // header list, RFC 8441
        0, 9, 0,  0, 0,    1,                              // RFC 9218
        0, 0, 4,  8, 0,    0,   0, 0, 0, 0, 0x0f, 0, 0x01, // WINDOW_UPDATE: 1 MiB - 65535
    };
    static struct lab lab;
    struct http2_limits limits = lab_limits();
    limits.stream_window = 65536;
    limits.connection_window = limits.held_max = 1048576;
    lab_begin_with(&lab, &limits);
    uint8_t bytes[256];
    assert_int_equal(http2_output(&lab.connection, bytes, sizeof bytes), sizeof wanted);
    assert_memory_equal(bytes, wanted, sizeof wanted);
    assert_false(http2_has_output(&lab.connection));
    lab_end(&lab);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_conversations),
        cmocka_unit_test(test_preface),
        cmocka_unit_test(test_preface_at_once),
        cmocka_unit_test(test_own_settings),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
