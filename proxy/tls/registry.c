#include "tls/registry.h"

// A row for each suite, group and scheme that Ravelin accepts.
#define OURS(constant, number, name, ...) {(constant), 0, (name)},
#define REGISTRY(array) ((struct registry){(array), sizeof(array) / sizeof((array)[0])})

static const struct registered versions[] = {
    {0x0300, 0, "SSL 3.0"}, {0x0301, 0, "TLS 1.0"}, {0x0302, 0, "TLS 1.1"},
    {0x0303, 0, "TLS 1.2"}, {0x0304, 0, "TLS 1.3"},
};

static const struct registered suites[] = {
    // clang-format off
    POLICY_SUITES(OURS)
    // clang-format on
    {0x1304, FLAW_OTHER, "TLS_AES_128_CCM_SHA256"},
    {0x1305, FLAW_OTHER, "TLS_AES_128_CCM_8_SHA256"},
    {0x1306, FLAW_OTHER, "TLS_AEGIS_256_SHA512"},
    {0x1307, FLAW_OTHER, "TLS_AEGIS_128L_SHA256"},
    {0x00c6, FLAW_OTHER, "TLS_SM4_GCM_SM3"},
    {0x00c7, FLAW_OTHER, "TLS_SM4_CCM_SM3"},
    {0xc0b4, FLAW_NO_CIPHER, "TLS_SHA256_SHA256"},
    {0xc0b5, FLAW_NO_CIPHER, "TLS_SHA384_SHA384"},
    {0x0001, FLAW_NO_CIPHER | FLAW_STATIC, "TLS_RSA_WITH_NULL_MD5"},
    {0x0002, FLAW_NO_CIPHER | FLAW_STATIC, "TLS_RSA_WITH_NULL_SHA"},
    {0x003b, FLAW_NO_CIPHER | FLAW_STATIC, "TLS_RSA_WITH_NULL_SHA256"},
    {0xc006, FLAW_NO_CIPHER, "TLS_ECDHE_ECDSA_WITH_NULL_SHA"},
    {0x0003, FLAW_RC4 | FLAW_STATIC, "TLS_RSA_EXPORT_WITH_RC4_40_MD5"},
    {0x0004, FLAW_RC4 | FLAW_STATIC, "TLS_RSA_WITH_RC4_128_MD5"},
    {0x0005, FLAW_RC4 | FLAW_STATIC, "TLS_RSA_WITH_RC4_128_SHA"},
    {0xc007, FLAW_RC4, "TLS_ECDHE_ECDSA_WITH_RC4_128_SHA"},
    {0xc011, FLAW_RC4, "TLS_ECDHE_RSA_WITH_RC4_128_SHA"},
    {0x0008, FLAW_TRIPLE_DES | FLAW_STATIC, "TLS_RSA_EXPORT_WITH_DES40_CBC_SHA"},
    {0x0009, FLAW_TRIPLE_DES | FLAW_STATIC, "TLS_RSA_WITH_DES_CBC_SHA"},
    {0x000a, FLAW_TRIPLE_DES | FLAW_STATIC, "TLS_RSA_WITH_3DES_EDE_CBC_SHA"},
    {0xc008, FLAW_TRIPLE_DES, "TLS_ECDHE_ECDSA_WITH_3DES_EDE_CBC_SHA"},
    {0xc012, FLAW_TRIPLE_DES, "TLS_ECDHE_RSA_WITH_3DES_EDE_CBC_SHA"},
    {0x002f, FLAW_CBC | FLAW_STATIC, "TLS_RSA_WITH_AES_128_CBC_SHA"},
    {0x0035, FLAW_CBC | FLAW_STATIC, "TLS_RSA_WITH_AES_256_CBC_SHA"},
    {0x003c, FLAW_CBC | FLAW_STATIC, "TLS_RSA_WITH_AES_128_CBC_SHA256"},
    {0x0033, FLAW_CBC, "TLS_DHE_RSA_WITH_AES_128_CBC_SHA"},
    {0xc009, FLAW_CBC, "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA"},
    {0xc013, FLAW_CBC, "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA"},
    {0xc023, FLAW_CBC, "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256"},
    {0xc027, FLAW_CBC, "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256"},
    {0x009c, FLAW_STATIC, "TLS_RSA_WITH_AES_128_GCM_SHA256"},
    {0x009d, FLAW_STATIC, "TLS_RSA_WITH_AES_256_GCM_SHA384"},
    {0x00a0, FLAW_STATIC, "TLS_DH_RSA_WITH_AES_128_GCM_SHA256"},
    {0xc02d, FLAW_STATIC, "TLS_ECDH_ECDSA_WITH_AES_128_GCM_SHA256"},
    {0xc031, FLAW_STATIC, "TLS_ECDH_RSA_WITH_AES_128_GCM_SHA256"},
    {0x00a8, FLAW_STATIC, "TLS_PSK_WITH_AES_128_GCM_SHA256"},
    {0x0034, FLAW_ANONYMOUS, "TLS_DH_anon_WITH_AES_128_CBC_SHA"},
    {0x006c, FLAW_ANONYMOUS, "TLS_DH_anon_WITH_AES_128_CBC_SHA256"},
    {0x00a6, FLAW_ANONYMOUS, "TLS_DH_anon_WITH_AES_128_GCM_SHA256"},
    {0xc018, FLAW_ANONYMOUS, "TLS_ECDH_anon_WITH_AES_128_CBC_SHA"},
    {0xc02b, FLAW_OLD, "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256"},
    {0xc02f, FLAW_OLD, "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"},
    {0x009e, FLAW_OLD, "TLS_DHE_RSA_WITH_AES_128_GCM_SHA256"},
    {0xcca8, FLAW_OLD, "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256"},
    {0xcca9, FLAW_OLD, "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256"},
};

static const struct registered groups[] = {
    // clang-format off
    POLICY_GROUPS(OURS)
    // clang-format on
    {GROUP_P521, 0, "P-521"},
    {GROUP_SECP384R1MLKEM1024, 0, "SecP384r1MLKEM1024"},
    {0x0200, 0, "MLKEM512"},
    {0x0201, 0, "MLKEM768"},
    {0x0202, 0, "MLKEM1024"},
    {0x6399, 0, "X25519Kyber768Draft00"},
    {0x639a, 0, "SecP256r1Kyber768Draft00"},
    {0x001e, 0, "X448"},
    {0x001a, 0, "brainpoolP256r1"},
    {0x001b, 0, "brainpoolP384r1"},
    {0x001c, 0, "brainpoolP512r1"},
    {0x001f, 0, "brainpoolP256r1tls13"},
    {0x0020, 0, "brainpoolP384r1tls13"},
    {0x0021, 0, "brainpoolP512r1tls13"},
    {0x0029, 0, "curveSM2"},
    {0x0016, 0, "secp256k1"},
    {0x0015, 0, "P-224"},
    {0x0014, 0, "secp224k1"},
    {0x0013, 0, "P-192"},
    {0x0012, 0, "secp192k1"},
    {0x0010, 0, "secp160r1"},
    {0x000f, 0, "secp160k1"},
    {0x0001, 0, "sect163k1"},
    {0x0009, 0, "sect283k1"},
    {0x000d, 0, "sect571k1"},
    {0x0100, 0, "ffdhe2048"},
    {0x0101, 0, "ffdhe3072"},
    {0x0102, 0, "ffdhe4096"},
    {0x0103, 0, "ffdhe6144"},
    {0x0104, 0, "ffdhe8192"},
};

static const struct registered schemes[] = {
    // clang-format off
    POLICY_SCHEMES(OURS)
    // clang-format on
    {0x0603, 0, "ecdsa_secp521r1_sha512"},
    {0x0808, 0, "ed448"},
    {0x0809, 0, "rsa_pss_pss_sha256"},
    {0x080a, 0, "rsa_pss_pss_sha384"},
    {0x080b, 0, "rsa_pss_pss_sha512"},
    {0x081a, 0, "ecdsa_brainpoolP256r1tls13_sha256"},
    {0x0904, 0, "mldsa44"},
    {0x0905, 0, "mldsa65"},
    {0x0906, 0, "mldsa87"},
    {0x0401, 0, "rsa_pkcs1_sha256"},
    {0x0501, 0, "rsa_pkcs1_sha384"},
    {0x0601, 0, "rsa_pkcs1_sha512"},
    {0x0301, 0, "rsa_pkcs1_sha224"},
    {0x0303, 0, "ecdsa_sha224"},
    {0x0201, 0, "rsa_pkcs1_sha1"},
    {0x0202, 0, "dsa_sha1"},
    {0x0203, 0, "ecdsa_sha1"},
    {0x0101, 0, "rsa_pkcs1_md5"},
    {0x0001, 0, "rsa_pkcs1_none"},
};

struct registry registry_versions(void) {
    return REGISTRY(versions);
}

struct registry registry_suites(void) {
    return REGISTRY(suites);
}

struct registry registry_groups(void) {
    return REGISTRY(groups);
}

struct registry registry_schemes(void) {
    return REGISTRY(schemes);
}

const char *registry_name(struct registry registry, uint16_t number) {
    for (size_t i = 0; i < registry.count; i++) {
        if (registry.items[i].number == number) {
            return registry.items[i].name;
        }
    }
    return NULL;
}
