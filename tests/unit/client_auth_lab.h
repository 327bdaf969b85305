// For the tests of clients' certificates: authorities, clients and revocation lists in one folder,
// and the verdict on a client who shows some of them.
#ifndef RAVELIN_TESTS_CLIENT_AUTH_LAB_H
#define RAVELIN_TESTS_CLIENT_AUTH_LAB_H

#include "certificate_folder.h"
#include "tls/certificate/client_auth.h"
#include "tls/record/record.h"

#define DAY_S INT64_C(86400)

#define CLIENT                                                                                     \
    "basicConstraints=critical,CA:FALSE\nkeyUsage=critical,digitalSignature\n"                     \
    "extendedKeyUsage=clientAuth\nauthorityKeyIdentifier=keyid\n"

static struct client_identity identity;
static const char *why;

static inline void client(const char *name, const char *issuer) {
    issue(&folder, (struct issue){.name = name, .issuer = issuer, .extensions = CLIENT});
}

static inline void authority(const char *name, const char *issuer) {
    issue(&folder, (struct issue){.name = name, .issuer = issuer, .extensions = AUTHORITY});
}

static inline void revoke_client(const char *name, const char *issuer) {
    OPENSSL(&folder, "ca", "-config", in_folder(&folder, "ca.conf"), "-cert",
            named(&folder, issuer, ".pem"), "-keyfile", named(&folder, issuer, ".key"), "-revoke",
            named(&folder, name, ".pem"));
}

// The list of an authority holds what all have revoked: they share one index.
static inline void list(const char *name, const char *issuer, const char *from, const char *until) {
    OPENSSL(&folder, "ca", "-config", in_folder(&folder, "ca.conf"), "-cert",
            named(&folder, issuer, ".pem"), "-keyfile", named(&folder, issuer, ".key"), "-gencrl",
            "-out", in_folder(&folder, name), "-crl_lastupdate", from, "-crl_nextupdate", until);
}

// Authorities that are expired, may not issue, or are signed with SHA-1.
static inline void make_bad_authorities(void) {
    issue(&folder, (struct issue){.name = "oldroot",
                                  .extensions = AUTHORITY,
                                  .from = "20200101000000Z",
                                  .until = "20210101000000Z"});
    issue(&folder, (struct issue){.name = "nosign",
                                  .issuer = "root",
                                  .extensions =
                                      "basicConstraints=critical,CA:TRUE\nkeyUsage=cRLSign\n"
                                      "subjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid\n"});
    issue(&folder,
          (struct issue){
              .name = "weakmiddle", .issuer = "root", .extensions = AUTHORITY, .digest = "sha1"});
}

static inline int set_up_all(void **state) {
    (void)open_certificate_folder(state);
    authority("root", NULL);
    authority("middle", "root");
    authority("low", "middle");
    authority("stranger", NULL);
    client("direct", "root");
    client("leaf", "middle");
    client("deep", "low");
    client("foreign", "stranger");
    list("empty.crl", "root", date_in_days(-1), date_in_days(30));
    client("bad", "root");
    authority("badmiddle", "root");
    client("badleaf", "badmiddle");
    revoke_client("bad", "root");
    revoke_client("badmiddle", "root");
    list("root.crl", "root", date_in_days(-1), date_in_days(30));
    list("middle.crl", "middle", date_in_days(-1), date_in_days(30));
    list("badmiddle.crl", "badmiddle", date_in_days(-1), date_in_days(30));
    list("stale.crl", "root", date_in_days(-30), date_in_days(-1));
    list("early.crl", "root", date_in_days(1), date_in_days(30));
    list("stranger.crl", "stranger", date_in_days(-1), date_in_days(30));
    OPENSSL(&folder, "crl", "-in", in_folder(&folder, "root.crl"), "-outform", "DER", "-out",
            in_folder(&folder, "der.crl"));
    write_text(&folder, "text", "not a certificate\n");
    make_bad_authorities();
    return 0;
}

static inline struct client_auth *make(const char *authorities, const char *crl,
                                       char error[CLIENT_AUTH_ERROR_SIZE], bool *in_crl) {
    static uint8_t first[65536];
    static uint8_t second[65536];
    struct slice lists = {NULL, 0};
    if (crl != NULL) {
        lists = load_text(crl, second, sizeof(second));
    }
    return client_auth_new(load_text(authorities, first, sizeof(first)), lists, error, in_crl);
}

static inline struct client_auth *make_well(const char *authorities, const char *crl) {
    char error[CLIENT_AUTH_ERROR_SIZE];
    bool in_crl;
    struct client_auth *auth = make(authorities, crl, error, &in_crl);
    if (auth == NULL) {
        fail_msg("%s", error);
    }
    return auth;
}

// The alert for these certificates; `names` ends with NULL.
static inline uint8_t judge_at(const struct client_auth *auth, int64_t now,
                               const char *const *names) {
    static uint8_t der[16][8192];
    struct slice presented[16];
    size_t count = 0;
    for (; names[count] != NULL; count++) {
        presented[count] = load_der(names[count], der[count], sizeof(der[count]));
    }
    struct client_verdict verdict = client_auth_judge(auth, presented, count, now, &identity);
    why = verdict.why;
    assert_int_equal(verdict.alert == 0, verdict.why == NULL);
    return verdict.alert;
}

static inline uint8_t judge_files(const char *authorities, const char *crl,
                                  const char *const *names) {
    struct client_auth *auth = make_well(authorities, crl);
    uint8_t alert = judge_at(auth, (int64_t)time(NULL), names);
    client_auth_free(auth);
    return alert;
}

#define JUDGE(authorities, crl, ...)                                                               \
    judge_files(authorities, crl, (const char *[]){__VA_ARGS__, NULL})

#endif
