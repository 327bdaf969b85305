#include "tls/pem.h"

#include <stdio.h>

#include <wolfssl/options.h>
#include <wolfssl/wolfcrypt/coding.h>

enum { MARK_MAX = 64 };

// Moves *text past the next mark, which begins a line; false when there is none. *before is what
// stood before the mark.
static bool pass_mark(struct slice *text, const char *mark, struct slice *before) {
    size_t size = strlen(mark);
    const char *start = text->data;
    const char *end = text->data + text->size;
    const char *at = start;
    do {
        at = memmem(at, (size_t)(end - at), mark, size);
        if (at != NULL && (at == start || at[-1] == '\n')) {
            *before = (struct slice){start, (size_t)(at - start)};
            *text = (struct slice){at + size, (size_t)(end - at) - size};
            return true;
        }
        at = at == NULL ? NULL : at + 1;
    } while (at != NULL);
    return false;
}

enum result pem_next(struct slice *text, const char *label, uint8_t *output, size_t *size) {
    char begin[MARK_MAX];
    char end[MARK_MAX];
    struct slice body;
    (void)snprintf(begin, sizeof(begin), "-----BEGIN %s-----", label);
    (void)snprintf(end, sizeof(end), "-----END %s-----", label);
    if (text->size == 0 || !pass_mark(text, begin, &body)) {
        return RESULT_EOF;
    }
    if (!pass_mark(text, end, &body)) {
        return RESULT_ERROR;
    }
    word32 decoded = (word32)*size;
    if (body.size == 0 || body.size > UINT32_MAX ||
        Base64_Decode((const byte *)body.data, (word32)body.size, output, &decoded) != 0) {
        return RESULT_ERROR;
    }
    *size = decoded;
    return RESULT_OK;
}
