// Header compression: the vectors of RFC 7541 appendix C, what is refused, what is bounded.
#include "hpack_lab.h"

// --- vectors ---

#define REQUEST_1 ":method: GET\n:scheme: http\n:path: /\n:authority: www.example.com\n"
#define REQUEST_2 REQUEST_1 "cache-control: no-cache\n"
#define REQUEST_3                                                                                  \
    ":method: GET\n:scheme: https\n:path: /index.html\n:authority: www.example.com\n"              \
    "custom-key: custom-value\n"
#define RESPONSE(status, second)                                                                   \
    ":status: " status "\ncache-control: private\ndate: Mon, 21 Oct 2013 20:13:" second " GMT\n"   \
    "location: https://www.example.com\n"
#define RESPONSE_3                                                                                 \
    RESPONSE("200", "22")                                                                          \
    "content-encoding: gzip\n"                                                                     \
    "set-cookie: foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1\n"
// The responses are for a table of 256 bytes: the first block begins with that size.
#define SIZE_256 "3fe101"

struct vector {
    const char *blocks[3];
    const char *fields[3];
};

static const struct vector vectors[] = {
    // C.2.1 to C.2.4
    {{"400a637573746f6d2d6b65790d637573746f6d2d686561646572"}, {"custom-key: custom-header\n"}},
    {{"040c2f73616d706c652f70617468"}, {":path: /sample/path\n"}},
    {{"100870617373776f726406736563726574"}, {"password: secret\n"}},
    {{"82"}, {":method: GET\n"}},
    // C.3
    {{"828684410f7777772e6578616d706c652e636f6d", "828684be58086e6f2d6361636865",
      "828785bf400a637573746f6d2d6b65790c637573746f6d2d76616c7565"},
     {REQUEST_1, REQUEST_2, REQUEST_3}},
    // C.4
    {{"828684418cf1e3c2e5f23a6ba0ab90f4ff", "828684be5886a8eb10649cbf",
      "828785bf408825a849e95ba97d7f8925a849e95bb8e8b4bf"},
     {REQUEST_1, REQUEST_2, REQUEST_3}},
    // C.5
    {{SIZE_256
      "4803333032580770726976617465611d4d6f6e2c203231204f637420323031332032303a31333a323120"
      "474d546e1768747470733a2f2f7777772e6578616d706c652e636f6d",
      "4803333037c1c0bf",
      "88c1611d4d6f6e2c203231204f637420323031332032303a31333a323220474d54c05a04677a69707738666f6f3d"
      "4153444a4b48514b425a584f5157454f50495541585157454f49553b206d61782d6167653d333630303b20766572"
      "73696f6e3d31"},
     {RESPONSE("302", "21"), RESPONSE("307", "21"), RESPONSE_3}},
    // C.6
    {{SIZE_256
      "488264025885aec3771a4b6196d07abe941054d444a8200595040b8166e082a62d1bff6e919d29ad1718"
      "63c78f0b97c8e9ae82ae43d3",
      "4883640effc1c0bf",
      "88c16196d07abe941054d444a8200595040b8166e084a62d1bffc05a839bd9ab77ad94e7821dd7f2e6c7b335dfdf"
      "cd5b3960d5af27087f3672c1ab270fb5291f9587316065c003ed4ee5b1063d5007"},
     {RESPONSE("302", "21"), RESPONSE("307", "21"), RESPONSE_3}},
};

// The order of the RFC's fields, which are not always that of a section here.
static void sort_lines(const char *text, char *sorted) {
    char lines[16][128];
    size_t count = 0;
    for (const char *at = text; *at != '\0'; at = strchr(at, '\n') + 1) {
        size_t size = (size_t)(strchr(at, '\n') - at);
        memcpy(lines[count], at, size);
        lines[count++][size] = '\0';
    }
    qsort(lines, count, sizeof lines[0], (int (*)(const void *, const void *))strcmp);
    for (size_t i = 0; i < count; i++) {
        sorted = put(put(sorted, slice_from(lines[i])), SLICE("\n"));
    }
    *sorted = '\0';
}

static void assert_same_fields(const struct lab *lab, const char *wanted) {
    char text[TEXT_SIZE], sorted[TEXT_SIZE], sorted_wanted[TEXT_SIZE], *at = text;
    for (uint32_t i = 0; i < lab->fields.count; i++) {
        at = put(
            put(put(put(at, lab->fields.items[i].name), SLICE(": ")), lab->fields.items[i].value),
            SLICE("\n"));
    }
    *at = '\0';
    sort_lines(text, sorted);
    sort_lines(wanted, sorted_wanted);
    assert_string_equal(sorted, sorted_wanted);
}

static void test_vectors(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof vectors / sizeof vectors[0]; i++) {
        struct lab lab;
        lab_begin(&lab);
        for (size_t j = 0; j < 3 && vectors[i].blocks[j] != NULL; j++) {
            assert_int_equal(decode_hex(&lab, vectors[i].blocks[j]), RESULT_OK);
            assert_same_fields(&lab, vectors[i].fields[j]);
        }
        lab_end(&lab);
    }
}

static void test_encoded_vectors(void **state) {
    (void)state;
    static const struct hpack_field request_1[] = {FIELD(":method", "GET"),
                                                   FIELD(":scheme", "http"), FIELD(":path", "/"),
                                                   FIELD(":authority", "www.example.com")};
    static const struct hpack_field request_2[] = {
        FIELD(":method", "GET"), FIELD(":scheme", "http"), FIELD(":path", "/"),
        FIELD(":authority", "www.example.com"), FIELD("cache-control", "no-cache")};
    static const struct hpack_field request_3[] = {
        FIELD(":method", "GET"), FIELD(":scheme", "https"), FIELD(":path", "/index.html"),
        FIELD(":authority", "www.example.com"), FIELD("custom-key", "custom-value")};
    struct lab lab;
    lab_begin(&lab);
    assert_encodes(&lab, request_1, COUNT(request_1), vectors[5].blocks[0]);
    assert_encodes(&lab, request_2, COUNT(request_2), vectors[5].blocks[1]);
    assert_encodes(&lab, request_3, COUNT(request_3), vectors[5].blocks[2]);
    lab_end(&lab);
}

// --- what is refused ---

static void test_refused_blocks(void **state) {
    (void)state;
    static const char *const blocks[] = {
        "80",                       // index 0
        "be",                       // an index that nothing has yet
        "ffffffffffffffffff7f",     // an index beyond 32 bits
        "ff80808080808080808001",   // a number in too many bytes
        "3fe21f",                   // a table larger than was offered
        "8220",                     // a change of the table size behind a field
        "40",                       // literals that end early
        "4001",                     //
        "400161",                   //
        "40016101",                 //
        "0085f2b24a84ff84",         //
        "3f",                       //
        "008287ff82",               //
        "0002616187ff3fffffffffff", // Huffman: EOS inside
        "40016182ffff",             // padding longer than 7 bits
        "4001618118",               // padding that is not all ones
        "40016184fffffffc",         // EOS
    };
    for (size_t i = 0; i < COUNT(blocks); i++) {
        struct lab lab;
        lab_begin(&lab);
        assert_int_equal(decode_hex(&lab, blocks[i]), RESULT_ERROR);
        assert_true(lab.fault.of_connection);
        assert_int_equal(lab.fault.code, HTTP2_COMPRESSION_ERROR);
        lab_end(&lab);
    }
}

static size_t put_literal(uint8_t *at, struct slice name, struct slice value) {
    at[0] = 0;
    at[1] = (uint8_t)name.size;
    put((char *)at + 2, name);
    at[2 + name.size] = (uint8_t)value.size;
    put((char *)at + 3 + name.size, value);
    return 3 + name.size + value.size;
}

// RFC 9113 8.2.1, and stricter: every byte in names and values.
static void test_field_bytes(void **state) {
    (void)state;
    struct lab lab;
    lab_begin(&lab);
    for (int byte = 0; byte < 256; byte++) {
        const char name[] = {'a', (char)byte, 'b'}, value[] = {'a', (char)byte, 'b'};
        uint8_t block[32];
        size_t size = put_literal(block, (struct slice){name, 3}, SLICE("v"));
        assert_int_equal(decode(&lab, block, size), RESULT_OK);
        bool token = byte != 0 && (strchr("!#$%&'*+-.^_`|~", byte) != NULL ||
                                   (byte >= '0' && byte <= '9') || (byte >= 'a' && byte <= 'z'));
        assert_int_equal(lab.section.malformed == NULL, token);
        size = put_literal(block, SLICE("n"), (struct slice){value, 3});
        assert_int_equal(decode(&lab, block, size), RESULT_OK);
        bool text = byte == '\t' || (byte >= ' ' && byte != 0x7f);
        assert_int_equal(lab.section.malformed == NULL, text);
        bool edge = text && byte != ' ' && byte != '\t';
        size = put_literal(block, SLICE("n"), (struct slice){value + 1, 2});
        assert_int_equal(decode(&lab, block, size), RESULT_OK);
        assert_int_equal(lab.section.malformed == NULL, edge);
        size = put_literal(block, SLICE("n"), (struct slice){value, 2});
        assert_int_equal(decode(&lab, block, size), RESULT_OK);
        assert_int_equal(lab.section.malformed == NULL, edge);
    }
    lab_end(&lab);
}

static void test_names(void **state) {
    (void)state;
    static const struct {
        struct slice name;
        const char *why;
    } cases[] = {
        {{"", 0}, "empty field name"},
        {{":", 1}, "empty field name"},
        {{"::a", 3}, "illegal byte in a field name"},
        {{"a:", 2}, "illegal byte in a field name"},
        {{":Path", 5}, "upper-case letter in a field name"},
        {{":path", 5}, NULL},
        {{"x", 1}, NULL},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct lab lab;
        lab_begin(&lab);
        uint8_t block[32];
        size_t size = put_literal(block, cases[i].name, SLICE(""));
        assert_int_equal(decode(&lab, block, size), RESULT_OK);
        if (cases[i].why == NULL) {
            assert_null(lab.section.malformed);
        } else {
            assert_non_null(lab.section.malformed);
            assert_string_equal(lab.section.malformed, cases[i].why);
        }
        lab_end(&lab);
    }
}

// --- bounds ---

// A section at its bound and one beyond it; what follows in the block still changes the table.
static void test_list_size(void **state) {
    (void)state;
    struct lab lab;
    lab_begin(&lab);
    lab.section.list_size_max = 2 * HPACK_FIELD_OVERHEAD + 8;
    assert_int_equal(decode_hex(&lab, "000161026162 400163026465 82"), RESULT_OK);
    assert_int_equal(lab.section.list_size, 3 * HPACK_FIELD_OVERHEAD + 16);
    assert_true(lab.section.too_large);
    assert_int_equal(decode_hex(&lab, "be 000161036162 63"), RESULT_OK);
    assert_false(lab.section.too_large);
    assert_fields(&lab, "c: de\na: abc\n");
    lab.section.list_size_max--; // the list was 71 of 72 bytes
    assert_int_equal(decode_hex(&lab, "be 000161036162 63"), RESULT_OK);
    assert_false(lab.section.too_large);
    lab.section.list_size_max--;
    assert_int_equal(decode_hex(&lab, "be 000161036162 63"), RESULT_OK);
    assert_true(lab.section.too_large);
    lab_end(&lab);
}

static void test_capacities(void **state) {
    (void)state;
    struct lab lab;
    lab_begin(&lab);
    lab.fields.capacity = 2;
    assert_int_equal(decode_hex(&lab, "8286"), RESULT_OK);
    assert_false(lab.section.too_large);
    assert_int_equal(decode_hex(&lab, "828684"), RESULT_OK);
    assert_true(lab.section.too_large);
    lab.fields.capacity = FIELDS_MAX;
    lab.section.text_capacity = 11; // ":method", "GET", LF
    assert_int_equal(decode_hex(&lab, "82"), RESULT_OK);
    assert_fields(&lab, ":method: GET\n");
    lab.section.text_capacity = 10;
    assert_int_equal(decode_hex(&lab, "82"), RESULT_OK);
    assert_true(lab.section.too_large);
    lab_end(&lab);
}

static void test_cookies(void **state) {
    (void)state;
    // cookie: a=b, x: y, cookie: c=d, cookie: e
    const char *hex = "6003613d62 0001780179 6003633d64 600165";
    struct lab lab;
    lab_begin(&lab);
    assert_int_equal(decode_hex(&lab, hex), RESULT_OK);
    assert_fields(&lab, "cookie: a=b\nx: y\ncookie: c=d\ncookie: e\n");
    lab.section.joins_cookies = true;
    assert_int_equal(decode_hex(&lab, hex), RESULT_OK);
    assert_fields(&lab, "cookie: a=b; c=d; e\nx: y\n");
    assert_int_equal(lab.items[0].value.data[lab.items[0].value.size], '\n');
    assert_int_equal(decode_hex(&lab, "0001780179 6003633d64"), RESULT_OK);
    assert_fields(&lab, "x: y\ncookie: c=d\n");
    // As much room as the header promises is enough: twice the size of the list.
    lab.section.list_size_max = 4 * HPACK_FIELD_OVERHEAD + 3 * 6 + 7 + 2;
    lab.section.text_capacity = 2 * lab.section.list_size_max;
    assert_int_equal(decode_hex(&lab, hex), RESULT_OK);
    assert_false(lab.section.too_large);
    lab.section.text_capacity = 43;
    assert_int_equal(decode_hex(&lab, hex), RESULT_OK);
    assert_true(lab.section.too_large);
    lab_end(&lab);
}

// --- the encoder ---

static void test_room(void **state) {
    (void)state;
    static const struct hpack_field fields[] = {FIELD("n", "value")};
    struct lab lab;
    lab_begin(&lab);
    uint8_t block[64];
    size_t size;
    assert_int_equal(encode(&lab, fields, 1, block, 30, &size), RESULT_AGAIN);
    assert_int_equal(lab.memory.used, 0);
    assert_int_equal(encode(&lab, fields, 1, block, 31, &size), RESULT_OK);
    assert_int_equal(decode(&lab, block, size), RESULT_OK);
    assert_fields(&lab, "n: value\n");
    lab_end(&lab);
}

static void test_never_indexed(void **state) {
    (void)state;
    static const struct hpack_field fields[] = {SECRET("set-cookie", "session=1234567890abcdef")};
    struct lab lab;
    lab_begin(&lab);
    uint8_t first[64], second[64];
    size_t size, again;
    assert_int_equal(encode(&lab, fields, 1, first, sizeof first, &size), RESULT_OK);
    assert_int_equal(first[0] & 0xf0, 0x10); // RFC 7541 6.2.3
    assert_int_equal(encode(&lab, fields, 1, second, sizeof second, &again), RESULT_OK);
    assert_int_equal(size, again);
    assert_memory_equal(first, second, size);
    lab_end(&lab);
}

// More fields than are handed to nghttp2 at a time.
static void test_many_fields(void **state) {
    (void)state;
    static struct hpack_field fields[FIELDS_MAX];
    static char names[FIELDS_MAX][8];
    struct lab lab;
    lab_begin(&lab);
    for (unsigned i = 0; i < FIELDS_MAX; i++) {
        (void)snprintf(names[i], sizeof names[i], "x-%u", i);
        fields[i] = (struct hpack_field){slice_from(names[i]), SLICE("v"), i % 3 == 0};
    }
    uint8_t block[4096];
    size_t size;
    hpack_encoder_resize(&lab.encoder, 0);
    assert_int_equal(encode(&lab, fields, FIELDS_MAX, block, sizeof block, &size), RESULT_OK);
    lab.section.list_size_max = TEXT_SIZE;
    assert_int_equal(decode(&lab, block, size), RESULT_OK);
    assert_int_equal(lab.fields.count, FIELDS_MAX);
    for (unsigned i = 0; i < FIELDS_MAX; i++) {
        assert_slice(lab.items[i].name, names[i]);
        assert_slice(lab.items[i].value, "v");
    }
    lab_end(&lab);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_vectors),        cmocka_unit_test(test_encoded_vectors),
        cmocka_unit_test(test_refused_blocks), cmocka_unit_test(test_field_bytes),
        cmocka_unit_test(test_names),          cmocka_unit_test(test_list_size),
        cmocka_unit_test(test_capacities),     cmocka_unit_test(test_cookies),
        cmocka_unit_test(test_room),           cmocka_unit_test(test_never_indexed),
        cmocka_unit_test(test_many_fields),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
