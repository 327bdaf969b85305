#include "tls/certificate/pem.h"

#include <stdarg.h>
#include <stdio.h>

#define BYTE_ORDER_MARK "\xef\xbb\xbf"

enum { ORPHAN_MIN = 60, SHOWN_MAX = 40 }; // characters

static enum result refuse(char why[PEM_WHY_SIZE], unsigned line, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static enum result refuse(char why[PEM_WHY_SIZE], unsigned line, const char *format, ...) {
    va_list arguments;
    int size = snprintf(why, PEM_WHY_SIZE, "line %u: ", line);
    va_start(arguments, format);
    (void)vsnprintf(why + size, PEM_WHY_SIZE - (size_t)size, format, arguments);
    va_end(arguments);
    return RESULT_ERROR;
}

// --- Lines ---

static bool is_blank(char c) {
    return c == ' ' || c == '\t' || c == '\v' || c == '\f';
}

static struct slice cut_front(struct slice text, size_t size) {
    return (struct slice){text.data + size, text.size - size};
}

static bool begins_with(struct slice text, struct slice prefix) {
    return text.size >= prefix.size && memcmp(text.data, prefix.data, prefix.size) == 0;
}

static struct slice trim(struct slice line) {
    while (begins_with(line, SLICE(BYTE_ORDER_MARK))) {
        line = cut_front(line, sizeof(BYTE_ORDER_MARK) - 1);
    }
    while (line.size > 0 && is_blank(line.data[0])) {
        line = cut_front(line, 1);
    }
    while (line.size > 0 && is_blank(line.data[line.size - 1])) {
        line.size--;
    }
    return line;
}

// Reads the next line, without its end and surrounding blanks. False: the text has ended.
static bool take_line(struct pem *pem, struct slice *line) {
    size_t size = 0;
    if (pem->rest.size == 0) {
        return false;
    }
    while (size < pem->rest.size && pem->rest.data[size] != '\n' && pem->rest.data[size] != '\r') {
        size++;
    }
    *line = trim((struct slice){pem->rest.data, size});
    bool is_pair = pem->rest.size - size > 1 && memcmp(pem->rest.data + size, "\r\n", 2) == 0;
    size += is_pair ? 2 : size < pem->rest.size ? 1 : 0;
    pem->rest = cut_front(pem->rest, size);
    pem->line++;
    return true;
}

// Returns the line for a message.
static const char *show(struct slice line, char text[SHOWN_MAX + 4]) {
    size_t size = line.size < SHOWN_MAX ? line.size : SHOWN_MAX;
    for (size_t i = 0; i < size; i++) {
        text[i] = line.data[i] >= ' ' && line.data[i] <= '~' ? line.data[i] : '?';
    }
    (void)snprintf(text + size, 4, "%s", size < line.size ? "..." : "");
    return text;
}

// --- Boundaries ---

// The label of "-----BEGIN label-----"; false for any other line. `word`: "BEGIN " or "END ".
static bool read_boundary(struct slice line, struct slice word, char label[PEM_LABEL_MAX + 1]) {
    static const struct slice dashes = SLICE("-----");
    if (!begins_with(line, dashes) || line.size < 2 * dashes.size + word.size ||
        !begins_with(cut_front(line, dashes.size), word)) {
        return false;
    }
    struct slice rest = cut_front(line, dashes.size + word.size);
    struct slice name = {rest.data, rest.size - dashes.size};
    if (!begins_with(cut_front(rest, name.size), dashes) || name.size == 0 ||
        name.size > PEM_LABEL_MAX) {
        return false;
    }
    for (size_t i = 0; i < name.size; i++) {
        bool is_plain = (name.data[i] >= 'A' && name.data[i] <= 'Z') || name.data[i] == ' ' ||
                        (name.data[i] >= '0' && name.data[i] <= '9');
        if (!is_plain) {
            return false;
        }
    }
    memcpy(label, name.data, name.size);
    label[name.size] = '\0';
    return true;
}

static bool is_letter(char c) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

// Size of a hyphen, or of a Unicode dash, into which word processors convert hyphens.
static size_t dash_size(struct slice text) {
    static const struct slice dashes[] = {SLICE("-"),
                                          SLICE("\xe2\x80\x90"),
                                          SLICE("\xe2\x80\x91"),
                                          SLICE("\xe2\x80\x92"),
                                          SLICE("\xe2\x80\x93"),
                                          SLICE("\xe2\x80\x94"),
                                          SLICE("\xe2\x80\x95"),
                                          SLICE("\xe2\x88\x92")};
    for (size_t i = 0; i < sizeof(dashes) / sizeof(dashes[0]); i++) {
        if (begins_with(text, dashes[i])) {
            return dashes[i].size;
        }
    }
    return 0;
}

static bool contains(struct slice text, struct slice word) {
    for (size_t i = 0; i + word.size <= text.size; i++) {
        if (slice_equal_nocase((struct slice){text.data + i, word.size}, word)) {
            return true;
        }
    }
    return false;
}

static bool names_a_block(struct slice text) {
    static const struct slice words[] = {SLICE("CERTIFICATE"), SLICE("KEY"),  SLICE("CRL"),
                                         SLICE("PARAMETERS"),  SLICE("OCSP"), SLICE("PKCS7"),
                                         SLICE("CMS")};
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (contains(text, words[i])) {
            return true;
        }
    }
    return false;
}

// Size of BEGIN or END, in any case, at the beginning of `text`; 0: neither.
static size_t word_size(struct slice text) {
    return slice_begins_nocase(text, SLICE("BEGIN")) ? 5
           : slice_begins_nocase(text, SLICE("END")) ? 3
                                                     : 0;
}

// Whether a line that is not a boundary looks like a mistyped one: BEGIN or END behind five dashes;
// or BEGIN or END first in the line, with or without dashes, and a name of a block or dashes after
// it.
static bool looks_like_boundary(struct slice line) {
    size_t dashes = 0;       // right before here, blanks aside
    bool is_in_front = true; // no letter so far
    bool is_in_word = false; // the character before is a letter
    while (line.size > 0) {
        size_t word = is_in_word ? 0 : word_size(line);
        if (word > 0) {
            struct slice rest = cut_front(line, word);
            bool is_name = names_a_block(rest);
            bool has_dash = rest.size > 0 && dash_size(cut_front(rest, rest.size - 1)) > 0;
            if (dashes >= 5 || (is_in_front && ((dashes > 0 && (is_name || dashes > 1)) ||
                                                (is_name && has_dash)))) {
                return true;
            }
        }
        size_t dash = dash_size(line);
        bool blank = is_blank(line.data[0]);
        dashes = dash > 0 ? dashes + 1 : blank ? dashes : 0;
        is_in_word = is_letter(line.data[0]);
        is_in_front = is_in_front && !is_in_word;
        line = cut_front(line, dash > 0 ? dash : 1);
    }
    return false;
}

// --- Base64 ---

// Value of a digit; -1: not a digit. Has no table, because the digits may be those of a key.
static int digit_value(char c) {
    return c >= 'A' && c <= 'Z'   ? c - 'A'
           : c >= 'a' && c <= 'z' ? c - 'a' + 26
           : c >= '0' && c <= '9' ? c - '0' + 52
           : c == '+'             ? 62
           : c == '/'             ? 63
                                  : -1;
}

// A line of base64 that belongs to no block: long, and of digits of all kinds, as text is not.
static bool is_orphan(struct slice line) {
    bool upper = false;
    bool lower = false;
    if (line.size < ORPHAN_MIN) {
        return false;
    }
    for (size_t i = 0; i < line.size; i++) {
        int value = digit_value(line.data[i]);
        if (value < 0 && line.data[i] != '=') {
            return false;
        }
        upper |= value >= 0 && value < 26;
        lower |= value >= 26 && value < 52;
    }
    return upper && lower;
}

struct decoder {
    uint8_t *output;
    size_t capacity;
    size_t size;
    uint32_t bits;
    unsigned digits;  // in `bits`
    unsigned padding; // '=' seen
};

static bool decode_digit(struct decoder *decoder, char c) {
    int value = digit_value(c);
    if (c == '=') {
        decoder->padding++;
        return decoder->digits >= 2 && decoder->digits + decoder->padding <= 4;
    }
    if (value < 0 || decoder->padding > 0) {
        return false;
    }
    decoder->bits = decoder->bits << 6 | (uint32_t)value;
    if (++decoder->digits == 4) {
        if (decoder->capacity - decoder->size < 3) {
            return false;
        }
        decoder->output[decoder->size++] = (uint8_t)(decoder->bits >> 16);
        decoder->output[decoder->size++] = (uint8_t)(decoder->bits >> 8);
        decoder->output[decoder->size++] = (uint8_t)decoder->bits;
        decoder->digits = 0;
        decoder->bits = 0;
    }
    return true;
}

// The bytes of the last digits. False: digits are missing.
static bool decode_end(struct decoder *decoder) {
    unsigned bytes = decoder->digits == 0 ? 0 : decoder->digits - 1;
    if (decoder->digits == 1 || (decoder->digits > 0 && decoder->digits + decoder->padding != 4) ||
        decoder->capacity - decoder->size < bytes) {
        return false;
    }
    uint32_t bits = decoder->bits << (6 * (4 - decoder->digits));
    for (unsigned i = 0; i < bytes; i++) {
        decoder->output[decoder->size++] = (uint8_t)(bits >> (16 - 8 * i));
    }
    return decoder->size > 0;
}

// --- Blocks ---

static const char not_whole[] =
    "is not a whole boundary line such as '-----BEGIN CERTIFICATE-----'";

// Checks, before the first line, whether the file is text.
static enum result check_text(const struct pem *pem, char why[PEM_WHY_SIZE]) {
    struct slice text = pem->rest;
    if (begins_with(text, SLICE("\xff\xfe")) || begins_with(text, SLICE("\xfe\xff")) ||
        (text.size > 1 && text.data[0] == 0) || (text.size > 1 && text.data[1] == 0)) {
        return refuse(why, 1, "the text is UTF-16; save the file as UTF-8 or ASCII");
    }
    if (pem_is_der(text)) {
        return refuse(why, 1,
                      "the file is binary (DER or PKCS#12), not PEM; convert it, for example with "
                      "'openssl x509 -inform der' or 'openssl pkcs12'");
    }
    return RESULT_OK;
}

// Finds the BEGIN of the next block.
static enum result find_begin(struct pem *pem, struct pem_block *block, char why[PEM_WHY_SIZE]) {
    struct slice line;
    char text[SHOWN_MAX + 4];
    while (take_line(pem, &line)) {
        if (begins_with(line, SLICE("#"))) {
            continue;
        }
        if (read_boundary(line, SLICE("BEGIN "), block->label)) {
            block->line = pem->line;
            return RESULT_OK;
        }
        if (read_boundary(line, SLICE("END "), block->label)) {
            return refuse(why, pem->line, "'END %s' without its BEGIN", block->label);
        }
        if (looks_like_boundary(line)) {
            return refuse(why, pem->line, "'%s' %s", show(line, text), not_whole);
        }
        if (is_orphan(line)) {
            return refuse(why, pem->line, "base64 outside of a block; its BEGIN line is missing");
        }
        if (line.size > 0 && memchr(line.data, '\0', line.size) != NULL) {
            return refuse(why, pem->line, "a NUL byte; the file is binary, not PEM");
        }
    }
    return RESULT_EOF;
}

// Whether this is a header line, or the empty line after the header. A header has a colon; base64
// does not.
static bool take_header(struct pem_block *block, struct slice line) {
    if (line.size > 0 && memchr(line.data, ':', line.size) == NULL) {
        return false;
    }
    block->is_encrypted |=
        begins_with(line, SLICE("Proc-Type:")) && contains(line, SLICE("ENCRYPTED"));
    return true;
}

static enum result decode_line(struct decoder *decoder, const struct pem *pem, struct slice line,
                               char why[PEM_WHY_SIZE]) {
    for (size_t i = 0; i < line.size; i++) {
        if (!is_blank(line.data[i]) && !decode_digit(decoder, line.data[i])) {
            return line.data[i] == '=' || decoder->padding > 0
                       ? refuse(why, pem->line, "the base64 does not end where '=' ends it")
                       : refuse(why, pem->line, "a character that is not base64 (byte 0x%02x)",
                                (unsigned)(uint8_t)line.data[i]);
        }
    }
    return RESULT_OK;
}

// Reads from behind BEGIN to END.
static enum result read_body(struct pem *pem, struct pem_block *block, struct decoder *decoder,
                             char why[PEM_WHY_SIZE]) {
    struct slice line;
    char label[PEM_LABEL_MAX + 1];
    char text[SHOWN_MAX + 4];
    bool in_headers = true;
    while (take_line(pem, &line)) {
        if (read_boundary(line, SLICE("END "), label)) {
            if (strcmp(label, block->label) != 0) {
                return refuse(why, pem->line, "'END %s' does not match 'BEGIN %s' in line %u",
                              label, block->label, block->line);
            }
            return decode_end(decoder)
                       ? RESULT_OK
                       : refuse(why, pem->line, "the base64 of '%s' is not complete", label);
        }
        if (read_boundary(line, SLICE("BEGIN "), label)) {
            break;
        }
        if (looks_like_boundary(line)) {
            return refuse(why, pem->line, "'%s' %s", show(line, text), not_whole);
        }
        in_headers = in_headers && take_header(block, line);
        if (!in_headers && decode_line(decoder, pem, line, why) != RESULT_OK) {
            return RESULT_ERROR;
        }
    }
    return refuse(why, block->line, "'BEGIN %s' without its END", block->label);
}

enum result pem_next(struct pem *pem, struct pem_block *block, uint8_t *output, size_t capacity,
                     char why[PEM_WHY_SIZE]) {
    struct decoder decoder = {.output = output, .capacity = capacity};
    *block = (struct pem_block){.line = 0};
    if (pem->line == 0 && check_text(pem, why) != RESULT_OK) {
        pem->rest.size = 0;
        return RESULT_ERROR;
    }
    enum result result = find_begin(pem, block, why);
    if (result != RESULT_OK) {
        return result;
    }
    result = read_body(pem, block, &decoder, why);
    decoder.bits = 0;
    block->der = (struct slice){(const char *)output, decoder.size};
    return result;
}

bool pem_is_parameters(const struct pem_block *block) {
    return pem_is(block, "EC PARAMETERS") || pem_is(block, "DH PARAMETERS");
}

void pem_refuse_label(const struct pem_block *block, const char *expected, char why[PEM_WHY_SIZE]) {
    (void)refuse(why, block->line, "'%s' is not %s; remove it from this file", block->label,
                 expected);
}
