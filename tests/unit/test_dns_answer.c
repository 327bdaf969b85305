// What is read from the responses of DNS servers.
#include "monitor/dns_answer.h"

#include "dns_bytes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define NAME "app.test"

enum { HEAD_SIZE = 12 }; // where the name of the question is

static struct dns_bytes bytes;
static struct dns_answer answer;

// In memory of its own size, so that a sanitizer sees a read past its end.
static enum result read_bytes(const uint8_t *data, size_t size, enum dns_type type) {
    uint8_t *copy = malloc(size > 0 ? size : 1);
    assert_non_null(copy);
    memcpy(copy, data, size);
    enum result result = dns_answer_read(copy, size, NAME, type, &answer);
    free(copy);
    return result;
}

static void assert_read(enum dns_type type, size_t count, uint32_t ttl_s) {
    assert_int_equal(read_bytes(bytes.data, bytes.size, type), RESULT_OK);
    assert_int_equal(answer.count, count);
    assert_true(answer.has_ttl);
    assert_int_equal(answer.ttl_s, ttl_s);
}

static void assert_malformed(enum dns_type type) {
    assert_int_equal(read_bytes(bytes.data, bytes.size, type), RESULT_ERROR);
}

static void assert_address(size_t index, int family, const char *expected) {
    char text[INET6_ADDRSTRLEN];
    assert_non_null(inet_ntop(family, answer.addresses[index].bytes, text, sizeof(text)));
    assert_string_equal(text, expected);
}

static void test_addresses(void **state) {
    (void)state;
    put_head(&bytes, NAME, DNS_A, 3, 0);
    put_a(&bytes, NAME, 60, "10.0.0.1");
    put_a(&bytes, "APP.Test", 30, "10.0.0.2");
    put_a(&bytes, "other.test", 1, "10.0.0.3");
    assert_read(DNS_A, 2, 30);
    assert_address(0, AF_INET, "10.0.0.1");
    assert_address(1, AF_INET, "10.0.0.2");
    put_head(&bytes, NAME, DNS_AAAA, 2, 0);
    put_aaaa(&bytes, NAME, 5, "2001:db8::1");
    put_a(&bytes, NAME, 1, "10.0.0.1"); // of another type
    assert_read(DNS_AAAA, 1, 5);
    assert_address(0, AF_INET6, "2001:db8::1");
}

static void test_services(void **state) {
    (void)state;
    put_head(&bytes, NAME, DNS_SRV, 4, 0);
    put_srv(&bytes, NAME, 60, (uint16_t[]){10, 5, 8000}, "A.app.test");
    put_srv(&bytes, NAME, 60, (uint16_t[]){20, 0, 8001}, "b.app.test");
    put_srv(&bytes, NAME, 60, (uint16_t[]){0, 0, 0}, "");              // no such service
    put_srv(&bytes, NAME, 60, (uint16_t[]){0, 0, 80}, "no host.test"); // not a host name
    assert_read(DNS_SRV, 2, 60);
    assert_string_equal(answer.services[0].target, "a.app.test");
    assert_int_equal(answer.services[0].priority, 10);
    assert_int_equal(answer.services[0].weight, 5);
    assert_int_equal(answer.services[0].port, 8000);
    assert_int_equal(answer.services[1].priority, 20);
}

static void test_cname_chains(void **state) {
    (void)state;
    put_head(&bytes, NAME, DNS_A, 3, 0); // in any order
    put_a(&bytes, "c.test", 50, "10.0.0.1");
    put_cname(&bytes, "b.test", 60, "c.test");
    put_cname(&bytes, NAME, 20, "B.test");
    assert_read(DNS_A, 1, 20);
    put_head(&bytes, NAME, DNS_A, 2, 0); // records of a name on the way do not count
    put_cname(&bytes, NAME, 20, "b.test");
    put_a(&bytes, NAME, 50, "10.0.0.1");
    assert_read(DNS_A, 0, 20);
}

static void test_cname_chains_without_end(void **state) {
    (void)state;
    put_head(&bytes, NAME, DNS_A, 2, 0);
    put_cname(&bytes, NAME, 20, "b.test");
    put_cname(&bytes, "b.test", 20, NAME);
    assert_malformed(DNS_A);
    put_head(&bytes, NAME, DNS_A, 1, 0);
    put_cname(&bytes, NAME, 20, NAME);
    assert_malformed(DNS_A);
}

static void test_negative_answers(void **state) {
    (void)state;
    put_head(&bytes, NAME, DNS_A, 0, 1);
    put_soa(&bytes, "test", 100, 40);
    assert_read(DNS_A, 0, 40);
    put_head(&bytes, NAME, DNS_A, 0, 1);
    put_soa(&bytes, "test", 30, 40);
    assert_read(DNS_A, 0, 30);
    put_head(&bytes, NAME, DNS_A, 1, 1); // behind a chain
    put_cname(&bytes, NAME, 10, "b.test");
    put_soa(&bytes, "test", 100, 40);
    assert_read(DNS_A, 0, 10);
    put_head(&bytes, NAME, DNS_A, 0, 0);
    assert_int_equal(read_bytes(bytes.data, bytes.size, DNS_A), RESULT_OK);
    assert_false(answer.has_ttl);
}

static void test_a_ttl_with_its_top_bit_set_is_0(void **state) {
    (void)state;
    put_head(&bytes, NAME, DNS_A, 1, 0);
    put_a(&bytes, NAME, 0x80000000, "10.0.0.1");
    assert_read(DNS_A, 1, 0);
}

static void test_more_records_than_are_kept(void **state) {
    (void)state;
    enum { MANY = DNS_RECORDS_MAX + 100 };
    put_head(&bytes, NAME, DNS_A, MANY, 0);
    for (int i = 0; i < MANY; i++) {
        put_a(&bytes, NAME, 60, "10.0.0.1");
    }
    assert_read(DNS_A, DNS_RECORDS_MAX, 60);
}

// --- Compression ---

static void test_compressed_names(void **state) {
    (void)state;
    put_head(&bytes, NAME, DNS_SRV, 1, 0);
    put_number(&bytes, 2, 0xc00c); // the name of the question
    put_number(&bytes, 2, DNS_SRV);
    put_number(&bytes, 2, 1);
    put_number(&bytes, 4, 60);
    put_number(&bytes, 2, 6 + 4);
    put_number(&bytes, 6, 0x000100020050);
    put_bytes(&bytes, "\1a", 2);
    put_number(&bytes, 2, 0xc00c);
    assert_read(DNS_SRV, 1, 60);
    assert_string_equal(answer.services[0].target, "a." NAME);
    assert_int_equal(answer.services[0].port, 80);
}

static void test_pointers_that_lead_nowhere(void **state) {
    (void)state;
    static const uint16_t pointers[] = {0xffff, 0xc01a, 0x4000, 0x8000};
    for (size_t i = 0; i < sizeof(pointers) / sizeof(pointers[0]); i++) {
        put_head(&bytes, NAME, DNS_A, 1, 0);
        assert_int_equal(bytes.size, 0x1a);
        put_number(&bytes, 2, pointers[i]); // 0xc01a: itself
        put_number(&bytes, 8, 0);
        put_number(&bytes, 2, 0);
        assert_malformed(DNS_A);
    }
}

static void test_names_that_are_too_long_are_the_names_of_nothing(void **state) {
    (void)state;
    char name[400] = "";
    for (int i = 0; i < 6; i++) {
        (void)snprintf(name + strlen(name), 66, "%.60s.",
                       "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
                       "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa");
    }
    put_head(&bytes, NAME, DNS_A, 2, 0);
    put_a(&bytes, name, 1, "10.0.0.1");
    put_a(&bytes, NAME, 60, "10.0.0.2");
    assert_read(DNS_A, 1, 60);
}

// Appends a record of type A whose owner is a pointer to `at`.
static void put_a_at(size_t at) {
    put_number(&bytes, 2, 0xc000 | at);
    put_number(&bytes, 2, DNS_A);
    put_number(&bytes, 2, 1);
    put_number(&bytes, 4, 60);
    put_number(&bytes, 2, 4);
    put_number(&bytes, 4, 0x0a000001);
}

// Labels of 2 bytes, `labels` of them, in a record of another name. Returns where they begin.
static size_t put_labels(size_t labels) {
    put_record(&bytes, "x.test", CNAME, 1, 2 * labels + 1);
    size_t at = bytes.size;
    for (size_t i = 0; i < labels; i++) {
        put_bytes(&bytes, "\1a", 2);
    }
    put_number(&bytes, 1, 0);
    return at;
}

static void test_names_behind_a_pointer_have_255_bytes_at_most(void **state) {
    (void)state;
    put_head(&bytes, NAME, DNS_A, 3, 0);
    put_a_at(put_labels(127)); // with the root 255 bytes
    put_a_at(HEAD_SIZE);
    assert_read(DNS_A, 1, 60);
    put_head(&bytes, NAME, DNS_A, 3, 0);
    put_a_at(put_labels(128));
    put_a_at(HEAD_SIZE);
    assert_malformed(DNS_A);
}

// --- Damage ---

static void test_data_of_the_wrong_size(void **state) {
    (void)state;
    put_head(&bytes, NAME, DNS_A, 1, 0);
    put_record(&bytes, NAME, DNS_A, 60, 5);
    put_number(&bytes, 5, 0);
    assert_malformed(DNS_A);
    put_head(&bytes, NAME, DNS_SRV, 1, 0);
    put_record(&bytes, NAME, DNS_SRV, 60, 6);
    put_number(&bytes, 6, 0);
    assert_malformed(DNS_SRV);
}

static void fill_example(enum dns_type type) {
    put_head(&bytes, NAME, type, 4, 1);
    put_cname(&bytes, NAME, 20, "b.test");
    put_srv(&bytes, "b.test", 60, (uint16_t[]){10, 5, 8000}, "a.app.test");
    put_a(&bytes, "b.test", 60, "10.0.0.1");
    put_aaaa(&bytes, "b.test", 60, "2001:db8::1");
    put_soa(&bytes, "test", 100, 40);
}

static void test_a_message_that_is_cut_is_malformed(void **state) {
    (void)state;
    fill_example(DNS_A);
    size_t answers = bytes.size - (6 + 10 + 22); // without the last record
    for (size_t size = 0; size < answers; size++) {
        assert_int_equal(read_bytes(bytes.data, size, DNS_A), RESULT_ERROR);
    }
    assert_read(DNS_A, 1, 20);
}

static void test_any_byte_may_be_wrong(void **state) {
    (void)state;
    static const enum dns_type types[] = {DNS_A, DNS_AAAA, DNS_SRV};
    for (size_t k = 0; k < 3; k++) {
        for (size_t i = 0; i < 200; i++) {
            for (unsigned value = 0; value < 256; value++) {
                fill_example(types[k]);
                if (i < bytes.size) {
                    bytes.data[i] = (uint8_t)value;
                    if (read_bytes(bytes.data, bytes.size, types[k]) == RESULT_OK) {
                        assert_true(answer.count <= 1);
                    }
                }
            }
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_addresses),
        cmocka_unit_test(test_services),
        cmocka_unit_test(test_cname_chains),
        cmocka_unit_test(test_cname_chains_without_end),
        cmocka_unit_test(test_negative_answers),
        cmocka_unit_test(test_a_ttl_with_its_top_bit_set_is_0),
        cmocka_unit_test(test_more_records_than_are_kept),
        cmocka_unit_test(test_compressed_names),
        cmocka_unit_test(test_pointers_that_lead_nowhere),
        cmocka_unit_test(test_names_that_are_too_long_are_the_names_of_nothing),
        cmocka_unit_test(test_names_behind_a_pointer_have_255_bytes_at_most),
        cmocka_unit_test(test_data_of_the_wrong_size),
        cmocka_unit_test(test_a_message_that_is_cut_is_malformed),
        cmocka_unit_test(test_any_byte_may_be_wrong),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
