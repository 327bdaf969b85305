#include "http/chunk.h"

#include "http/bytes.h"

#define SIZE_DIGITS_MAX 16

enum chunk_state {
    STATE_SIZE,        // digits of the size
    STATE_SIZE_SPACE,  // a space after them: an extension must follow
    STATE_NAME_START,  // after ';'
    STATE_NAME,        //
    STATE_NAME_SPACE,  // space after the name: '=' or ';' must follow
    STATE_VALUE_START, // after '='
    STATE_VALUE,       // token
    STATE_QUOTED,      // between quotes
    STATE_QUOTED_PAIR, // after a backslash
    STATE_VALUE_END,   // after the closing quote
    STATE_ANYTHING,    // tolerant kind: an extension with any bytes
    STATE_SIZE_LF,     // the CR of the size line was read
    STATE_DATA,        //
    STATE_DATA_CR,     // after the data
    STATE_DATA_LF,     //
    STATE_TRAILERS,    //
    STATE_FAILED,
};

void chunk_decoder_init(struct chunk_decoder *decoder) {
    *decoder = (struct chunk_decoder){.state = STATE_SIZE};
}

void chunk_decoder_init_tolerant(struct chunk_decoder *decoder) {
    *decoder = (struct chunk_decoder){.state = STATE_SIZE, .tolerant = true};
}

static bool is_space(char byte) {
    return byte == ' ' || byte == '\t';
}

static unsigned hex_value(char digit) {
    return digit <= '9' ? (unsigned)(digit - '0') : (unsigned)((digit | 0x20) - 'a' + 10);
}

// Reads a byte behind the size or a complete extension: white space, another extension, or the end
// of the line.
static enum chunk_state after_part(char byte, enum chunk_state when_space) {
    return byte == ';'      ? STATE_NAME_START
           : byte == '\r'   ? STATE_SIZE_LF
           : is_space(byte) ? when_space
                            : STATE_FAILED;
}

static enum chunk_state after_line(const struct chunk_decoder *decoder) {
    return decoder->remaining == 0 ? STATE_TRAILERS : STATE_DATA;
}

// Reads a byte behind the size, for the tolerant kind.
static enum chunk_state after_size_tolerantly(const struct chunk_decoder *decoder, char byte) {
    return byte == '\n'  ? after_line(decoder)
           : byte == ';' ? STATE_ANYTHING
                         : after_part(byte, STATE_SIZE_SPACE);
}

static enum chunk_state step_size(struct chunk_decoder *decoder, char byte) {
    if (!http_byte_is(byte, BYTE_HEX)) {
        return decoder->digits == 0 ? STATE_FAILED
               : decoder->tolerant  ? after_size_tolerantly(decoder, byte)
                                    : after_part(byte, STATE_SIZE_SPACE);
    }
    if (decoder->tolerant && decoder->remaining == 0) {
        decoder->digits = 0; // leading zeros do not count
    }
    decoder->remaining = decoder->remaining << 4 | hex_value(byte);
    decoder->digits++;
    if (decoder->digits > SIZE_DIGITS_MAX || decoder->remaining > CHUNK_SIZE_MAX) {
        return STATE_FAILED;
    }
    return STATE_SIZE;
}

static enum chunk_state step_extension(enum chunk_state state, char byte) {
    bool token = http_byte_is(byte, BYTE_TOKEN);
    switch (state) {
    case STATE_SIZE_SPACE:
        return byte == ';' ? STATE_NAME_START : is_space(byte) ? state : STATE_FAILED;
    case STATE_NAME_START:
        return token ? STATE_NAME : is_space(byte) ? state : STATE_FAILED;
    case STATE_NAME:
        return token ? state : byte == '=' ? STATE_VALUE_START : after_part(byte, STATE_NAME_SPACE);
    case STATE_NAME_SPACE:
        return byte == '='      ? STATE_VALUE_START
               : byte == ';'    ? STATE_NAME_START
               : is_space(byte) ? state
                                : STATE_FAILED;
    case STATE_VALUE_START:
        return token            ? STATE_VALUE
               : byte == '"'    ? STATE_QUOTED
               : is_space(byte) ? state
                                : STATE_FAILED;
    case STATE_VALUE:
        return token ? state : after_part(byte, STATE_SIZE_SPACE);
    case STATE_QUOTED:
        return byte == '"'                      ? STATE_VALUE_END
               : byte == '\\'                   ? STATE_QUOTED_PAIR
               : http_byte_is(byte, BYTE_VALUE) ? state
                                                : STATE_FAILED;
    case STATE_QUOTED_PAIR:
        return http_byte_is(byte, BYTE_VALUE) ? STATE_QUOTED : STATE_FAILED;
    case STATE_VALUE_END:
        return after_part(byte, STATE_SIZE_SPACE);
    default:
        return STATE_FAILED;
    }
}

static enum chunk_state next_size(struct chunk_decoder *decoder) {
    decoder->digits = 0;
    decoder->line_size = 0;
    return STATE_SIZE;
}

// Reads one byte of framing.
static enum chunk_state step(struct chunk_decoder *decoder, char byte) {
    switch ((enum chunk_state)decoder->state) {
    case STATE_SIZE:
        return step_size(decoder, byte);
    case STATE_SIZE_LF:
        return byte == '\n' ? after_line(decoder) : STATE_FAILED;
    case STATE_ANYTHING:
        return byte == '\n' ? after_line(decoder) : byte == '\r' ? STATE_SIZE_LF : STATE_ANYTHING;
    case STATE_DATA_CR:
        if (byte == '\r') {
            return STATE_DATA_LF;
        }
        return byte == '\n' && decoder->tolerant ? next_size(decoder) : STATE_FAILED;
    case STATE_DATA_LF:
        return byte == '\n' ? next_size(decoder) : STATE_FAILED;
    case STATE_SIZE_SPACE:
        if (decoder->tolerant) {
            return after_size_tolerantly(decoder, byte);
        }
        return step_extension(STATE_SIZE_SPACE, byte);
    default:
        return step_extension((enum chunk_state)decoder->state, byte);
    }
}

static const char *why_failed(enum chunk_state state) {
    switch (state) {
    case STATE_SIZE:
        return "malformed or too large chunk size";
    case STATE_SIZE_LF:
        return "chunk size line does not end in CRLF";
    case STATE_DATA_CR:
    case STATE_DATA_LF:
        return "chunk data not followed by CRLF";
    default:
        return "malformed chunk extension";
    }
}

static enum result fail(struct chunk_decoder *decoder, const char *reason, const char **why) {
    decoder->state = STATE_FAILED;
    *why = reason;
    return RESULT_ERROR;
}

// Framing bytes up to the next data byte, the trailer section or the end of the input.
static enum result next_framing(struct chunk_decoder *decoder, const char *data, size_t size,
                                size_t *length, const char **why) {
    size_t used = 0;
    size_t line_max = decoder->tolerant ? CHUNK_TOLERANT_LINE_MAX : CHUNK_SIZE_LINE_MAX;
    while (used < size && decoder->state != STATE_DATA && decoder->state != STATE_TRAILERS) {
        enum chunk_state before = (enum chunk_state)decoder->state;
        decoder->wrong = data[used];
        enum chunk_state after = step(decoder, data[used++]);
        if (after == STATE_FAILED) {
            return fail(decoder, why_failed(before), why);
        }
        if (before != STATE_DATA_CR && before != STATE_DATA_LF && ++decoder->line_size > line_max) {
            return fail(decoder, "chunk size line too long", why);
        }
        decoder->state = (uint8_t)after;
    }
    *length = used;
    return RESULT_OK;
}

enum result chunk_next(struct chunk_decoder *decoder, const char *data, size_t size,
                       enum chunk_span *span, size_t *length, const char **why) {
    switch ((enum chunk_state)decoder->state) {
    case STATE_FAILED:
        return fail(decoder, "malformed chunk before this one", why);
    case STATE_TRAILERS:
        *span = CHUNK_TRAILERS;
        *length = 0;
        return RESULT_OK;
    case STATE_DATA:
        *span = CHUNK_DATA;
        *length = size < decoder->remaining ? size : (size_t)decoder->remaining;
        decoder->remaining -= *length;
        if (decoder->remaining == 0) {
            decoder->state = STATE_DATA_CR;
        }
        return RESULT_OK;
    default:
        *span = CHUNK_FRAMING;
        return next_framing(decoder, data, size, length, why);
    }
}

bool chunk_decoder_at_trailers(const struct chunk_decoder *decoder) {
    return decoder->state == STATE_TRAILERS;
}

char *chunk_write_size(char *end, uint64_t size) {
    *--end = '\n';
    *--end = '\r';
    do {
        *--end = "0123456789abcdef"[size & 15];
        size >>= 4;
    } while (size != 0);
    return end;
}
