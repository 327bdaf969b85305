// What is said about certificates that cannot be read: one certificate, with one field of it
// changed.
#include "certificate_folder.h"
#include "tls/certificate/certificate.h"
#include "tls/certificate/certificate_faults.h"

struct der_file {
    uint8_t bytes[4096];
    size_t size;
};

static struct der_file load(const char *name) {
    struct der_file file;
    file.size = load_der(name, file.bytes, sizeof(file.bytes)).size;
    return file;
}

static struct slice slice_of(const struct der_file *file) {
    return (struct slice){(const char *)file->bytes, file->size};
}

// The place of these bytes in the file, counted from the end of them.
static uint8_t *behind(struct der_file *file, struct slice bytes) {
    uint8_t *at = memmem(file->bytes, file->size, bytes.data, bytes.size);
    assert_non_null(at);
    return at + bytes.size;
}

// wolfSSL refuses it, and the text names the fault.
static void assert_fault(const struct der_file *file, const char *expected) {
    struct certificate certificate;
    char text[CERTIFICATE_FAULT_SIZE];
    assert_string_equal(certificate_fault(slice_of(file), text), expected);
    assert_int_equal(certificate_read(slice_of(file), &certificate), RESULT_ERROR);
}

static void make(const char *subject, const char *extensions, struct der_file *file) {
    issue(&folder, (struct issue){.name = "leaf", .subject = subject, .extensions = extensions});
    *file = load("leaf.pem");
}

// By openssl x509, which takes any serial number.
static void make_with_serial(const char *serial, struct der_file *file) {
    OPENSSL(&folder, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
            "-nodes", "-subj", "/CN=x", "-set_serial", serial, "-keyout",
            in_folder(&folder, "serial.key"), "-out", in_folder(&folder, "serial.pem"));
    *file = load("serial.pem");
}

static void test_serial_numbers(void **state) {
    (void)state;
    struct der_file file;
    make_with_serial("0", &file);
    char text[CERTIFICATE_FAULT_SIZE];
    assert_string_equal(certificate_fault(slice_of(&file), text), "its serial number is 0");
    make_with_serial("-5", &file);
    assert_string_equal(certificate_fault(slice_of(&file), text), "its serial number is negative");
    make_with_serial("0x0102030405060708090a0b0c0d0e0f101112131415", &file);
    assert_string_equal(certificate_fault(slice_of(&file), text),
                        "its serial number has 21 bytes, and at most 20 are allowed");
}

static void set_date(uint8_t *date, const char *text) {
    for (size_t i = 0; i < 13; i++) {
        date[i] = (uint8_t)text[i];
    }
}

static void test_dates(void **state) {
    (void)state;
    struct der_file file;
    make(NULL, NULL, &file);
    uint8_t *date = behind(&file, SLICE("\x30\x1e\x17\x0d")); // validity, notBefore
    uint8_t kept[13];
    memcpy(kept, date, sizeof(kept));
    set_date(date, "261301000000Z");
    assert_fault(&file, "its notBefore '261301000000Z' is not a valid date");
    set_date(date, "2601010000001");
    assert_fault(&file, "its notBefore '2601010000001' is not a valid date");
    memcpy(date, kept, sizeof(kept));
    date += 15;
    set_date(date, "260230000000Z");
    char text[CERTIFICATE_FAULT_SIZE];
    assert_string_equal(certificate_fault(slice_of(&file), text),
                        "its notAfter '260230000000Z' is not a valid date");
    set_date(date, "100101000000Z");
    assert_string_equal(certificate_fault(slice_of(&file), text),
                        "its notAfter is before its notBefore");
}

static void test_extensions(void **state) {
    (void)state;
    struct der_file file;
    make(NULL, "1.2.3.4.5000=critical,DER:0500\n", &file);
    assert_fault(&file, "its critical extension 1.2.3.4.5000 is not supported");
    make(NULL, "1.2.3.4.5000=DER:0500\n", &file);
    struct certificate certificate;
    assert_int_equal(certificate_read(slice_of(&file), &certificate), RESULT_OK);
    make(NULL, "basicConstraints=CA:FALSE\nkeyUsage=digitalSignature\n", &file);
    uint8_t *oid = behind(&file, SLICE("\x06\x03\x55\x1d"));
    oid[0] = 0x0f; // keyUsage instead of basicConstraints
    char text[CERTIFICATE_FAULT_SIZE];
    assert_string_equal(certificate_fault(slice_of(&file), text),
                        "it has the extension 2.5.29.15 twice");
    make(NULL, "2.5.29.17=DER:3005\n", &file);
    assert_fault(&file, "the content of its extension 2.5.29.17 is damaged");
}

static void test_keys_and_signatures(void **state) {
    (void)state;
    struct der_file file;
    static const struct {
        struct issue issue;
        const char *fault;
    } cases[] = {
        {{.algorithm = "ed448", .digest = "null"},
         "its key (Ed448) is of a kind that is not supported"},
        {{.algorithm = "ec", .curve = "brainpoolP256r1"},
         "its key (ECDSA brainpoolP256r1) is of a kind that is not supported"},
        {{.digest = "sha1"}, "it is signed with ECDSA with SHA-1, which is not supported"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char text[CERTIFICATE_FAULT_SIZE];
        struct issue wanted = cases[i].issue;
        wanted.name = "kind";
        issue(&folder, wanted);
        file = load("kind.pem");
        assert_string_equal(certificate_fault(slice_of(&file), text), cases[i].fault);
    }
    make(NULL, NULL, &file);
    *behind(&file, SLICE("\x06\x08\x2a\x86\x48\xce\x3d\x04\x03")) = 3; // the inner one
    assert_fault(&file,
                 "its two signature algorithms differ (ECDSA with SHA-384, ECDSA with SHA-256)");
}

static void test_frames(void **state) {
    (void)state;
    struct der_file file;
    struct der_file other;
    make(NULL, "basicConstraints=CA:FALSE\n", &file);
    other = file;
    other.size--;
    assert_fault(&other, "it is cut short, or its DER is damaged");
    other.size += 2;
    assert_fault(&other, "1 byte after the end of the certificate");
    other = file;
    other.bytes[0] = 0x31;
    assert_fault(&other, "it is not a certificate: its DER does not begin with a SEQUENCE");
    other = file;
    *behind(&other, SLICE("\xa0\x03\x02\x01")) = 7;
    assert_fault(&other, "its version is none of 1, 2 and 3");
    other = file;
    *behind(&other, SLICE("\xa0\x03\x02\x01")) = 1;
    assert_fault(&other, "it has extensions, but its version is 2 and not 3");
    make("/CN=xy", NULL, &other);
    memset(behind(&other, SLICE("\x06\x03\x55\x04\x03\x0c\x02")), 0xff, 2);
    assert_fault(&other, "its issuer has a text that is not UTF-8");
    other = file;
    behind(&other, SLICE("\x06\x03\x55\x04\x03"))[1] = 0x7f; // a size in the name
    assert_fault(&other, "its issuer is not a valid name");
}

// What wolfSSL reads is named only if there is nothing else.
static void test_the_cause_comes_first(void **state) {
    (void)state;
    struct der_file file;
    OPENSSL(&folder, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
            "-nodes", "-subj", "/CN=x", "-set_serial", "-5", "-sha1", "-addext",
            "1.2.3.4=critical,DER:0500", "-keyout", in_folder(&folder, "serial.key"), "-out",
            in_folder(&folder, "serial.pem"));
    file = load("serial.pem");
    assert_fault(&file, "its critical extension 1.2.3.4 is not supported");
}

// Whatever is changed, there is a text, and nothing is read past the end.
static void test_every_byte(void **state) {
    (void)state;
    struct der_file file;
    char text[CERTIFICATE_FAULT_SIZE];
    make("/O=Test/CN=a", AUTHORITY, &file);
    for (size_t i = 0; i < file.size; i++) {
        uint8_t *copy = malloc(i + 1);
        memcpy(copy, file.bytes, i);
        assert_ptr_equal(certificate_fault((struct slice){(const char *)copy, i}, text), text);
        free(copy);
        for (unsigned bit = 0; bit < 8; bit++) {
            file.bytes[i] ^= (uint8_t)(1u << bit);
            text[0] = '\0';
            (void)certificate_fault(slice_of(&file), text);
            assert_in_range(strnlen(text, sizeof(text)), 1, sizeof(text) - 1);
            file.bytes[i] ^= (uint8_t)(1u << bit);
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_serial_numbers), cmocka_unit_test(test_dates),
        cmocka_unit_test(test_extensions),     cmocka_unit_test(test_keys_and_signatures),
        cmocka_unit_test(test_frames),         cmocka_unit_test(test_the_cause_comes_first),
        cmocka_unit_test(test_every_byte),
    };
    return cmocka_run_group_tests(tests, open_certificate_folder, close_certificate_folder);
}
