#include "doctor/trust.h"

#include "tls/certificate/certificate_faults.h"
#include "tls/certificate/pem_certificate.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

enum { ANCHORS_MAX = 4096 };

static const char *const SYSTEM_FILES[] = {
    "/etc/ssl/certs/ca-certificates.crt",                // Debian, Ubuntu, Arch, Gentoo
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem", // Fedora, RHEL
    "/etc/ssl/ca-bundle.pem",                            // openSUSE
    "/etc/ssl/cert.pem",                                 // Alpine, BSD, macOS
};

// Reads the whole file to the heap; NULL with errno.
static char *read_file(const char *path, size_t *size) {
    FILE *file = fopen(path, "rbe");
    char *data = file == NULL ? NULL : malloc(TRUST_FILE_MAX);
    if (data != NULL) {
        *size = fread(data, 1, TRUST_FILE_MAX, file);
        if (ferror(file) != 0 || *size == TRUST_FILE_MAX) {
            errno = ferror(file) != 0 ? EIO : EFBIG;
            free(data);
            data = NULL;
        }
    }
    int error = errno;
    if (file != NULL) {
        (void)fclose(file);
    }
    errno = error;
    return data;
}

// In the system's store, certificates that cannot be read are skipped, because it has others. In a
// file that the user named, they are an error.
static enum result read_anchors(struct slice text, bool is_named, struct trust *trust,
                                char why[PEM_WHY_SIZE]) {
    size_t used = 0;
    struct pem pem = pem_begin(text);
    (void)snprintf(why, PEM_WHY_SIZE, "no PEM certificate in it");
    for (;;) {
        struct pem_block block;
        char reason[PEM_WHY_SIZE];
        enum result result = pem_next_certificate(&pem, PEM_USE_CHAIN, &block, trust->der + used,
                                                  text.size - used, reason);
        if (result == RESULT_EOF || trust->count == ANCHORS_MAX) {
            return trust->count > 0 ? RESULT_OK : RESULT_ERROR;
        }
        if (result == RESULT_OK &&
            x509_parse(block.der, &trust->anchors[trust->count]) == RESULT_OK) {
            trust->count++;
            used += block.der.size;
        } else if (is_named) {
            if (result == RESULT_OK) {
                char fault[CERTIFICATE_FAULT_SIZE];
                (void)snprintf(reason, PEM_WHY_SIZE, "line %u: %.150s", block.line,
                               certificate_fault(block.der, fault));
            }
            memcpy(why, reason, PEM_WHY_SIZE);
            return RESULT_ERROR;
        }
    }
}

static enum result load(const char *path, bool is_named, struct trust *trust,
                        char error[TRUST_ERROR_SIZE]) {
    size_t size = 0;
    char *data = read_file(path, &size);
    if (data == NULL) {
        (void)snprintf(error, TRUST_ERROR_SIZE, "%s: %s", path, strerror(errno));
        return RESULT_ERROR;
    }
    trust->der = malloc(size + 1);
    trust->anchors = calloc(ANCHORS_MAX, sizeof(*trust->anchors));
    enum result result = RESULT_ERROR;
    char why[PEM_WHY_SIZE] = "out of memory";
    if (trust->der != NULL && trust->anchors != NULL) {
        result = read_anchors((struct slice){data, size}, is_named, trust, why);
    }
    free(data);
    if (result != RESULT_OK) {
        (void)snprintf(error, TRUST_ERROR_SIZE, "%s: %s", path, why);
        trust_free(trust);
    }
    return result;
}

enum result trust_load(const char *path, struct trust *trust, char error[TRUST_ERROR_SIZE]) {
    *trust = (struct trust){0};
    if (path != NULL) {
        return load(path, true, trust, error);
    }
    for (size_t i = 0; i < sizeof(SYSTEM_FILES) / sizeof(SYSTEM_FILES[0]); i++) {
        if (load(SYSTEM_FILES[i], false, trust, error) == RESULT_OK) {
            return RESULT_OK;
        }
    }
    return RESULT_EOF;
}

void trust_free(struct trust *trust) {
    free(trust->anchors);
    free(trust->der);
    *trust = (struct trust){0};
}
