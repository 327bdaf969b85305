// The option table: every section and option a configuration can hold, with its type, range,
// default and one line of help. It is the only place that knows them: parsing, checking, defaults,
// messages, the printed reference and conf/README.md all come from it. To add an option, add a row
// here, a field to config.h, and run the test that says what conf/README.md must hold.
#ifndef RAVELIN_CONFIG_OPTIONS_H
#define RAVELIN_CONFIG_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum section_id {
    SECTION_TOP,
    SECTION_TLS,
    SECTION_LIMITS,
    SECTION_LISTEN,
    SECTION_SITE,
    SECTION_CERTIFICATE,
    SECTION_ROUTE,
    SECTION_REQUEST,
    SECTION_RESPONSE,
    SECTION_BACKEND,
    SECTION_SERVER,
    SECTION_COUNT,
};

// What a value may be, and the C type at its offset.
enum option_kind {
    KIND_SECTION,      // a struct of section_at(inside)->size, or a growing array of them
    KIND_YES_NO,       // bool
    KIND_NUMBER,       // uint32_t
    KIND_SIZE,         // uint32_t, bytes; minimum and maximum in bytes
    KIND_MILLISECONDS, // uint32_t; minimum and maximum in milliseconds
    KIND_SECONDS,      // uint32_t; minimum and maximum in milliseconds
    KIND_WORD,         // enum: the index in words
    KIND_LOG,          // struct config_log: a word from index `minimum` on, or a file
    KIND_FILE,         // char *, absolute
    KIND_NAME,         // char *
    KIND_HOST,         // char *, canonical
    KIND_HOST_PATTERN, // char *, canonical; wildcards allowed
    KIND_PREFIX,       // prefix and prefix_size of a struct config_route
    KIND_LISTEN,       // address of a struct config_listen
    KIND_SERVER,       // address and text of a struct config_server
    KIND_NETWORKS,     // struct config_networks
    KIND_FIELD,        // char *, "Name: value"
    KIND_FIELD_NAME,   // char *
    KIND_HASH_BY,      // struct config_hash_by: words, from HASH_BY_HEADER on with a name
    KIND_URL,          // char *, an https or http URL without a query, or a path
    KIND_COUNT,
};

struct option {
    const char *name;
    const char *help;
    enum option_kind kind;
    enum section_id inside;    // KIND_SECTION only
    uint32_t least, most;      // how many there may be in one section
    uint64_t minimum, maximum; // of the value
    const char *const *words;  // NULL-terminated
    const char *zero_word;     // a word that stands for 0, outside the range
    const char *initial;       // the default, as one would write it; NULL: none
    const char *unique;        // what to call it when it is given twice where it must be unique
    // Where the value goes, in the struct of the section (for a title: the struct of its own
    // section). line_offset: an int for the line it was given on. count_offset: it is one of many,
    // the value's offset is that of a pointer to an array, and this is the size_t that counts it.
    // 0: there is none.
    size_t offset, line_offset, count_offset;
};

struct section {
    const char *name;    // "" for the top
    size_t size;         // of the struct it fills
    struct option title; // name NULL: it has none
    const struct option *options;
    size_t option_count;
};

#define SECTION_OPTIONS_MAX 16

const struct section *section_at(enum section_id id);
// The option of that name in that section, or NULL.
const struct option *option_find(enum section_id id, const char *name);
// A section that has an option of that name, or NULL. The top is asked last.
const struct section *option_home(const char *name);

#endif
