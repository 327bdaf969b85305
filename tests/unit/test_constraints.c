// Name constraints: which names an authority may vouch for.
#include "certificate_folder.h"
#include "tls/certificate/constraints.h"

static int set_up_all(void **state) {
    (void)open_certificate_folder(state);
    issue(&folder, (struct issue){.name = "a"}); // the key of all that follow
    return 0;
}

// A certificate with these extensions. Who issued it does not matter here.
static struct slice make(const char *extensions, const char *subject, uint8_t der[4096]) {
    issue(&folder,
          (struct issue){
              .name = "a", .subject = subject, .extensions = extensions, .same_key = true});
    return load_der("a.pem", der, 4096);
}

struct name {
    const char *text; // of subjectAltName; NULL: none
    bool allowed;
    const char *subject; // NULL: /CN=a
};

// What an authority with these constraints may vouch for. `names` ends with one that is all zeros.
static void check(const char *constraints, const struct name *names) {
    uint8_t authority_der[4096];
    uint8_t der[4096];
    char extensions[512];
    (void)snprintf(extensions, sizeof(extensions), AUTHORITY "nameConstraints=critical,%s\n",
                   constraints);
    struct slice authority = make(extensions, NULL, authority_der);
    for (; names->text != NULL || names->subject != NULL; names++) {
        extensions[0] = '\0';
        if (names->text != NULL) {
            (void)snprintf(extensions, sizeof(extensions), "subjectAltName=%s\n", names->text);
        }
        struct slice certificate = make(extensions, names->subject, der);
        if (constraints_allow(authority, certificate) != names->allowed) {
            fail_msg("%s: %s %s", constraints, names->text == NULL ? "" : names->text,
                     names->subject == NULL ? "" : names->subject);
        }
    }
}

#define CHECK(constraints, ...)                                                                    \
    check(constraints, (const struct name[]){__VA_ARGS__, {NULL, false, NULL}})

static void test_without_constraints(void **state) {
    (void)state;
    uint8_t first[4096];
    uint8_t second[4096];
    struct slice authority = make(AUTHORITY, NULL, first);
    assert_true(constraints_allow(authority, make("subjectAltName=DNS:x\n", NULL, second)));
    assert_true(constraints_allow(authority, SLICE("no certificate")));
    assert_false(constraints_allow(SLICE("no certificate"), authority));
}

static void test_host_names(void **state) {
    (void)state;
    CHECK("permitted;DNS:good.test", {"DNS:good.test", true, NULL}, {"DNS:x.GOOD.test", true, NULL},
          {"DNS:*.good.test", true, NULL}, {"DNS:xgood.test", false, NULL},
          {"DNS:test", false, NULL}, {"DNS:*.test", false, NULL}, {"DNS:good.test.", false, NULL},
          {"DNS:x..good.test", false, NULL}, {"DNS:.good.test", false, NULL},
          {"DNS:good.test,DNS:bad.test", false, NULL},
          {"email:a@bad.test,IP:192.0.2.1,URI:http://bad.test/", true, NULL},
          {NULL, true, "/CN=bad.test"});
    CHECK("permitted;DNS:.good.test", {"DNS:x.good.test", true, NULL},
          {"DNS:*.good.test", true, NULL}, {"DNS:good.test", false, NULL});
    CHECK("permitted;DNS:a.good.test", {"DNS:*.good.test", false, NULL});
    CHECK("permitted;DNS:good.test,permitted;DNS:b.test", {"DNS:b.test", true, NULL},
          {"DNS:x.good.test", true, NULL}, {"DNS:c.test", false, NULL});
    CHECK("excluded;DNS:bad.test", {"DNS:good.test", true, NULL}, {"DNS:bad.test", false, NULL},
          {"DNS:x.BAD.test", false, NULL}, {"DNS:*.bad.test", false, NULL},
          {"DNS:*.test", false, NULL}, {"DNS:bad.test.", false, NULL},
          {"DNS:good.test,DNS:bad.test", false, NULL}, {"IP:192.0.2.1", true, NULL});
    CHECK("permitted;DNS:good.test,excluded;DNS:x.good.test", {"DNS:good.test", true, NULL},
          {"DNS:y.x.good.test", false, NULL});
}

static void test_mail_addresses(void **state) {
    (void)state;
    CHECK("permitted;email:good.test", {"email:a@good.test", true, NULL},
          {"email:a@GOOD.test", true, NULL}, {"email:a@x.good.test", false, NULL},
          {"email:a@bad.test", false, NULL}, {"email:good.test", false, NULL},
          {"email:a@b@good.test", false, NULL}, {"email:@good.test", false, NULL},
          {NULL, true, "/emailAddress=a@good.test"}, {NULL, false, "/emailAddress=a@bad.test"},
          {"DNS:bad.test", true, NULL});
    CHECK("permitted;email:.good.test", {"email:a@x.good.test", true, NULL},
          {"email:a@good.test", false, NULL});
    CHECK("permitted;email:a@good.test", {"email:a@Good.test", true, NULL},
          {"email:b@good.test", false, NULL}, {"email:A@good.test", false, NULL});
    CHECK("excluded;email:a@bad.test", {"email:b@bad.test", true, NULL},
          {"email:a@bad.test", false, NULL}, {"email:A@bad.test", false, NULL},
          {NULL, false, "/O=x/emailAddress=a@bad.test"});
}

static void test_uris(void **state) {
    (void)state;
    CHECK("permitted;URI:good.test", {"URI:https://good.test/x", true, NULL},
          {"URI:https://user@GOOD.test:8443?x", true, NULL},
          {"URI:https://x.good.test/", false, NULL},
          {"URI:https://bad.test/good.test", false, NULL},
          {"URI:https://good.test@bad.test/", false, NULL},
          {"URI:https://bad.test#@good.test/", false, NULL}, {"URI:urn:good.test", false, NULL},
          {"URI:https://192.0.2.1/", false, NULL});
    CHECK("permitted;URI:.good.test", {"URI:spiffe://x.good.test/a", true, NULL},
          {"URI:spiffe://good.test/a", false, NULL});
    CHECK("excluded;URI:.bad.test", {"URI:https://good.test/", true, NULL},
          {"URI:https://x.bad.test/", false, NULL}, {"URI:urn:x", false, NULL});
}

static void test_addresses(void **state) {
    (void)state;
    CHECK("permitted;IP:192.0.2.0/255.255.255.0", {"IP:192.0.2.255", true, NULL},
          {"IP:192.0.3.1", false, NULL}, {"IP:2001:db8::1", false, NULL},
          {"DNS:bad.test", true, NULL});
    CHECK("excluded;IP:2001:db8:0:0:0:0:0:0/ffff:ffff:0:0:0:0:0:0", {"IP:192.0.2.1", true, NULL},
          {"IP:2001:db8:1::1", false, NULL}, {"IP:2001:db9::1", true, NULL});
}

static void test_directory_names(void **state) {
    (void)state;
    CHECK("permitted;dirName:n\n[n]\nO=Good Name\n", {NULL, true, "/O=Good Name/CN=a"},
          {NULL, true, "/O=  gOOD   name /CN=a"}, {NULL, false, "/O=GoodName/CN=a"},
          {NULL, false, "/CN=a/O=Good Name"}, {NULL, false, "/CN=a"},
          {NULL, false, "/OU=Good Name"}, {"DNS:bad.test", true, "/O=Good Name"});
    CHECK("excluded;dirName:n\n[n]\nO=Bad\nOU=x\n", {NULL, true, "/O=Bad/CN=a"},
          {NULL, true, "/O=Good/OU=x"}, {NULL, false, "/O=Bad/OU=x"},
          {NULL, false, "/O=BAD/OU=X/CN=a"}, {NULL, false, "/O=Bad/OU=\xc3\xa9"});
}

static void test_names_that_cannot_be_compared(void **state) {
    (void)state;
    CHECK("permitted;otherName:1.2.3.4;UTF8:x", {"otherName:1.2.3.4;UTF8:x", false, NULL},
          {"DNS:bad.test", true, NULL});
    CHECK("excluded;RID:1.2.3.4", {"RID:1.2.3.5", false, NULL}, {"DNS:bad.test", true, NULL});
}

// Whatever is changed in the constraints, they are not forgotten.
static void test_damaged_constraints_allow_nothing_more(void **state) {
    (void)state;
    uint8_t first[4096];
    uint8_t second[4096];
    struct slice authority =
        make(AUTHORITY "nameConstraints=permitted;DNS:good.test\n", NULL, first);
    struct slice bad = make("subjectAltName=DNS:other.example\n", NULL, second);
    assert_false(constraints_allow(authority, bad));
    // From the length of the extension's value to the name in it.
    const char *name = memmem(first, authority.size, "good.test", 9);
    assert_non_null(name);
    for (size_t at = (size_t)(name - authority.data) - 8; at < (size_t)(name - authority.data);
         at++) {
        for (unsigned bit = 0; bit < 8; bit++) {
            first[at] ^= (uint8_t)(1U << bit);
            bool is_kind = at + 2 == (size_t)(name - authority.data); // constrains another kind
            bool is_side = at + 6 == (size_t)(name - authority.data); // excluded instead
            assert_true(!constraints_allow(authority, bad) || is_kind || is_side);
            first[at] ^= (uint8_t)(1U << bit);
        }
    }
    for (size_t size = 0; size < authority.size; size++) {
        assert_false(constraints_allow((struct slice){authority.data, size}, bad));
    }
    for (size_t size = 0; size < bad.size; size++) {
        assert_false(constraints_allow(authority, (struct slice){bad.data, size}));
    }
}

static void test_more_than_is_compared(void **state) {
    (void)state;
    static char constraints[8192];
    static char names[8192];
    uint8_t first[4096];
    uint8_t second[4096];
    size_t size = (size_t)snprintf(constraints, sizeof(constraints), "nameConstraints=");
    size_t names_size = (size_t)snprintf(names, sizeof(names), "subjectAltName=");
    for (int i = 0; i < 150; i++) {
        size += (size_t)snprintf(constraints + size, sizeof(constraints) - size,
                                 "%spermitted;DNS:a%d", i == 0 ? "" : ",", i);
        names_size += (size_t)snprintf(names + names_size, sizeof(names) - names_size, "%sDNS:a1",
                                       i == 0 ? "" : ",");
        if (i == 50) {
            struct slice authority = make(constraints, NULL, first);
            assert_true(constraints_allow(authority, make(names, NULL, second)));
        }
    }
    struct slice authority = make(constraints, NULL, first);
    assert_false(constraints_allow(authority, make(names, NULL, second)));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_without_constraints),
        cmocka_unit_test(test_host_names),
        cmocka_unit_test(test_mail_addresses),
        cmocka_unit_test(test_uris),
        cmocka_unit_test(test_addresses),
        cmocka_unit_test(test_directory_names),
        cmocka_unit_test(test_names_that_cannot_be_compared),
        cmocka_unit_test(test_damaged_constraints_allow_nothing_more),
        cmocka_unit_test(test_more_than_is_compared),
    };
    return cmocka_run_group_tests(tests, set_up_all, close_certificate_folder);
}
