// What in a request decides which server it goes to.
#include "exchange/affinity.h"

#include "base/hash.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

enum { FIELDS_MAX = 4 };

struct asking {
    struct http_field items[FIELDS_MAX];
    struct http_fields fields;
    struct http_request request;
    struct config_backend backend;
    union ip_address client;
};

// A request with these fields, a NULL name ends them.
static void start(struct asking *asking, enum hash_by what, const char *name,
                  const char *const (*fields)[2]) {
    *asking = (struct asking){.fields = {.items = asking->items, .capacity = FIELDS_MAX}};
    for (; fields != NULL && fields[asking->fields.count][0] != NULL; asking->fields.count++) {
        asking->items[asking->fields.count] =
            (struct http_field){.name = slice_from(fields[asking->fields.count][0]),
                                .value = slice_from(fields[asking->fields.count][1])};
    }
    asking->request.fields = &asking->fields;
    asking->request.path = SLICE("/a/b?c");
    asking->request.path_size = 4;
    asking->backend.balance = BALANCE_HASH;
    asking->backend.hash_by = (struct config_hash_by){what, (char *)(uintptr_t)name};
    assert_true(ip_address_parse(SLICE("192.0.2.1"), &asking->client));
}

static struct affinity find(const struct asking *asking) {
    struct affinity affinity = {.has_key = false};
    affinity_find(&affinity, &asking->backend, &asking->request, &asking->client);
    return affinity;
}

// `bytes` NULL: there is no key.
static void assert_key(const struct asking *asking, const void *bytes, size_t size) {
    struct affinity affinity = find(asking);
    assert_int_equal(affinity.has_key, bytes != NULL);
    if (bytes != NULL) {
        assert_true(affinity.key == hash_bytes(bytes, size));
    }
}

static void test_the_address_of_the_client(void **state) {
    (void)state;
    static const struct {
        const char *address;
        uint8_t bytes[8];
        size_t size;
    } cases[] = {
        {"192.0.2.1", {192, 0, 2, 1}, 4},
        {"::ffff:192.0.2.1", {192, 0, 2, 1}, 4},
        {"2001:db8:1:2:3:4:5:6", {0x20, 1, 0x0d, 0xb8, 0, 1, 0, 2}, 8},
        {"2001:db8:1:2::", {0x20, 1, 0x0d, 0xb8, 0, 1, 0, 2}, 8},
    };
    struct asking asking;
    start(&asking, HASH_BY_CLIENT, NULL, NULL);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_true(ip_address_parse(slice_from(cases[i].address), &asking.client));
        assert_key(&asking, cases[i].bytes, cases[i].size);
    }
}

static void test_the_path_without_its_query(void **state) {
    (void)state;
    struct asking asking;
    start(&asking, HASH_BY_PATH, NULL, NULL);
    assert_key(&asking, "/a/b", 4);
}

static void test_the_first_field_of_that_name(void **state) {
    (void)state;
    static const char *const fields[][2] = {
        {"X-Use", "no"}, {"x-uSer", "ada"}, {"X-User", "eve"}, {NULL, NULL}};
    struct asking asking;
    start(&asking, HASH_BY_HEADER, "X-User", fields);
    assert_key(&asking, "ada", 3);
    start(&asking, HASH_BY_HEADER, "X-Other", fields);
    assert_key(&asking, NULL, 0);
    static const char *const empty[][2] = {{"X-User", ""}, {NULL, NULL}};
    start(&asking, HASH_BY_HEADER, "X-User", empty);
    assert_key(&asking, "", 0);
}

static void test_the_first_cookie_of_that_name(void **state) {
    (void)state;
    static const struct {
        const char *first, *second, *value;
    } cases[] = {
        {"id=7", "id=8", "7"},      {"a=1; id=7; b=2", "x=y", "7"},
        {"a=1;id=7", "x=y", "7"},   {"a=1;  \t id=7", "x=y", "7"},
        {"xid=1; id", "id=7", "7"}, {"ID=1; idx=2; i=d=3", "c=id=4; id=a=b", "a=b"},
        {"id=", "id=8", ""},        {"id=\"7\"", "x=y", "\"7\""},
        {"", ";;; ;", NULL},        {"id", "a; id ; id =7", NULL},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const char *const fields[][2] = {{"Accept", "id=0"},
                                         {"Cookie", cases[i].first},
                                         {"cookie", cases[i].second},
                                         {NULL, NULL}};
        struct asking asking;
        start(&asking, HASH_BY_COOKIE, "id", fields);
        assert_key(&asking, cases[i].value, cases[i].value == NULL ? 0 : strlen(cases[i].value));
    }
}

static void test_a_cookie_names_a_server(void **state) {
    (void)state;
    static const struct {
        const char *cookie;
        bool has_name;
    } cases[] = {
        {"a=b; node=000102030405060708090a0b0c0d0e0f", true},
        {"node=000102030405060708090A0B0C0D0E0F", false},
        {"node=0001; node=000102030405060708090a0b0c0d0e0f", false}, // the first counts
        {"nod=000102030405060708090a0b0c0d0e0f", false},
        {"node", false},
    };
    static char name[] = "node";
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const char *const fields[][2] = {{"Cookie", cases[i].cookie}, {NULL, NULL}};
        struct asking asking;
        start(&asking, HASH_BY_COOKIE, "a", fields);
        asking.backend.sticky = name;
        struct affinity affinity = find(&asking);
        assert_int_equal(affinity.has_name, cases[i].has_name);
        assert_true(!cases[i].has_name || affinity.name[15] == 15);
        assert_int_equal(affinity.has_key, i == 0); // both may be asked for
        asking.backend.sticky = NULL;
        assert_false(find(&asking).has_name);
    }
}

static void test_other_backends_have_no_key(void **state) {
    (void)state;
    struct asking asking;
    start(&asking, HASH_BY_CLIENT, NULL, NULL);
    asking.backend.balance = BALANCE_LEAST_CONNECTIONS;
    assert_key(&asking, NULL, 0);
    struct affinity affinity = {.has_key = false};
    affinity_find(&affinity, NULL, &asking.request, &asking.client); // the route answers by itself
    assert_false(affinity.has_key);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_address_of_the_client),
        cmocka_unit_test(test_the_path_without_its_query),
        cmocka_unit_test(test_the_first_field_of_that_name),
        cmocka_unit_test(test_the_first_cookie_of_that_name),
        cmocka_unit_test(test_a_cookie_names_a_server),
        cmocka_unit_test(test_other_backends_have_no_key),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
