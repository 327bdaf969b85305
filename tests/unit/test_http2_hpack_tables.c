// The tables of header compression: their memory, changes of their size, and what nghttp2 as a
// client makes of the same bytes.
#include "hpack_lab.h"

#include <malloc.h>
#include <nghttp2/nghttp2.h>

// --- memory ---

// The request of a browser for a page, with what it puts into the table.
static const struct hpack_field browser[] = {
    FIELD(":method", "GET"),
    FIELD(":authority", "www.example.com"),
    FIELD(":scheme", "https"),
    FIELD(":path", "/articles/2026/11/what-is-new"),
    FIELD("cache-control", "max-age=0"),
    FIELD("sec-ch-ua", "\"Chromium\";v=\"124\", \"Not-A.Brand\";v=\"99\""),
    FIELD("sec-ch-ua-mobile", "?0"),
    FIELD("sec-ch-ua-platform", "\"Linux\""),
    FIELD("upgrade-insecure-requests", "1"),
    FIELD("user-agent", "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) "
                        "Chrome/124.0.0.0 Safari/537.36"),
    FIELD("accept", "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,"
                    "*/*;q=0.8"),
    FIELD("sec-fetch-site", "none"),
    FIELD("sec-fetch-mode", "navigate"),
    FIELD("sec-fetch-user", "?1"),
    FIELD("sec-fetch-dest", "document"),
    FIELD("accept-encoding", "gzip, deflate, br, zstd"),
    FIELD("accept-language", "en-GB,en;q=0.9"),
    FIELD("priority", "u=0, i"),
};

static void test_idle_memory(void **state) {
    (void)state;
    struct lab lab;
    lab_begin(&lab);
    uint8_t block[2048];
    size_t size;
    assert_int_equal(encode(&lab, browser, COUNT(browser), block, sizeof block, &size), RESULT_OK);
    hpack_encoder_drop(&lab.encoder);
    assert_int_equal(lab.memory.used, 0);
    assert_int_equal(decode(&lab, block, size), RESULT_OK);
    assert_int_equal(lab.fields.count, COUNT(browser));
    print_message("decoder after a browser's request: %zu bytes, ", lab.memory.used);
    assert_in_range(lab.memory.used, 1, 8192);
    hpack_decoder_pack(&lab.decoder, &lab.memory);
    print_message("packed %zu bytes\n", lab.memory.used);
    assert_in_range(lab.memory.used, 1, 1152);
    lab_end(&lab);
}

// The smallest entries are the most expensive for their size.
static void test_worst_memory(void **state) {
    (void)state;
    struct lab lab;
    lab_begin(&lab);
    size_t most = 0;
    for (unsigned length = 0; length < 64; length++) {
        for (unsigned i = 0; i < 300; i++) {
            uint8_t block[256] = {0x40, (uint8_t)length};
            memset(block + 2, 'a', length);
            block[2 + length] = 0;
            assert_int_equal(decode(&lab, block, 3 + length), RESULT_OK);
            most = lab.memory.used > most ? lab.memory.used : most;
        }
    }
    print_message("decoder at most: %zu bytes\n", most);
    assert_in_range(most, 1, HPACK_TABLE_MEMORY_MAX);
    lab_end(&lab);
}

// And characters with the longest codes, for which nghttp2 keeps room for twice their codes.
static void test_worst_strings(void **state) {
    (void)state;
    struct lab lab;
    lab_begin(&lab);
    static uint8_t block[16384];
    size_t size = from_hex("4000 fffa75", block); // a Huffman string of 15225 bytes
    for (unsigned i = 0; i < 15225 / 15; i++) {
        size += from_hex("fffffff3ffffffcfffffff3ffffffc", block + size); // four LF
    }
    assert_int_equal(decode(&lab, block, size), RESULT_OK);
    print_message("decoder with long codes: %zu bytes\n", lab.memory.used);
    assert_in_range(lab.memory.used, 1, HPACK_TABLE_MEMORY_MAX);
    lab_end(&lab);
}

static void test_short_memory(void **state) {
    (void)state;
    static const struct hpack_field fields[] = {FIELD("n", "some value of a field")};
    uint8_t block[64];
    size_t size;
    size_t needed = 0;
    for (size_t limit = 8;; limit += 8) {
        struct lab lab;
        lab_begin(&lab);
        lab.memory.limit = limit;
        if (decode_hex(&lab, "400a637573746f6d2d6b65790d637573746f6d2d686561646572") == RESULT_OK) {
            needed = limit;
        } else {
            assert_int_equal(lab.fault.code, HTTP2_INTERNAL_ERROR);
            assert_true(lab.fault.of_connection);
        }
        lab_end(&lab);
        lab_begin(&lab);
        lab.memory.limit = limit;
        enum result result = encode(&lab, fields, 1, block, sizeof block, &size);
        assert_true(result == RESULT_OK || result == RESULT_ERROR);
        lab_end(&lab);
        if (needed > 0 && result == RESULT_OK) {
            break;
        }
        assert_true(limit < 16384);
    }
}

// --- changes ---

// Blocks in a row, with changes of the table size and lost tables between them: a decoder of
// nghttp2's own, which follows the settings as a client does, reads what was put in.
static void test_table_changes(void **state) {
    (void)state;
    static const int sizes[] = {-1, 4096, 0, 100, -2, 4096, -2, 200, 300, -1, 65536, -2, 0, 4096};
    struct lab lab;
    lab_begin(&lab);
    uint8_t block[4096];
    size_t size;
    for (unsigned round = 0; round < 200; round++) {
        for (unsigned i = 0; i < 1 + round % 3; i++) {
            int change = sizes[(round * 5 + i * 3) % COUNT(sizes)];
            if (change == -2) {
                hpack_encoder_drop(&lab.encoder);
            } else if (change >= 0) {
                hpack_encoder_resize(&lab.encoder, (uint32_t)change);
                assert_true(lab.encoder.size <= HPACK_TABLE_SIZE);
            }
        }
        char value[16];
        (void)snprintf(value, sizeof value, "value %u", round % 7);
        const struct hpack_field fields[] = {FIELD(":status", "200"),
                                             {SLICE("x-round"), slice_from(value), false},
                                             FIELD("server", "one and the same")};
        assert_int_equal(encode(&lab, fields, 3, block, sizeof block, &size), RESULT_OK);
        assert_int_equal(decode(&lab, block, size), RESULT_OK);
        char wanted[128];
        (void)snprintf(wanted, sizeof wanted,
                       ":status: 200\nx-round: %s\nserver: one and the same\n", value);
        assert_fields(&lab, wanted);
    }
    lab_end(&lab);
}

// A table that was dropped is announced as empty, and a smaller one is told before it is used.
static void test_announcements(void **state) {
    (void)state;
    static const struct hpack_field fields[] = {FIELD(":status", "200")};
    struct lab lab;
    lab_begin(&lab);
    assert_encodes(&lab, fields, 1, "88");
    hpack_encoder_drop(&lab.encoder);
    assert_encodes(&lab, fields, 1, "203fe11f88");
    assert_encodes(&lab, fields, 1, "88");
    hpack_encoder_resize(&lab.encoder, 100);
    hpack_encoder_resize(&lab.encoder, 4096);
    assert_encodes(&lab, fields, 1, "3f453fe11f88");
    lab_end(&lab);
    lab_begin(&lab);
    hpack_encoder_resize(&lab.encoder, 0);
    assert_encodes(&lab, fields, 1, "2088");
    lab_end(&lab);
    lab_begin(&lab);
    hpack_encoder_resize(&lab.encoder, 100);
    hpack_encoder_resize(&lab.encoder, 200);
    assert_encodes(&lab, fields, 1, "3f453fa90188");
    lab_end(&lab);
}

// Packing at any time changes nothing: one decoder is packed between blocks, one is not.
static void test_packed(void **state) {
    (void)state;
    static char value[200];
    struct lab lab, plain;
    lab_begin(&lab);
    lab_begin(&plain);
    nghttp2_hd_deflater *client;
    assert_int_equal(nghttp2_hd_deflate_new(&client, 4096), 0);
    memset(value, 'v', sizeof value);
    for (unsigned round = 0; round < 300; round++) {
        if (round % 50 == 49) {
            assert_int_equal(nghttp2_hd_deflate_change_table_size(client, round * 13 % 4097), 0);
        }
        char name[8];
        (void)snprintf(name, sizeof name, "x-%u", round * 7 % 40);
        nghttp2_nv nv[] = {{(uint8_t *)name, (uint8_t *)value, strlen(name), round * 31 % 200, 0}};
        uint8_t block[512];
        ssize_t size = nghttp2_hd_deflate_hd(client, block, sizeof block, nv, 1);
        assert_true(size > 0);
        assert_int_equal(decode(&lab, block, (size_t)size), RESULT_OK);
        assert_int_equal(decode(&plain, block, (size_t)size), RESULT_OK);
        assert_int_equal(lab.fields.count, 1);
        assert_slice(lab.items[0].name, name);
        assert_true(slice_equal(lab.items[0].value, plain.items[0].value));
        assert_int_equal(lab.items[0].value.size, nv[0].valuelen);
        if (round % 3 > 0) {
            hpack_decoder_pack(&lab.decoder, &lab.memory);
            hpack_decoder_pack(&lab.decoder, &lab.memory);
            assert_true(lab.memory.used < plain.memory.used);
        }
    }
    nghttp2_hd_deflate_del(client);
    lab_end(&plain);
    lab_end(&lab);
}

// Short memory in packing leaves the decoder as it is, and in unpacking ends the connection.
static void test_packed_without_memory(void **state) {
    (void)state;
    struct lab lab;
    lab_begin(&lab);
    assert_int_equal(decode_hex(&lab, "400163026465"), RESULT_OK);
    lab.memory.limit = 1;
    hpack_decoder_pack(&lab.decoder, &lab.memory);
    assert_int_equal(decode_hex(&lab, "be"), RESULT_OK);
    assert_fields(&lab, "c: de\n");
    lab.memory.limit = 0;
    hpack_decoder_pack(&lab.decoder, &lab.memory);
    assert_null(lab.decoder.inflater);
    for (size_t limit = 1; limit < 4096; limit += 16) {
        struct hpack_decoder copy = {.packed = malloc(lab.decoder.packed_size),
                                     .packed_size = lab.decoder.packed_size};
        struct hpack_memory memory;
        hpack_memory_init(&memory, limit);
        memcpy(copy.packed, lab.decoder.packed, copy.packed_size);
        memory.used = malloc_usable_size(copy.packed);
        enum result result =
            hpack_decode(&copy, &memory, (struct slice){"\xbe", 1}, &lab.section, &lab.fault);
        if (result == RESULT_OK) {
            assert_fields(&lab, "c: de\n");
        } else {
            assert_int_equal(lab.fault.code, HTTP2_INTERNAL_ERROR);
        }
        hpack_decoder_free(&copy, &memory);
        assert_int_equal(memory.used, 0);
    }
    lab_end(&lab);
}

// nghttp2's own encoder, as a client has it, read by our decoder: twenty requests in a row.
static void test_client_encoder(void **state) {
    (void)state;
    struct lab lab;
    lab_begin(&lab);
    nghttp2_hd_deflater *client;
    assert_int_equal(nghttp2_hd_deflate_new(&client, 65536), 0);
    for (unsigned round = 0; round < 20; round++) {
        nghttp2_nv nv[COUNT(browser)];
        for (size_t i = 0; i < COUNT(browser); i++) {
            const struct hpack_field *field = &browser[(i + round) % COUNT(browser)];
            nv[i] = (nghttp2_nv){(uint8_t *)(uintptr_t)field->name.data,
                                 (uint8_t *)(uintptr_t)field->value.data, field->name.size,
                                 field->value.size, 0};
        }
        uint8_t block[4096];
        ssize_t size = nghttp2_hd_deflate_hd(client, block, sizeof block, nv, COUNT(browser));
        assert_true(size > 0);
        assert_int_equal(decode(&lab, block, (size_t)size), RESULT_OK);
        assert_int_equal(lab.fields.count, COUNT(browser));
        for (size_t i = 0; i < COUNT(browser); i++) {
            const struct hpack_field *field = &browser[(i + round) % COUNT(browser)];
            assert_true(slice_equal(lab.items[i].name, field->name));
            assert_true(slice_equal(lab.items[i].value, field->value));
        }
    }
    nghttp2_hd_deflate_del(client);
    lab_end(&lab);
}

// --- the encoder beside nghttp2's decoder ---

// Reads the block as a client does, and compares it with the fields.
static void assert_client_reads(nghttp2_hd_inflater *client, const uint8_t *block, size_t size,
                                const struct hpack_field *fields, size_t count) {
    size_t at = 0, seen = 0;
    for (int flags = 0; (flags & NGHTTP2_HD_INFLATE_FINAL) == 0;) {
        nghttp2_nv nv;
        ssize_t used = nghttp2_hd_inflate_hd2(client, &nv, &flags, block + at, size - at, 1);
        assert_true(used >= 0);
        at += (size_t)used;
        if ((flags & NGHTTP2_HD_INFLATE_EMIT) != 0) {
            if (seen == count) {
                fail_msg("%s", "more fields than were written");
                return;
            }
            assert_true(
                slice_equal(fields[seen].name, (struct slice){(char *)nv.name, nv.namelen}));
            assert_true(
                slice_equal(fields[seen].value, (struct slice){(char *)nv.value, nv.valuelen}));
            seen++;
        }
    }
    nghttp2_hd_inflate_end_headers(client);
    assert_int_equal(at, size);
    assert_int_equal(seen, count);
}

#define ROUNDS 4000
#define ROUND_FIELDS 24

// Names of the static table and others, values of any bytes, long and short, that come again and
// again or once: the table overflows and wraps around many times, and changes its size.
static void test_encoder_beside_a_client(void **state) {
    (void)state;
    static const char *const names[] = {":status", "server",       "date",   "etag", "vary",
                                        "x-a",     "content-type", "x-long", "x-b",  "link"};
    static char values[ROUND_FIELDS][512];
    static uint8_t block[32768];
    struct lab lab;
    nghttp2_hd_inflater *client;
    lab_begin(&lab);
    assert_int_equal(nghttp2_hd_inflate_new(&client), 0);
    unsigned random = 1;
    for (unsigned round = 0; round < ROUNDS; round++) {
        struct hpack_field fields[ROUND_FIELDS];
        size_t count = round % ROUND_FIELDS, size;
        for (size_t i = 0; i < count; i++) {
            random = random * 1103515245U + 12345U;
            unsigned number = random >> 16;
            size_t length = number % 7 == 0 ? number % 512 : number % 40;
            memset(values[i], number % 5 == 0 ? (int)(number % 256) : 'a', length);
            if (length > 0) {
                values[i][length - 1] = (char)('a' + number % 11);
            }
            fields[i] = (struct hpack_field){
                slice_from(names[number % COUNT(names)]), {values[i], length}, number % 13 == 0};
        }
        if (round % 97 == 96) {
            uint32_t wanted = random % 2 == 0 ? 4096 : random % 4096;
            assert_int_equal(nghttp2_hd_inflate_change_table_size(client, wanted), 0);
            hpack_encoder_resize(&lab.encoder, wanted);
        }
        if (round % 211 == 210) {
            hpack_encoder_drop(&lab.encoder);
        }
        assert_int_equal(encode(&lab, fields, count, block, sizeof block, &size), RESULT_OK);
        assert_client_reads(client, block, size, fields, count);
    }
    nghttp2_hd_inflate_del(client);
    lab_end(&lab);
}

// A table of the smallest entries holds as many as there can be.
static void test_most_entries(void **state) {
    (void)state;
    static const struct hpack_field empty[] = {FIELD("", ""), FIELD("server", "s")};
    struct lab lab;
    nghttp2_hd_inflater *client;
    uint8_t block[64];
    size_t size;
    lab_begin(&lab);
    assert_int_equal(nghttp2_hd_inflate_new(&client), 0);
    for (unsigned round = 0; round < 600; round++) {
        char digits[8];
        (void)snprintf(digits, sizeof digits, "%u", round % 150);
        const struct hpack_field fields[] = {{SLICE("n"), slice_from(digits), false},
                                             empty[round % 2]};
        assert_int_equal(encode(&lab, fields, 2, block, sizeof block, &size), RESULT_OK);
        assert_client_reads(client, block, size, fields, 2);
    }
    nghttp2_hd_inflate_del(client);
    lab_end(&lab);
}

// What comes again takes a byte a field; an ETag is not remembered, as the next one differs.
static void test_repeated_fields(void **state) {
    (void)state;
    static const struct hpack_field fields[] = {FIELD(":status", "200"), FIELD("server", "nginx"),
                                                FIELD("x-own", "value"),
                                                FIELD("date", "Mon, 30 Nov 2026 08:00:00 GMT")};
    static const struct hpack_field other[] = {FIELD("x-own", "other")};
    static const struct hpack_field tag[] = {FIELD("etag", "\"1\"")};
    struct lab lab;
    uint8_t block[256], again[256];
    size_t size, size_again;
    lab_begin(&lab);
    assert_int_equal(encode(&lab, fields, COUNT(fields), block, sizeof block, &size), RESULT_OK);
    assert_encodes(&lab, fields, COUNT(fields), "88c0bfbe");
    assert_encodes(&lab, other, 1, "7f00 84 3a672d9f"); // the name is entry 63
    assert_int_equal(encode(&lab, tag, 1, block, sizeof block, &size), RESULT_OK);
    assert_int_equal(encode(&lab, tag, 1, again, sizeof again, &size_again), RESULT_OK);
    assert_int_equal(size, size_again);
    assert_memory_equal(block, again, size);
    lab_end(&lab);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_idle_memory),
        cmocka_unit_test(test_worst_memory),
        cmocka_unit_test(test_worst_strings),
        cmocka_unit_test(test_short_memory),
        cmocka_unit_test(test_table_changes),
        cmocka_unit_test(test_announcements),
        cmocka_unit_test(test_client_encoder),
        cmocka_unit_test(test_packed),
        cmocka_unit_test(test_packed_without_memory),
        cmocka_unit_test(test_encoder_beside_a_client),
        cmocka_unit_test(test_most_entries),
        cmocka_unit_test(test_repeated_fields),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
