// The encoder of http2/hpack.h.
//
// The table is a ring of entries, and a ring of the bytes of their names and values. A hash of name
// and value finds an entry, and a hash of the name finds its name. An entry that was found is
// compared, so two fields with the same hash cost bytes of output only.
//
// Invariants: each entry adds at least HPACK_FIELD_OVERHEAD to the size of the table, so there are
// at most ENTRIES_MAX entries. Their bytes are part of the size, too, so there are at most
// HPACK_TABLE_SIZE of them, and no byte is overwritten before its entry is evicted. `used` is never
// above the size that the client knows.
#include "http2/hpack.h"
#include "http2/hpack_tables.h"

#define ENTRIES_MAX (HPACK_TABLE_SIZE / HPACK_FIELD_OVERHEAD)
#define FIELD_CHAINS 128
#define NAME_CHAINS 64

struct entry {
    uint32_t hash;  // of name and value
    uint32_t older; // number of the entry before it in its chain
    uint16_t at;    // in the bytes: its name, if it has no name_index, and its value
    uint16_t name_size;
    uint16_t value_size;
    uint8_t name_index; // of the static table; 0: the name is not there
};

// Entries are numbered in the order of insertion. A number in a chain may be that of an evicted
// entry.
struct hpack_table {
    struct hpack_memory *memory;
    uint32_t newest;
    uint32_t count;
    uint32_t used; // RFC 7541 4.1
    uint32_t end;  // of the bytes
    uint32_t by_field[FIELD_CHAINS];
    uint32_t by_name[NAME_CHAINS]; // the newest only
    struct entry entries[ENTRIES_MAX];
    uint8_t bytes[HPACK_TABLE_SIZE];
};

_Static_assert((ENTRIES_MAX & (ENTRIES_MAX - 1)) == 0 &&
                   (HPACK_TABLE_SIZE & (HPACK_TABLE_SIZE - 1)) == 0 &&
                   HPACK_TABLE_SIZE <= UINT16_MAX && sizeof(struct hpack_table) < 8192,
               "numbers and places wrap around; sizes fit");

// --- the table ---

static struct entry *entry_of(struct hpack_table *table, uint32_t number) {
    return &table->entries[number % ENTRIES_MAX];
}

static bool is_here(const struct hpack_table *table, uint32_t number) {
    return table->newest - number < table->count;
}

static size_t index_of(const struct hpack_table *table, uint32_t number) {
    return HPACK_STATIC_ENTRIES + 1 + (size_t)(table->newest - number);
}

static size_t entry_size(const struct entry *entry) {
    return (size_t)entry->name_size + entry->value_size + HPACK_FIELD_OVERHEAD;
}

static void evict(struct hpack_table *table, size_t size_max) {
    while (table->used > size_max) {
        const struct entry *oldest = entry_of(table, table->newest - table->count + 1);
        table->used -= (uint32_t)entry_size(oldest);
        table->count--;
    }
}

static void put_bytes(struct hpack_table *table, struct slice text) {
    size_t at = table->end % HPACK_TABLE_SIZE;
    size_t first = HPACK_TABLE_SIZE - at < text.size ? HPACK_TABLE_SIZE - at : text.size;
    if (text.size > 0) {
        memcpy(table->bytes + at, text.data, first);
        memcpy(table->bytes, text.data + first, text.size - first);
        table->end += (uint32_t)text.size;
    }
}

static bool has_bytes(const struct hpack_table *table, size_t at, struct slice text) {
    at %= HPACK_TABLE_SIZE;
    size_t first = HPACK_TABLE_SIZE - at;
    if (text.size <= first) {
        return text.size == 0 || memcmp(table->bytes + at, text.data, text.size) == 0;
    }
    return memcmp(table->bytes + at, text.data, first) == 0 &&
           memcmp(table->bytes, text.data + first, text.size - first) == 0;
}

// --- finding ---

static uint64_t mix(uint64_t hash, uint64_t word) {
    hash = (hash ^ word) * UINT64_C(0x9e3779b97f4a7c15);
    return hash ^ hash >> 32;
}

static uint64_t hash_of(uint64_t seed, struct slice text) {
    uint64_t hash = mix(seed, text.size), word = 0;
    size_t i = 0;
    if (text.size >= sizeof(word)) { // the last word overlaps the one before it
        for (; text.size - i > sizeof(word); i += sizeof(word)) {
            memcpy(&word, text.data + i, sizeof(word));
            hash = mix(hash, word);
        }
        memcpy(&word, text.data + text.size - sizeof(word), sizeof(word));
        return mix(hash, word);
    }
    for (; i < text.size; i++) {
        word = word << 8 | (uint8_t)text.data[i];
    }
    return mix(hash, word);
}

// A field, and what is known of it.
struct known {
    const struct hpack_field *field;
    uint32_t name_hash; // or the index of its name
    uint32_t hash;
    uint8_t name_index;
};

static bool has_name(const struct hpack_table *table, const struct entry *entry,
                     const struct known *known) {
    if (known->name_index != 0 || entry->name_index != 0) {
        return known->name_index == entry->name_index;
    }
    return entry->name_size == known->field->name.size &&
           has_bytes(table, entry->at, known->field->name);
}

static bool has_field(const struct hpack_table *table, const struct entry *entry,
                      const struct known *known) {
    size_t at = entry->at + (entry->name_index != 0 ? 0U : entry->name_size);
    return entry->hash == known->hash && entry->value_size == known->field->value.size &&
           has_name(table, entry, known) && has_bytes(table, at, known->field->value);
}

// The index of the field; 0: it is not in the table.
static size_t find_field(struct hpack_table *table, const struct known *known) {
    uint32_t number = table->by_field[known->hash % FIELD_CHAINS];
    for (uint32_t left = table->count; left > 0 && is_here(table, number); left--) {
        const struct entry *entry = entry_of(table, number);
        if (has_field(table, entry, known)) {
            return index_of(table, number);
        }
        number = entry->older;
    }
    return 0;
}

static size_t find_name(struct hpack_table *table, const struct known *known) {
    uint32_t number = table->by_name[known->name_hash % NAME_CHAINS];
    if (known->name_index != 0) {
        return known->name_index;
    }
    return is_here(table, number) && has_name(table, entry_of(table, number), known)
               ? index_of(table, number)
               : 0;
}

static void insert(struct hpack_table *table, size_t size_max, const struct known *known) {
    const struct hpack_field *field = known->field;
    struct entry entry = {.hash = known->hash,
                          .older = table->by_field[known->hash % FIELD_CHAINS],
                          .at = (uint16_t)(table->end % HPACK_TABLE_SIZE),
                          .name_size = (uint16_t)field->name.size,
                          .value_size = (uint16_t)field->value.size,
                          .name_index = known->name_index};
    evict(table, size_max - entry_size(&entry));
    table->used += (uint32_t)entry_size(&entry);
    table->count++;
    table->newest++;
    *entry_of(table, table->newest) = entry;
    table->by_field[known->hash % FIELD_CHAINS] = table->newest;
    if (known->name_index == 0) {
        put_bytes(table, field->name);
        table->by_name[known->name_hash % NAME_CHAINS] = table->newest;
    }
    put_bytes(table, field->value);
}

// --- writing ---

// How a field is written: the first bits of its first byte, and how many bits of it are a number
// (RFC 7541 6).
enum form { INDEXED = 0x80, INSERTED = 0x40, RESIZED = 0x20, NEVER = 0x10, PLAIN = 0 };
enum { INDEXED_BITS = 7, INSERTED_BITS = 6, RESIZED_BITS = 5, LITERAL_BITS = 4, STRING_BITS = 7 };
enum { CODED = 0x80 };   // a string in the Huffman code
enum { NUMBER_MAX = 6 }; // bytes of any number of 32 bits
enum { TWO_NUMBERS_MAX = 2 * NUMBER_MAX };
enum { UNCODED_MAX = 32 }; // bytes of a value that is written once, without its code

static uint8_t *put_number(uint8_t *at, unsigned first, unsigned bits, size_t number) {
    size_t limit = ((size_t)1 << bits) - 1;
    if (number < limit) {
        *at++ = (uint8_t)(first | number);
        return at;
    }
    *at++ = (uint8_t)(first | limit);
    for (number -= limit; number >= 128; number >>= 7) {
        *at++ = (uint8_t)(128 | (number & 127));
    }
    *at++ = (uint8_t)number;
    return at;
}

static uint8_t *put_plain_string(uint8_t *at, struct slice text) {
    at = put_number(at, 0, STRING_BITS, text.size);
    if (text.size > 0) {
        memcpy(at, text.data, text.size);
    }
    return at + text.size;
}

static uint8_t *put_string(uint8_t *at, struct slice text) {
    size_t coded = hpack_coded_size(text);
    return coded < text.size ? hpack_put_coded(put_number(at, CODED, STRING_BITS, coded), text)
                             : put_plain_string(at, text);
}

static uint8_t *put_literal(uint8_t *at, enum form form, unsigned bits, size_t name_index,
                            const struct hpack_field *field) {
    at = put_number(at, form, bits, name_index);
    if (name_index == 0) {
        at = put_string(at, field->name);
    }
    return put_string(at, field->value);
}

// Fields whose values are seldom repeated, by the index of their names: :path, Age, Content-Length,
// ETag, If-Modified-Since, If-None-Match, Location, Set-Cookie.
#define PASSING                                                                                    \
    (UINT64_C(1) << 4 | UINT64_C(1) << 21 | UINT64_C(1) << 28 | UINT64_C(1) << 34 |                \
     UINT64_C(1) << 40 | UINT64_C(1) << 41 | UINT64_C(1) << 46 | UINT64_C(1) << 55)

// Its code would save a few bytes of a short value, and cost as much time as the rest of the field.
static uint8_t *put_passing(uint8_t *at, uint8_t name_index, const struct hpack_field *field) {
    if (field->value.size > UNCODED_MAX) {
        return put_literal(at, PLAIN, LITERAL_BITS, name_index, field);
    }
    return put_plain_string(put_number(at, PLAIN, LITERAL_BITS, name_index), field->value);
}

// Whether the field would leave room for others.
static bool is_small(const struct hpack_field *field, size_t size_max) {
    return field->name.size + field->value.size + HPACK_FIELD_OVERHEAD <= size_max / 4 * 3;
}

static uint8_t *put_field(struct hpack_table *table, size_t size_max, uint8_t *at,
                          const struct hpack_field *field) {
    struct known known = {field, 0, 0, hpack_static_name(field->name)};
    if (field->sensitive) {
        return put_literal(at, NEVER, LITERAL_BITS, known.name_index, field);
    }
    size_t index = hpack_static_entry(known.name_index, field->value);
    if (index != 0) {
        return put_number(at, INDEXED, INDEXED_BITS, index);
    }
    if ((PASSING >> known.name_index & 1) != 0) {
        return put_passing(at, known.name_index, field);
    }
    known.name_hash = known.name_index != 0 ? known.name_index : (uint32_t)hash_of(0, field->name);
    known.hash = (uint32_t)hash_of(known.name_hash, field->value);
    index = find_field(table, &known);
    if (index != 0) {
        return put_number(at, INDEXED, INDEXED_BITS, index);
    }
    index = find_name(table, &known);
    if (!is_small(field, size_max)) {
        return put_literal(at, PLAIN, LITERAL_BITS, index, field);
    }
    at = put_literal(at, INSERTED, INSERTED_BITS, index, field);
    insert(table, size_max, &known);
    return at;
}

// --- the encoder ---

void hpack_encoder_init(struct hpack_encoder *encoder) {
    *encoder = (struct hpack_encoder){NULL, HPACK_TABLE_SIZE, HPACK_TABLE_SIZE, false};
}

void hpack_encoder_resize(struct hpack_encoder *encoder, uint32_t size) {
    uint32_t wanted = size < HPACK_TABLE_SIZE ? size : HPACK_TABLE_SIZE;
    if (wanted == encoder->size) {
        return;
    }
    encoder->size = wanted;
    encoder->smallest = wanted < encoder->smallest ? wanted : encoder->smallest;
    encoder->tells = true;
    if (encoder->table != NULL) {
        evict(encoder->table, wanted);
    }
}

static bool ensure_table(struct hpack_encoder *encoder, struct hpack_memory *memory) {
    if (encoder->table == NULL) {
        struct hpack_table *table =
            memory->calls.take_zeroed(1, sizeof(*table), memory->calls.context);
        if (table == NULL) {
            return false;
        }
        table->memory = memory;
        encoder->table = table;
    }
    return true;
}

// The smallest size since the last block, then the present one (RFC 7541 4.2).
static uint8_t *put_sizes(struct hpack_encoder *encoder, uint8_t *at) {
    if (encoder->tells) {
        if (encoder->smallest < encoder->size) {
            at = put_number(at, RESIZED, RESIZED_BITS, encoder->smallest);
        }
        at = put_number(at, RESIZED, RESIZED_BITS, encoder->size);
    }
    encoder->tells = false;
    encoder->smallest = encoder->size;
    return at;
}

// At most so many bytes: two sizes, and each field has a byte and two lengths before name and
// value. A string is coded only if that makes it shorter.
static size_t bound_of(const struct hpack_field *fields, size_t count) {
    size_t bound = TWO_NUMBERS_MAX;
    for (size_t i = 0; i < count; i++) {
        bound += 1 + TWO_NUMBERS_MAX + fields[i].name.size + fields[i].value.size;
    }
    return bound;
}

enum result hpack_encode(struct hpack_encoder *encoder, struct hpack_memory *memory,
                         const struct hpack_field *fields, size_t count, uint8_t *output,
                         size_t capacity, size_t *size) {
    *size = 0;
    if (bound_of(fields, count) > capacity) {
        return RESULT_AGAIN;
    }
    if (!ensure_table(encoder, memory)) {
        return RESULT_ERROR;
    }
    uint8_t *at = put_sizes(encoder, output);
    for (size_t i = 0; i < count; i++) {
        at = put_field(encoder->table, encoder->size, at, &fields[i]);
    }
    *size = (size_t)(at - output);
    return RESULT_OK;
}

void hpack_encoder_drop(struct hpack_encoder *encoder) {
    if (encoder->table != NULL) {
        struct hpack_memory *memory = encoder->table->memory;
        memory->calls.give_back(encoder->table, memory->calls.context);
        encoder->table = NULL;
        encoder->smallest = 0;
        encoder->tells = true;
    }
}
