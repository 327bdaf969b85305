// The option table: every section and option of a configuration, with type, range, default and one
// line of help. Parsing, checks, defaults, messages, the image, `ravelin help config` and the
// options in conf/README.md all come from the table. To add an option, add a row to options.c and a
// member to config.h, and copy the output of `ravelin help config` to conf/README.md.
#ifndef RAVELIN_CONFIG_OPTIONS_H
#define RAVELIN_CONFIG_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum section_id {
    SECTION_TOP,
    SECTION_TLS,
    SECTION_LIMITS,
    SECTION_HTTP2,
    SECTION_ACME,
    SECTION_LISTEN,
    SECTION_ADMIN,
    SECTION_SITE,
    SECTION_CERTIFICATE,
    SECTION_ERROR_PAGE,
    SECTION_ROUTE,
    SECTION_REQUEST,
    SECTION_RESPONSE,
    SECTION_AUTHORIZE,
    SECTION_BACKEND,
    SECTION_HEALTH,
    SECTION_SERVER,
    SECTION_COUNT,
};

// The type of a value, and the C type at its offset.
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
    KIND_FOLDER,       // char *, absolute
    KIND_CERTIFICATE,  // char *, absolute; or CONFIG_ACME
    KIND_USERS,        // char *, absolute; or CONFIG_NO_USERS
    KIND_KEY,          // char *, absolute; NULL beside the certificate CONFIG_ACME
    KIND_EMAIL,        // char *
    KIND_NAME,         // char *
    KIND_HOST,         // char *, canonical
    KIND_HOST_PATTERN, // char *, canonical; wildcards allowed
    KIND_PREFIX,       // prefix and prefix_size of a struct config_route
    KIND_LISTEN,       // address of a struct config_listen
    KIND_ADMIN,        // the same, of an address that only this machine reaches
    KIND_SERVER,       // address, text, host and port of a struct config_server
    KIND_RESOLVERS,    // struct config_addresses; the word `system` has no address
    KIND_NETWORKS,     // struct config_networks
    KIND_ADDRESS_FILE, // struct config_address_file
    KIND_FIELD,        // char *, "Name: value"
    KIND_FIELD_NAME,   // char *
    KIND_COPIED_FIELD, // char *, a field that is copied to another message: see field_check_copy()
    KIND_LOGGED_FIELD, // char *, in lower case: the name of a field whose value may be logged
    KIND_ALPN,         // char *, the name of a protocol, without a comma
    KIND_HASH_BY,      // struct config_hash_by: words, from HASH_BY_HEADER on with a name
    KIND_TEXT,         // char *
    KIND_MEDIA_TYPE,   // char *, as in Content-Type
    KIND_STATUS,       // uint32_t; minimum and maximum
    KIND_URL,          // char *, an https or http URL without a query, or a path
    KIND_LOGIN,        // char *, LOGIN_BY_SERVER, an https URL, or a path
    KIND_CHECK,        // char *, a path, or "tcp"
    KIND_PATH,         // char *, a path and perhaps a query
    KIND_PHRASE,       // char *, printable ASCII
    KIND_PERCENT,      // uint32_t
    KIND_STATUSES,     // struct config_statuses: words for none and for the default ones, or ranges
    KIND_ACCESS_FIELD, // struct access_fields: indexes in words
    KIND_COUNT,
};

struct option {
    const char *name;
    const char *help;
    enum option_kind kind;
    enum section_id inside;    // KIND_SECTION only
    uint32_t least, most;      // how often the option may appear in one section
    uint64_t minimum, maximum; // range of the value
    const char *const *words;  // NULL-terminated
    const char *zero_word;     // a word for 0, which is outside the range
    const char *initial;       // the default, as a user would write it; NULL: none
    const char *unique;        // noun for the message about a value given twice; NULL: allowed
    // Where the value is stored, in the struct of the section; for a title, in the struct of its
    // own section. line_offset: an int for the line of the option. count_offset: a size_t that
    // counts values; `offset` is then that of a pointer to their array. 0: none.
    size_t offset, line_offset, count_offset;
};

struct section {
    const char *name;    // "" for the top
    size_t size;         // of the struct that the section fills
    struct option title; // name NULL: no title
    const struct option *options;
    size_t option_count;
};

#define SECTION_OPTIONS_MAX 32

const struct section *section_at(enum section_id id);
// The option of this name in this section, or NULL.
const struct option *option_find(enum section_id id, const char *name);

#endif
