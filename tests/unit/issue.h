// Certificates that issue one another, with any extension and any dates, made by `openssl ca`.
#ifndef RAVELIN_TESTS_ISSUE_H
#define RAVELIN_TESTS_ISSUE_H

#include "certificates.h"

#include <time.h>

struct issue {
    const char *name;       // of NAME.pem and NAME.key
    const char *issuer;     // the name of another; NULL: itself
    const char *subject;    // "/CN=..."; NULL: /CN=NAME
    const char *algorithm;  // as make_certificate() has it; NULL: P-256
    const char *curve;      // "ec" only
    const char *digest;     // NULL: sha256
    const char *extensions; // lines of an extension file
    const char *from;       // "20200101000000Z"; NULL: yesterday or so
    const char *until;      // NULL: in a month or so
    bool same_key;          // NAME.key is there already
};

#define AUTHORITY                                                                                  \
    "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign,cRLSign\n"                   \
    "subjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid\n"
#define LEAF(names) "subjectAltName=" names "\nauthorityKeyIdentifier=keyid\n"

static inline void run_openssl(const struct folder *folder, const char *const *arguments) {
    if (run_program(folder, arguments) != 0) {
        char text[4000] = "";
        (void)read_file(folder, "log", text, sizeof(text) - 1);
        fail_msg("openssl %s: %s", arguments[1], text);
    }
}

#define OPENSSL(folder, ...) run_openssl(folder, (const char *[]){"openssl", __VA_ARGS__, NULL})

static inline void write_text(const struct folder *folder, const char *name, const char *text) {
    write_file(folder, name, text, strlen(text));
}

static inline const char *named(const struct folder *folder, const char *name, const char *suffix) {
    char file[96];
    (void)snprintf(file, sizeof(file), "%s%s", name, suffix);
    return in_folder(folder, file);
}

static inline const char *date_in_days(int days) {
    static char texts[4][20];
    static unsigned next;
    char *text = texts[next++ % 4];
    time_t moment = time(NULL) + (time_t)days * 86400;
    struct tm parts;
    (void)strftime(text, sizeof(texts[0]), "%Y%m%d%H%M%SZ", gmtime_r(&moment, &parts));
    return text;
}

static inline void write_ca_config(const struct folder *folder) {
    char text[800];
    (void)snprintf(text, sizeof(text),
                   "[ca]\ndefault_ca=a\n[a]\ndatabase=%s/index\nnew_certs_dir=%s\nrand_serial=yes\n"
                   "unique_subject=no\npolicy=p\ndefault_md=sha256\ndefault_crl_days=30\n"
                   "crlnumber=%s/crlnumber\nx509_extensions=none\n[p]\n"
                   "CN=optional\nO=optional\nOU=optional\nC=optional\n[none]\n"
                   "[req]\ndistinguished_name=none\n",
                   folder->path, folder->path, folder->path);
    write_text(folder, "ca.conf", text);
    write_text(folder, "index", "");
    write_text(folder, "crlnumber", "01\n");
}

static inline void make_key(const struct folder *folder, const struct issue *wanted) {
    const char *algorithm = wanted->algorithm == NULL ? "ec" : wanted->algorithm;
    const char *colon = strchr(algorithm, ':');
    const char *key = named(folder, wanted->name, ".key");
    char kind[16];
    char option[64];
    (void)snprintf(kind, sizeof(kind), "%.*s",
                   (int)(colon == NULL ? strlen(algorithm) : (size_t)(colon - algorithm)),
                   algorithm);
    if (colon != NULL) {
        (void)snprintf(option, sizeof(option), "rsa_keygen_bits:%s", colon + 1);
    } else {
        (void)snprintf(option, sizeof(option), "ec_paramgen_curve:%s",
                       wanted->curve == NULL ? "P-256" : wanted->curve);
    }
    if (strcmp(kind, "ec") == 0 || colon != NULL) {
        OPENSSL(folder, "genpkey", "-algorithm", kind, "-out", key, "-pkeyopt", option);
    } else {
        OPENSSL(folder, "genpkey", "-algorithm", kind, "-out", key);
    }
    assert_int_equal(chmod(key, 0600), 0);
}

static inline void issue(const struct folder *folder, struct issue wanted) {
    char subject[200];
    const char *issuer = wanted.issuer == NULL ? wanted.name : wanted.issuer;
    (void)snprintf(subject, sizeof(subject), "/CN=%s", wanted.name);
    if (access(in_folder(folder, "ca.conf"), F_OK) != 0) {
        write_ca_config(folder);
    }
    if (!wanted.same_key) {
        make_key(folder, &wanted);
    }
    OPENSSL(folder, "req", "-new", "-key", named(folder, wanted.name, ".key"), "-subj",
            wanted.subject == NULL ? subject : wanted.subject, "-out",
            named(folder, wanted.name, ".csr"), "-config", in_folder(folder, "ca.conf"));
    write_text(folder, "extensions", wanted.extensions == NULL ? "" : wanted.extensions);
    const char *itself = wanted.issuer == NULL ? "-selfsign" : "-cert";
    const char *arguments[40] = {"openssl",
                                 "ca",
                                 "-batch",
                                 "-notext",
                                 "-preserveDN",
                                 "-config",
                                 in_folder(folder, "ca.conf"),
                                 "-in",
                                 named(folder, wanted.name, ".csr"),
                                 "-out",
                                 named(folder, wanted.name, ".pem"),
                                 "-keyfile",
                                 named(folder, issuer, ".key"),
                                 "-md",
                                 wanted.digest == NULL ? "sha256" : wanted.digest,
                                 "-startdate",
                                 wanted.from == NULL ? date_in_days(-1) : wanted.from,
                                 "-enddate",
                                 wanted.until == NULL ? date_in_days(30) : wanted.until,
                                 itself};
    size_t count = 20;
    if (wanted.issuer != NULL) {
        arguments[count++] = named(folder, issuer, ".pem");
    }
    if (wanted.extensions != NULL) {
        arguments[count++] = "-extfile";
        arguments[count++] = in_folder(folder, "extensions");
    }
    run_openssl(folder, arguments);
}

// Puts files one after the other. `names` ends with NULL.
static inline void join(const struct folder *folder, const char *name, const char *const *names) {
    uint8_t all[65536];
    size_t size = 0;
    for (size_t i = 0; names[i] != NULL; i++) {
        size += read_file(folder, names[i], all + size, sizeof(all) - size);
    }
    write_file(folder, name, all, size);
}

#define JOIN(folder, name, ...) join(folder, name, (const char *[]){__VA_ARGS__, NULL})

#endif
