// Chunked bodies: what is data in them, what is refused, and that it does not matter where the
// bytes are cut.
#include "http/chunk.h"
#include "http_cases.h"

struct accepted {
    struct slice text;
    const char *data; // all data spans together
};

struct refused {
    struct slice text;
    const char *why;
};

#define BYTES(text)                                                                                \
    { text, sizeof(text) - 1 }
#define ACCEPT(text, data)                                                                         \
    { BYTES(text), data }
#define REFUSE(text, cause)                                                                        \
    { BYTES(text), cause }
#define EXTENDED(extension) ACCEPT("3" extension "\r\nabc\r\n0\r\n", "abc")
#define X10 "xxxxxxxxxx"
#define X240                                                                                       \
    X10 X10 X10 X10 X10 X10 X10 X10 X10 X10 X10 X10 X10 X10 X10 X10 X10 X10 X10 X10 X10 X10 X10 X10

// Each ends where the trailer section begins.
static const struct accepted accepted_cases[] = {
    ACCEPT("0\r\n", ""),
    ACCEPT("000\r\n", ""),
    ACCEPT("0000000000000000\r\n", ""),
    ACCEPT("1\r\na\r\n0\r\n", "a"),
    ACCEPT("5\r\nhello\r\n6\r\n world\r\n0\r\n", "hello world"),
    ACCEPT("a\r\n0123456789\r\n0\r\n", "0123456789"),
    ACCEPT("A\r\n0123456789\r\n0\r\n", "0123456789"),
    ACCEPT("0010\r\n0123456789abcdef\r\n0\r\n", "0123456789abcdef"),
    ACCEPT("000000000000000f\r\n0123456789abcde\r\n0\r\n", "0123456789abcde"),
    ACCEPT("2\r\n\r\n\r\n0\r\n", "\r\n"),
    ACCEPT("5\r\n0\r\n\r\n\r\n0\r\n", "0\r\n\r\n"),
    EXTENDED(";a"),
    EXTENDED(";a=b"),
    EXTENDED(";a=\"b\""),
    EXTENDED(";a=\"\""),
    EXTENDED(";a=\"b;c=d, \te\""),
    EXTENDED(";a=\"\\\"\\\\\\ \""),
    EXTENDED(";a=\"\xe4\""),
    EXTENDED(";a;b;c=d;e=\"f\""),
    EXTENDED(" ;a"),
    EXTENDED("\t ; a"),
    EXTENDED(";a ;b"),
    EXTENDED(" ; a = b ; c = \"d\" ; e"),
    EXTENDED(";!#$%&'*+-.^_`|~=!#$%&'*+-.^_`|~"),
    EXTENDED(";" X240 X10 "xx"), // 256 bytes with the size and CRLF
    ACCEPT("0;last\r\n", ""),
};

#define BAD_SIZE "malformed or too large chunk size"
#define BAD_LINE "chunk size line does not end in CRLF"
#define BAD_END "chunk data not followed by CRLF"
#define BAD_EXTENSION "malformed chunk extension"
#define LONG_LINE "chunk size line too long"

// The last byte is the one it is refused for.
static const struct refused refused_cases[] = {
    REFUSE("\r", BAD_SIZE),
    REFUSE("\n", BAD_SIZE),
    REFUSE(" ", BAD_SIZE),
    REFUSE(";", BAD_SIZE),
    REFUSE("+", BAD_SIZE),
    REFUSE("-", BAD_SIZE),
    REFUSE("x", BAD_SIZE),
    REFUSE("g", BAD_SIZE),
    REFUSE("\"", BAD_SIZE),
    REFUSE("\0", BAD_SIZE),
    REFUSE("\xff", BAD_SIZE),
    REFUSE("0x", BAD_SIZE),
    REFUSE("5h", BAD_SIZE),
    REFUSE("5,", BAD_SIZE),
    REFUSE("5.", BAD_SIZE),
    REFUSE("5_", BAD_SIZE),
    REFUSE("5\n", BAD_SIZE),
    REFUSE("5\0", BAD_SIZE),
    REFUSE("5\x0b", BAD_SIZE),
    REFUSE("00000000000000000", BAD_SIZE),
    REFUSE("1000000000000001", BAD_SIZE),
    REFUSE("2000000000000000", BAD_SIZE),
    REFUSE("ffffffffffffffff", BAD_SIZE),
    REFUSE("10000000000000005", BAD_SIZE),
    REFUSE("5\ra", BAD_LINE),
    REFUSE("5\r\r", BAD_LINE),
    REFUSE("5\r;", BAD_LINE),
    REFUSE("5;a\r ", BAD_LINE),
    REFUSE("5 \r", BAD_EXTENSION),
    REFUSE("5\t\r", BAD_EXTENSION),
    REFUSE("5 5", BAD_EXTENSION),
    REFUSE("5 \n", BAD_EXTENSION),
    REFUSE("5;\r", BAD_EXTENSION),
    REFUSE("5;\n", BAD_EXTENSION),
    REFUSE("5; \r", BAD_EXTENSION),
    REFUSE("5;;", BAD_EXTENSION),
    REFUSE("5;=", BAD_EXTENSION),
    REFUSE("5;\"", BAD_EXTENSION),
    REFUSE("5;a\n", BAD_EXTENSION),
    REFUSE("5;a\0", BAD_EXTENSION),
    REFUSE("5;a\x80", BAD_EXTENSION),
    REFUSE("5;a,", BAD_EXTENSION),
    REFUSE("5;a b", BAD_EXTENSION),
    REFUSE("5;a \r", BAD_EXTENSION),
    REFUSE("5;a=\r", BAD_EXTENSION),
    REFUSE("5;a=\n", BAD_EXTENSION),
    REFUSE("5;a= \r", BAD_EXTENSION),
    REFUSE("5;a==", BAD_EXTENSION),
    REFUSE("5;a=;", BAD_EXTENSION),
    REFUSE("5;a=b=", BAD_EXTENSION),
    REFUSE("5;a=b\n", BAD_EXTENSION),
    REFUSE("5;a=b\x01", BAD_EXTENSION),
    REFUSE("5;a=b \r", BAD_EXTENSION),
    REFUSE("5;a=b c", BAD_EXTENSION),
    REFUSE("5;a=b\"", BAD_EXTENSION),
    REFUSE("5;a=\"\r", BAD_EXTENSION),
    REFUSE("5;a=\"\n", BAD_EXTENSION),
    REFUSE("5;a=\"\0", BAD_EXTENSION),
    REFUSE("5;a=\"\x7f", BAD_EXTENSION),
    REFUSE("5;a=\"\\\n", BAD_EXTENSION),
    REFUSE("5;a=\"\\\0", BAD_EXTENSION),
    REFUSE("5;a=\"b\"c", BAD_EXTENSION),
    REFUSE("5;a=\"b\"\n", BAD_EXTENSION),
    REFUSE("5;a=\"b\"\"", BAD_EXTENSION),
    REFUSE("5;" X240 X10 "xxxxx", LONG_LINE),
    REFUSE("5;" X240 X10 "xxx\r\n", LONG_LINE),
    REFUSE("5;a=\"" X240 X10 "xx", LONG_LINE),
    REFUSE("1\r\nab", BAD_END),
    REFUSE("1\r\na\n", BAD_END),
    REFUSE("1\r\na0", BAD_END),
    REFUSE("1\r\na\r\r", BAD_END),
    REFUSE("1\r\na\ra", BAD_END),
    REFUSE("1\r\na\r\n\r", BAD_SIZE),
    REFUSE("1\r\na\r\n-", BAD_SIZE),
    REFUSE("1;x\r\na\r\n5;\r", BAD_EXTENSION),
};

struct outcome {
    enum result result;
    const char *why;
    // Bytes that were looked at and are spans; with an error, all before the part it was found in.
    size_t used;
    bool ended;
    char data[512];
    size_t data_size;
};

// Feeds one part of the input, in a block of its own, span by span.
static void feed(struct chunk_decoder *decoder, struct slice part, struct outcome *outcome) {
    struct slice block = copy_of(part);
    size_t at = 0;
    while (at < block.size && outcome->result == RESULT_OK && !outcome->ended) {
        enum chunk_span span = (enum chunk_span)9;
        size_t length = 999999;
        outcome->result =
            chunk_next(decoder, block.data + at, block.size - at, &span, &length, &outcome->why);
        if (outcome->result != RESULT_OK) {
            break;
        }
        if (span == CHUNK_TRAILERS) {
            assert_int_equal(length, 0);
            outcome->ended = true;
            break;
        }
        assert_true(span == CHUNK_FRAMING || span == CHUNK_DATA);
        assert_in_range(length, 1, block.size - at);
        if (span == CHUNK_DATA) {
            memcpy(outcome->data + outcome->data_size, block.data + at, length);
            outcome->data_size += length;
        }
        at += length;
    }
    outcome->used += at;
    free((char *)block.data);
}

// In parts of `first`, then `step` bytes.
static struct outcome decode_as(bool tolerant, struct slice text, size_t first, size_t step) {
    struct outcome outcome = {.result = RESULT_OK, .why = ""};
    struct chunk_decoder decoder;
    if (tolerant) {
        chunk_decoder_init_tolerant(&decoder);
    } else {
        chunk_decoder_init(&decoder);
    }
    size_t at = 0;
    for (size_t size = first; at < text.size && outcome.result == RESULT_OK; size = step) {
        size_t rest = text.size - at;
        size = size == 0 || size > rest ? rest : size;
        feed(&decoder, (struct slice){text.data + at, size}, &outcome);
        at += size;
    }
    return outcome;
}

static struct outcome decode(struct slice text, size_t first, size_t step) {
    return decode_as(false, text, first, step);
}

static void check_accepted_as(bool tolerant, const struct accepted *wanted, size_t first,
                              size_t step) {
    char bytes[600];
    size_t size = wanted->text.size;
    assert_in_range(size, 1, sizeof bytes - 8);
    put(put(bytes, wanted->text), SLICE("X: 1\r\n\r\n")); // a trailer section, which is left alone
    struct outcome outcome = decode_as(tolerant, (struct slice){bytes, size + 8}, first, step);
    if (outcome.result != RESULT_OK) {
        fail_msg("refused, %s, cut at %zu, %zu: %s", outcome.why, first, step, wanted->text.data);
    }
    assert_true(outcome.ended);
    assert_int_equal(outcome.used, size);
    assert_slice(((struct slice){outcome.data, outcome.data_size}), wanted->data);
}

static void check_accepted(const struct accepted *wanted, size_t first, size_t step) {
    check_accepted_as(false, wanted, first, step);
    check_accepted_as(true, wanted, first, step);
}

static void takes_what_servers_send(void **state) {
    (void)state;
    static const struct accepted tolerant[] = {
        {BYTES("5 \r\nhello\r\n0 \t\r\n"), "hello"},
        {BYTES("5\nhello\n1\n,\r\n6\r\n world\n0\n"), "hello, world"},
        {BYTES("5;\r\nhello\r\n0;;=\"\r\n"), "hello"},
        {BYTES("5 ;\x01\0\xff\nhello\r\n0\r\n"), "hello"},
        {BYTES("00000000000000000000000000000000005\r\nhello\r\n0000000000000000000000\r\n"),
         "hello"},
        {BYTES("5;"
               "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
               "xxxxxxxxxxxxx"
               "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
               "xxxxxxxxxxxxx"
               "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
               "xxxxxxxxx\r\n"
               "hello\r\n0\r\n"),
         "hello"},
    };
    static const char *const refused[] = {
        " ",
        "\n",
        "\r",
        ";",
        "x",
        "5 x",
        "5\rx",
        "5;a\rx",
        "5\r\nhellox",
        "5\r\nhello\rx",
        "5\nhello\n\n",
        "+",
        "0x",
        "1000000000000001",
        "00010000000000000000",
    };
    for (size_t i = 0; i < sizeof tolerant / sizeof tolerant[0]; i++) {
        for (size_t step = 0; step < 9; step++) {
            check_accepted_as(true, &tolerant[i], step, step);
        }
        assert_int_equal(decode(tolerant[i].text, 0, 0).result, RESULT_ERROR);
    }
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        struct slice text = slice_from(refused[i]);
        for (size_t step = 0; step < 3; step++) {
            assert_int_equal(decode_as(true, text, step, step).result, RESULT_ERROR);
        }
        text.size--;
        assert_int_equal(decode_as(true, text, 0, 0).result, RESULT_OK);
    }
}

static void accepts_however_cut(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof accepted_cases / sizeof accepted_cases[0]; i++) {
        for (size_t first = 0; first <= accepted_cases[i].text.size; first++) {
            check_accepted(&accepted_cases[i], first, 0);
        }
        for (size_t step = 1; step < 8; step++) {
            check_accepted(&accepted_cases[i], step, step);
        }
    }
}

static void check_refused(const struct refused *wanted, size_t first, size_t step) {
    struct outcome outcome = decode(wanted->text, first, step);
    if (outcome.result != RESULT_ERROR || strcmp(outcome.why, wanted->why) != 0) {
        fail_msg("%s, cut at %zu, %zu: %s", outcome.result == RESULT_OK ? "accepted" : outcome.why,
                 first, step, wanted->text.data);
    }
}

static void refuses_however_cut(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof refused_cases / sizeof refused_cases[0]; i++) {
        const struct refused *wanted = &refused_cases[i];
        for (size_t first = 0; first < wanted->text.size; first++) {
            check_refused(wanted, first, 0);
            check_refused(wanted, first, 1);
        }
        // And not a byte earlier.
        struct slice before = {wanted->text.data, wanted->text.size - 1};
        assert_int_equal(decode(before, 0, 0).result, RESULT_OK);
    }
}

static void stays_refused(void **state) {
    (void)state;
    struct chunk_decoder decoder;
    enum chunk_span span;
    size_t length;
    const char *why = NULL;
    chunk_decoder_init(&decoder);
    assert_int_equal(chunk_next(&decoder, "x", 1, &span, &length, &why), RESULT_ERROR);
    why = NULL;
    assert_int_equal(chunk_next(&decoder, "0\r\n", 3, &span, &length, &why), RESULT_ERROR);
    assert_non_null(why);
}

static void stays_at_the_trailers(void **state) {
    (void)state;
    struct chunk_decoder decoder;
    enum chunk_span span;
    size_t length;
    const char *why;
    chunk_decoder_init(&decoder);
    assert_int_equal(chunk_next(&decoder, "0\r\n", 3, &span, &length, &why), RESULT_OK);
    assert_int_equal(span, CHUNK_FRAMING);
    assert_int_equal(length, 3);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(chunk_next(&decoder, "5\r\nhello", 8, &span, &length, &why), RESULT_OK);
        assert_int_equal(span, CHUNK_TRAILERS);
        assert_int_equal(length, 0);
    }
}

static void gives_long_spans(void **state) {
    (void)state;
    struct chunk_decoder decoder;
    enum chunk_span span;
    size_t length;
    const char *why;
    static char block[4096];
    chunk_decoder_init(&decoder);
    assert_int_equal(chunk_next(&decoder, "1000000000000000\r\n", 18, &span, &length, &why),
                     RESULT_OK);
    assert_int_equal(span, CHUNK_FRAMING);
    assert_int_equal(length, 18);
    assert_int_equal(decoder.remaining, CHUNK_SIZE_MAX);
    for (uint64_t i = 1; i <= 3; i++) {
        assert_int_equal(chunk_next(&decoder, block, sizeof block, &span, &length, &why),
                         RESULT_OK);
        assert_int_equal(span, CHUNK_DATA);
        assert_int_equal(length, sizeof block);
        assert_int_equal(decoder.remaining, CHUNK_SIZE_MAX - i * sizeof block);
    }
}

static void writes_sizes(void **state) {
    (void)state;
    static const struct {
        uint64_t size;
        const char *line;
    } cases[] = {
        {0, "0\r\n"},
        {1, "1\r\n"},
        {10, "a\r\n"},
        {16, "10\r\n"},
        {16384, "4000\r\n"},
        {0xabcdef, "abcdef\r\n"},
        {UINT64_MAX, "ffffffffffffffff\r\n"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char line[CHUNK_LINE_SIZE];
        char *start = chunk_write_size(line + sizeof line, cases[i].size);
        assert_true(start >= line);
        assert_slice(((struct slice){start, (size_t)(line + sizeof line - start)}), cases[i].line);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_what_servers_send),
        cmocka_unit_test(accepts_however_cut),
        cmocka_unit_test(refuses_however_cut),
        cmocka_unit_test(stays_refused),
        cmocka_unit_test(stays_at_the_trailers),
        cmocka_unit_test(gives_long_spans),
        cmocka_unit_test(writes_sizes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
