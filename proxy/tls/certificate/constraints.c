#include "tls/certificate/constraints.h"

#include "tls/certificate/der.h"

// Tags of GeneralName (RFC 5280 4.2.1.6); the others cannot be compared.
enum kind {
    KIND_MAIL = DER_CONTEXT + 1,
    KIND_HOST = DER_CONTEXT + 2,
    KIND_DIRECTORY = DER_CONTEXT_CONSTRUCTED + 4,
    KIND_URI = DER_CONTEXT + 6,
    KIND_ADDRESS = DER_CONTEXT + 7,
};

// The relation of a name to a subtree. UNSURE has priority in a combination.
enum place { INSIDE, OUTSIDE, UNSURE };

struct general_name {
    uint8_t kind; // its tag
    struct slice content;
};

struct judgement {
    struct slice permitted; // GeneralSubtrees, their content
    struct slice excluded;
    unsigned comparisons_left;
};

static const struct slice NOTHING = {NULL, 0};

// --- Pieces of text ---

static bool ends_with(struct slice text, struct slice end) {
    return text.size >= end.size &&
           slice_equal_nocase((struct slice){text.data + (text.size - end.size), end.size}, end);
}

static struct slice after(struct slice text, size_t size) {
    return (struct slice){text.data + size, text.size - size};
}

static const char *find(struct slice text, char c) {
    return text.size == 0 ? NULL : memchr(text.data, c, text.size);
}

// Labels of letters, digits, '-' and '_', with a dot between each two.
static bool is_host(struct slice host) {
    bool label = false; // has begun
    for (size_t i = 0; i < host.size; i++) {
        char c = ascii_lower(host.data[i]);
        if (c == '.'
                ? !label
                : !((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_')) {
            return false;
        }
        label = c != '.';
    }
    return label;
}

// `base` begins with a dot: `host` must be below it. Otherwise `host` must be equal, or, with
// `reaches_down`, below it.
static enum place compare_hosts(struct slice base, struct slice host, bool reaches_down) {
    if (base.size == 0) {
        return INSIDE;
    }
    bool below = base.data[0] == '.';
    struct slice bare = below ? after(base, 1) : base;
    if (!is_host(bare) || !is_host(host)) {
        return UNSURE;
    }
    if (!below && slice_equal_nocase(bare, host)) {
        return INSIDE;
    }
    bool is_below = host.size > bare.size && ends_with(host, bare) &&
                    host.data[host.size - bare.size - 1] == '.';
    return is_below && (below || reaches_down) ? INSIDE : OUTSIDE;
}

// --- The kinds of names ---

static enum place compare_host_names(struct slice base, struct slice name) {
    bool is_pattern = name.size > 2 && name.data[0] == '*' && name.data[1] == '.';
    struct slice rest = is_pattern ? after(name, 2) : name;
    enum place place = compare_hosts(base, rest, true);
    if (!is_pattern || place != OUTSIDE) {
        // If the pattern is below the base, all its names are, too.
        return place;
    }
    // The pattern may match the base, or all names below ".base".
    bool begins_with_dot = base.data[0] == '.';
    bool is_same = begins_with_dot && slice_equal_nocase(after(base, 1), rest);
    return is_same ? INSIDE : ends_with(base, rest) ? UNSURE : OUTSIDE;
}

static enum place compare_mail(struct slice base, struct slice name) {
    const char *at = find(name, '@');
    const char *base_at = find(base, '@');
    if (at == NULL || at == name.data || find(after(name, (size_t)(at + 1 - name.data)), '@')) {
        return UNSURE;
    }
    struct slice local = {name.data, (size_t)(at - name.data)};
    struct slice host = after(name, local.size + 1);
    for (size_t i = 0; i < local.size; i++) {
        if (local.data[i] <= ' ' || local.data[i] > '~' || local.data[i] == '"') {
            return UNSURE;
        }
    }
    if (base_at == NULL) {
        return compare_hosts(base, host, false);
    }
    struct slice base_local = {base.data, (size_t)(base_at - base.data)};
    enum place place = compare_hosts(after(base, base_local.size + 1), host, false);
    if (place != INSIDE || slice_equal(base_local, local)) {
        return place;
    }
    return slice_equal_nocase(base_local, local) ? UNSURE : OUTSIDE;
}

// The host in scheme://user@host:port/..., empty when there is none.
static struct slice host_of(struct slice uri) {
    for (size_t i = 0; i + 3 <= uri.size; i++) {
        if (memcmp(uri.data + i, "://", 3) == 0) {
            struct slice host = after(uri, i + 3);
            size_t size = 0;
            while (size < host.size && host.data[size] != '/' && host.data[size] != '?' &&
                   host.data[size] != '#') {
                size++;
            }
            host.size = size;
            for (const char *at = find(host, '@'); at != NULL; at = find(host, '@')) {
                host = after(host, (size_t)(at + 1 - host.data));
            }
            const char *colon = find(host, ':');
            host.size = colon == NULL ? host.size : (size_t)(colon - host.data);
            return host;
        }
    }
    return NOTHING;
}

// A constraint applies to host names. RFC 5280 requires refusing a URI with an address.
static enum place compare_uris(struct slice base, struct slice name) {
    struct slice host = host_of(name);
    bool ends_in_digit =
        host.size > 0 && host.data[host.size - 1] >= '0' && host.data[host.size - 1] <= '9';
    if (!is_host(host) || ends_in_digit) {
        return UNSURE;
    }
    return compare_hosts(base, host, false);
}

static enum place compare_addresses(struct slice base, struct slice name) {
    enum { IPV4 = 4, IPV6 = 16, IPV4_RANGE = 8, IPV6_RANGE = 32 };
    if ((name.size != IPV4 && name.size != IPV6) ||
        (base.size != IPV4_RANGE && base.size != IPV6_RANGE)) {
        return UNSURE;
    }
    if (base.size != 2 * name.size) {
        return OUTSIDE;
    }
    for (size_t i = 0; i < name.size; i++) {
        if (((base.data[i] ^ name.data[i]) & base.data[name.size + i]) != 0) {
            return OUTSIDE;
        }
    }
    return INSIDE;
}

// --- Directory names ---

static bool is_text(uint8_t tag) {
    return tag == DER_UTF8_STRING || tag == DER_PRINTABLE_STRING || tag == DER_IA5_STRING ||
           tag == DER_NUMERIC_STRING;
}

static bool is_ascii(struct slice text) {
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] < ' ' || text.data[i] > '~') {
            return false;
        }
    }
    return true;
}

// The next character, with spaces at the ends left out and several in a row as one; 0 at the end.
static char next_character(struct slice *text, bool is_first) {
    bool space = false;
    while (text->size > 0 && text->data[0] == ' ') {
        *text = after(*text, 1);
        space = true;
    }
    if (text->size == 0) {
        return 0;
    }
    if (space && !is_first) {
        return ' ';
    }
    char c = ascii_lower(text->data[0]);
    *text = after(*text, 1);
    return c;
}

// RFC 5280 7.1, for ASCII.
static bool same_text(struct slice a, struct slice b) {
    for (bool is_first = true;; is_first = false) {
        char c = next_character(&a, is_first);
        if (c != next_character(&b, is_first)) {
            return false;
        }
        if (c == 0) {
            return true;
        }
    }
}

// Compares sets with one attribute each. Names with several attributes are equal only if their
// bytes are.
static enum place compare_attributes(struct slice a, struct slice b) {
    struct der set_a = der_begin(a);
    struct der set_b = der_begin(b);
    struct der one_a = der_enter(&set_a, DER_SEQUENCE);
    struct der one_b = der_enter(&set_b, DER_SEQUENCE);
    bool single = set_a.rest.size == 0 && set_b.rest.size == 0;
    struct slice type_a = der_take(&one_a, DER_OID);
    struct slice type_b = der_take(&one_b, DER_OID);
    uint8_t tag_a = der_peek(&one_a);
    uint8_t tag_b = der_peek(&one_b);
    struct slice value_a = der_take_any(&one_a, NULL);
    struct slice value_b = der_take_any(&one_b, NULL);
    if (!single || one_a.bad || one_b.bad) {
        return UNSURE;
    }
    if (!slice_equal(type_a, type_b)) {
        return OUTSIDE;
    }
    if (!is_text(tag_a) || !is_text(tag_b) || !is_ascii(value_a) || !is_ascii(value_b)) {
        return UNSURE;
    }
    return same_text(value_a, value_b) ? INSIDE : OUTSIDE;
}

// The base is a prefix of the name.
static enum place compare_directory_names(struct slice base, struct slice name) {
    struct der from_base = der_begin(base);
    struct der from_name = der_begin(name);
    enum place place = INSIDE;
    while (from_base.rest.size > 0) {
        if (from_name.rest.size == 0) {
            return OUTSIDE;
        }
        struct slice a = der_take(&from_base, DER_SET);
        struct slice b = der_take(&from_name, DER_SET);
        if (from_base.bad || from_name.bad) {
            return UNSURE;
        }
        enum place part = slice_equal(a, b) ? INSIDE : compare_attributes(a, b);
        if (part == OUTSIDE) {
            return OUTSIDE;
        }
        place = part == UNSURE ? UNSURE : place;
    }
    return place;
}

// --- Subtrees ---

static enum place compare(const struct general_name *base, const struct general_name *name) {
    switch (name->kind) {
    case KIND_MAIL:
        return compare_mail(base->content, name->content);
    case KIND_HOST:
        return compare_host_names(base->content, name->content);
    case KIND_DIRECTORY:
        return compare_directory_names(base->content, name->content);
    case KIND_URI:
        return compare_uris(base->content, name->content);
    case KIND_ADDRESS:
        return compare_addresses(base->content, name->content);
    default:
        return UNSURE;
    }
}

static struct general_name take_name(struct der *names) {
    struct general_name name = {.kind = der_peek(names)};
    name.content = der_take_any(names, NULL);
    if (name.kind == KIND_DIRECTORY) { // a CHOICE is always tagged from outside
        struct der inside = der_begin(name.content);
        name.content = der_take(&inside, DER_SEQUENCE);
        names->bad |= inside.bad || inside.rest.size > 0;
    }
    return name;
}

// The places that the name has in the subtrees of its kind, a bit for each. False: not to be read.
static bool find_places(struct judgement *judgement, struct slice subtrees,
                        const struct general_name *name, unsigned *places) {
    struct der list = der_begin(subtrees);
    *places = 0;
    while (list.rest.size > 0) {
        struct der subtree = der_enter(&list, DER_SEQUENCE);
        struct general_name base = take_name(&subtree);
        if (subtree.bad || subtree.rest.size > 0 || judgement->comparisons_left == 0) {
            return false;
        }
        judgement->comparisons_left--;
        if (base.kind == name->kind) {
            *places |= 1U << compare(&base, name);
        }
    }
    return !list.bad;
}

static bool allows(struct judgement *judgement, struct general_name name) {
    unsigned permitted;
    unsigned excluded;
    return find_places(judgement, judgement->permitted, &name, &permitted) &&
           find_places(judgement, judgement->excluded, &name, &excluded) &&
           (permitted == 0 || (permitted & 1U << INSIDE) != 0) &&
           (excluded & (1U << INSIDE | 1U << UNSURE)) == 0;
}

// --- Certificates ---

// Finds an extension's content (none: empty) and the subject. False: not to be read.
static bool read_certificate(struct slice der, struct slice oid, struct slice *value,
                             struct slice *subject) {
    struct der outer = der_begin(der);
    struct der whole = der_enter(&outer, DER_SEQUENCE);
    struct der body = der_enter(&whole, DER_SEQUENCE);
    *value = NOTHING;
    der_skip(&body, DER_CONTEXT_CONSTRUCTED + 0); // version
    (void)der_take(&body, DER_INTEGER);           // serial number
    (void)der_take(&body, DER_SEQUENCE);          // signature algorithm
    (void)der_take(&body, DER_SEQUENCE);          // issuer
    (void)der_take(&body, DER_SEQUENCE);          // validity
    *subject = der_take(&body, DER_SEQUENCE);
    (void)der_take(&body, DER_SEQUENCE); // key
    der_skip(&body, DER_CONTEXT + 1);    // unique identifiers, unused
    der_skip(&body, DER_CONTEXT + 2);
    if (body.rest.size == 0) {
        return !body.bad;
    }
    struct der field = der_enter(&body, DER_CONTEXT_CONSTRUCTED + 3);
    struct der list = der_enter(&field, DER_SEQUENCE);
    bool bad = body.rest.size > 0 || field.rest.size > 0;
    while (list.rest.size > 0) {
        struct der extension = der_enter(&list, DER_SEQUENCE);
        bool is_it = slice_equal(der_take(&extension, DER_OID), oid);
        der_skip(&extension, DER_BOOLEAN); // critical
        struct slice content = der_take(&extension, DER_OCTET_STRING);
        bad |= extension.bad || (is_it && (value->size > 0 || content.size == 0));
        *value = is_it ? content : *value;
    }
    return !bad && !list.bad && !field.bad && !body.bad;
}

// Mail addresses in a subject are constrained like those in subjectAltName.
static bool allows_mail_in(struct judgement *judgement, struct slice subject) {
    static const struct slice mail = {"\x2a\x86\x48\x86\xf7\x0d\x01\x09\x01", 9};
    struct der name = der_begin(subject);
    while (name.rest.size > 0) {
        struct der set = der_enter(&name, DER_SET);
        while (set.rest.size > 0) {
            struct der attribute = der_enter(&set, DER_SEQUENCE);
            bool is_mail = slice_equal(der_take(&attribute, DER_OID), mail);
            struct slice value = der_take_any(&attribute, NULL);
            if (attribute.bad ||
                (is_mail && !allows(judgement, (struct general_name){KIND_MAIL, value}))) {
                return false;
            }
        }
        if (set.bad) {
            return false;
        }
    }
    return !name.bad;
}

static bool allows_names(struct judgement *judgement, struct slice alternatives) {
    if (alternatives.size == 0) {
        return true;
    }
    struct der value = der_begin(alternatives);
    struct der names = der_enter(&value, DER_SEQUENCE);
    while (names.rest.size > 0) {
        struct general_name name = take_name(&names);
        if (names.bad || !allows(judgement, name)) {
            return false;
        }
    }
    return !names.bad && value.rest.size == 0;
}

static bool read_constraints(struct slice content, struct judgement *judgement) {
    struct der value = der_begin(content);
    struct der fields = der_enter(&value, DER_SEQUENCE);
    if (der_peek(&fields) == DER_CONTEXT_CONSTRUCTED + 0) {
        judgement->permitted = der_take_any(&fields, NULL);
    }
    if (der_peek(&fields) == DER_CONTEXT_CONSTRUCTED + 1) {
        judgement->excluded = der_take_any(&fields, NULL);
    }
    return !fields.bad && fields.rest.size == 0 && value.rest.size == 0;
}

bool constraints_allow(struct slice authority, struct slice certificate) {
    static const struct slice name_constraints = {"\x55\x1d\x1e", 3};
    static const struct slice alternative_names = {"\x55\x1d\x11", 3};
    struct judgement judgement = {.comparisons_left = CONSTRAINTS_COMPARISONS_MAX};
    struct slice constraints;
    struct slice alternatives;
    struct slice subject;
    if (!read_certificate(authority, name_constraints, &constraints, &subject)) {
        return false;
    }
    if (constraints.size == 0) {
        return true;
    }
    if (!read_constraints(constraints, &judgement) ||
        !read_certificate(certificate, alternative_names, &alternatives, &subject)) {
        return false;
    }
    // An empty subject has no name.
    struct general_name directory = {KIND_DIRECTORY, subject};
    return (subject.size == 0 || allows(&judgement, directory)) &&
           allows_mail_in(&judgement, subject) && allows_names(&judgement, alternatives);
}
