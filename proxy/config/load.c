#include "config/load.h"

#include "config/address_file.h"
#include "config/foreign.h"
#include "config/reference.h"
#include "config/suggest.h"
#include "config/value.h"

#include <assert.h>
#include <confuse.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEPTH_MAX 4 // top, site, route, request: the deepest the table goes

// How often an option was given in an open section, and the line of the first.
struct seen {
    uint32_t count;
    int line;
};

// An open section.
struct frame {
    enum section_id id;
    const cfg_t *cfg;
    void *object; // struct of the section
    int line;
    uint32_t scope; // a number of its own
    struct seen seen[SECTION_OPTIONS_MAX];
};

struct loader {
    struct config *config;
    struct claims *claims;
    const struct config_files *files; // NULL: none
    struct report *report;
    bool stop;    // reading on makes no sense
    bool partial; // see load_text()
    struct load_stop unknown;
    uint32_t scopes;
    size_t depth;
    struct frame frames[DEPTH_MAX];
    // For libconfuse: for each section the hook, the rows of the table, an end mark.
    cfg_opt_t options[SECTION_COUNT][1 + SECTION_OPTIONS_MAX + 1];
};

static struct frame *top_frame(struct loader *loader) {
    return &loader->frames[loader->depth - 1];
}

// --- The hook ---

// libconfuse has no user pointer and does not report when a section opens. But the first option of
// each section can provide both. Its default number is a pointer to the loader, and its default
// text is "parsed" whenever a section is made. No text can set this option, because text_prepare()
// refuses control characters.

#define HOOK_NAME "\001"

static_assert(sizeof(long) >= sizeof(void *), "a pointer fits in a default number");

static struct loader *loader_of(const cfg_t *cfg) {
    return (struct loader *)(intptr_t)cfg->opts[0].def.number;
}

// --- Counting ---

static const char *kind_name(const struct option *option) {
    return option->kind == KIND_SECTION ? "section" : "option";
}

static struct seen *seen_of(struct frame *frame, const struct option *option) {
    return &frame->seen[option - section_at(frame->id)->options];
}

// `again`: this begins a second list of values.
static bool count(struct loader *loader, const struct option *option, int line, bool again) {
    struct seen *seen = seen_of(top_frame(loader), option);
    if (seen->count > 0 && (again || option->most == 1)) {
        char where[REPORT_FIRST_SIZE];
        report_add(loader->report, line, "duplicate %s '%s', first %s", kind_name(option),
                   option->name, report_describe(loader->report, seen->line, line, where));
        return false;
    }
    if (seen->count == option->most) {
        report_add(loader->report, line, "more than %u of '%s'", option->most, option->name);
        loader->stop = true;
        return false;
    }
    if (seen->count++ == 0) {
        seen->line = line;
    }
    return true;
}

// --- Values ---

static void report_value(struct loader *loader, const struct value *value, int line) {
    char wanted[REFERENCE_TEXT_SIZE];
    const char *separator = value->why[0] != '\0' ? ": " : "";
    reference_describe(value->option, wanted);
    report_add(loader->report, line, "%s must be %s, not '%.*s'%s%s", value->option->name, wanted,
               REPORT_QUOTE_MAX, value->text, separator, value->why);
}

static void put_line(void *object, const struct option *option, int line) {
    if (option->line_offset != 0) {
        memcpy((char *)object + option->line_offset, &line, sizeof(line));
    }
}

// Stores a value or title in `object`. `scope`: number of the section in which it must be unique.
static void put(struct loader *loader, const struct option *option, const char *text, void *object,
                int line, uint32_t scope) {
    const struct config_part *part = parts_find(&loader->config->parts, line);
    const char *directory =
        part != NULL && part->directory != NULL ? part->directory : loader->config->directory;
    struct value value = {.option = option, .text = text, .directory = directory, .object = object};
    put_line(object, option, line);
    if (!value_store(&value)) {
        report_value(loader, &value, line);
    } else if (option->unique != NULL &&
               !claims_add(loader->claims, option->unique, scope, line, value.key)) {
        report_out_of_memory(loader->report);
    } else if (option->kind == KIND_ADDRESS_FILE && loader->files != NULL) {
        struct config_address_file *file = (void *)((char *)object + option->offset);
        address_file_read(file, loader->files, option->name, line, loader->report);
    }
}

// The row of the table for an option of libconfuse. NULL for a path such as "a|b", with which a
// text could address an option of another section.
static const struct option *row_of(const struct frame *frame, const cfg_opt_t *opt) {
    const struct section *section = section_at(frame->id);
    for (size_t i = 0; i < section->option_count; i++) {
        if (opt == &frame->cfg->opts[1 + i]) {
            return &section->options[i];
        }
    }
    return NULL;
}

static int on_value(cfg_t *cfg, cfg_opt_t *opt, const char *text, void *result) {
    struct loader *loader = loader_of(cfg);
    *(void **)result = NULL; // nothing is kept in libconfuse
    if (loader->stop) {
        return -1;
    }
    struct frame *frame = top_frame(loader);
    const struct option *option = row_of(frame, opt);
    if (option == NULL) {
        report_add(loader->report, cfg->line, "'%s' is not an option of this section", opt->name);
        return -1;
    }
    // libconfuse clears a list when it begins. So one value means that a list begins.
    if (count(loader, option, cfg->line, opt->nvalues == 1)) {
        put(loader, option, text, frame->object, cfg->line, 0);
    }
    return loader->stop ? -1 : 0;
}

// --- Sections ---

// Sets the default of every option of the section, and of the sections that are members of its
// struct.
static void put_defaults(struct loader *loader, enum section_id id, void *object) {
    const struct section *section = section_at(id);
    for (size_t i = 0; i < section->option_count; i++) {
        const struct option *option = &section->options[i];
        if (option->initial != NULL) {
            put(loader, option, option->initial, object, 0, 0);
        } else if (option->kind == KIND_SECTION && option->count_offset == 0) {
            put_defaults(loader, option->inside, (char *)object + option->offset);
        }
    }
}

// The struct of a section: a member of its parent's struct, or a new item of an array there.
static void *make_object(struct loader *loader, const struct option *option, char *parent) {
    if (option->count_offset == 0) {
        return parent + option->offset;
    }
    size_t *items = (size_t *)(void *)(parent + option->count_offset);
    void *object = array_append(parent + option->offset, items, section_at(option->inside)->size);
    if (object != NULL) {
        put_defaults(loader, option->inside, object);
    }
    return object;
}

static bool open_section(struct loader *loader, const cfg_t *cfg) {
    struct frame *parent = top_frame(loader);
    const struct option *option = option_find(parent->id, cfg->name);
    if (option == NULL || option->kind != KIND_SECTION || loader->depth == DEPTH_MAX) {
        report_add(loader->report, cfg->line, "'%s' is not a section of this section", cfg->name);
        return false;
    }
    if (!count(loader, option, cfg->line, false)) {
        return false;
    }
    void *object = make_object(loader, option, parent->object);
    if (object == NULL) {
        report_out_of_memory(loader->report);
        return false;
    }
    loader->frames[loader->depth++] = (struct frame){.id = option->inside,
                                                     .cfg = cfg,
                                                     .object = object,
                                                     .line = cfg->line,
                                                     .scope = ++loader->scopes};
    if (cfg->title != NULL) {
        put(loader, &section_at(option->inside)->title, cfg->title, object, cfg->line,
            parent->scope);
    }
    return true;
}

// The hook's value is "parsed": a section opens. Any result except 0 would make libconfuse abort.
static int on_open(cfg_t *cfg, cfg_opt_t *opt, const char *text, void *result) {
    (void)opt;
    (void)text;
    struct loader *loader = loader_of(cfg);
    *(void **)result = NULL;
    if (!loader->stop && !open_section(loader, cfg)) {
        loader->stop = true;
    }
    return 0;
}

// A certificate that Ravelin orders has a key that is not in the configuration.
static bool is_ordered(const struct frame *frame) {
    return frame->id == SECTION_CERTIFICATE && strcmp(frame->cfg->title, CONFIG_ACME) == 0;
}

static void close_section(struct loader *loader) {
    const struct frame *frame = top_frame(loader);
    const struct section *section = section_at(frame->id);
    for (size_t i = 0; i < section->option_count; i++) {
        const struct option *option = &section->options[i];
        if (frame->seen[i].count >= option->least || loader->partial || is_ordered(frame)) {
            continue;
        }
        if (frame->cfg->title != NULL) {
            report_add(loader->report, frame->line, "%s '%.*s' has no %s", section->name,
                       REPORT_QUOTE_MAX, frame->cfg->title, option->name);
        } else {
            report_add(loader->report, frame->line, "no %s %s", option->name, kind_name(option));
        }
    }
    loader->depth--;
}

static int on_close(cfg_t *cfg, cfg_opt_t *opt) {
    struct loader *loader = loader_of(cfg);
    if (loader->stop) {
        return -1;
    }
    close_section(loader);
    // libconfuse compares each new section with all that it still has. With ten thousand sites this
    // would take seconds.
    return cfg_free_value(opt) == CFG_SUCCESS ? 0 : -1;
}

// --- Errors of libconfuse ---

#define HINT_SIZE (FOREIGN_REASON_MAX + SUGGESTION_TEXT_SIZE)
#define HOMES_SIZE 96

// Writes where an option of this name belongs, such as "in backend or route". False: nowhere.
static bool find_homes(const char *name, char text[HOMES_SIZE]) {
    size_t used = 0;
    for (size_t i = SECTION_COUNT; i-- > 0;) { // the top is the first section
        if (option_find((enum section_id)i, name) == NULL) {
            continue;
        }
        const char *home = section_at((enum section_id)i)->name;
        const char *before = used > 0 ? " or " : home[0] == '\0' ? "" : "in ";
        int more = snprintf(text + used, HOMES_SIZE - used, "%s%s", before,
                            home[0] == '\0' ? "outside of all braces" : home);
        used += more > 0 ? (size_t)more : 0;
        if (used >= HOMES_SIZE) {
            break; // cut, but still true
        }
    }
    return used > 0;
}

// Writes a hint such as "; did you mean 'weight'?", or "".
static void hint_at(const struct section *section, const char *name, char hint[HINT_SIZE]) {
    char homes[HOMES_SIZE];
    bool has_home = find_homes(name, homes);
    const char *reason = foreign_reason(name);
    if (name[0] == ';') {
        (void)snprintf(hint, HINT_SIZE, "; an option ends without a ';'");
    } else if (name[0] == '[') {
        (void)snprintf(hint, HINT_SIZE, "; sections have braces, as in listen ADDRESS { ... }");
    } else if (strcmp(name, "include") == 0) {
        (void)snprintf(hint, HINT_SIZE, ": write include \"FILE\", with quotes and without '='");
    } else if (has_home && (reason == NULL || section->name[0] != '\0')) {
        (void)snprintf(hint, HINT_SIZE, "; it belongs %s", homes);
    } else if (reason != NULL) {
        (void)snprintf(hint, HINT_SIZE, ": %s", reason);
    } else if (section->name[0] == '\0' &&
               (strchr(name, '.') != NULL || strchr(name, ':') != NULL)) {
        (void)snprintf(hint, HINT_SIZE, ": for a host, write site HOST { ... }");
    } else {
        struct suggestion suggestion;
        suggestion_init(&suggestion, name);
        for (size_t i = 0; i < section->option_count; i++) {
            suggestion_offer(&suggestion, section->options[i].name);
        }
        suggestion_format(&suggestion, hint);
    }
}

static void note_stop(struct loader *loader, int line, const char *name) {
    if (strlen(name) < LOAD_NAME_SIZE) {
        loader->unknown.line = line;
        memcpy(loader->unknown.name, name, strlen(name) + 1);
    }
}

static void report_unknown(struct loader *loader, int line, const char *name) {
    note_stop(loader, line, name);
    const struct section *section = section_at(top_frame(loader)->id);
    const char *in = section->name[0] != '\0' ? " in " : "";
    char hint[HINT_SIZE];
    hint_at(section, name, hint);
    report_add(loader->report, line, "unknown option '%.*s'%s%s%s", REPORT_QUOTE_MAX, name, in,
               section->name, hint);
}

// "; write listen ADDRESS { ... }" for a section that does not begin so, or "".
static void hint_at_begin(enum section_id outer, const char *name, char hint[HINT_SIZE]) {
    static const struct {
        const char *name, *more;
    } words[] = {{"listen", ": TLS and HTTP/2 are on by default"},
                 {"route", ", with a prefix and no regular expression"},
                 {"certificate", ", with key = FILE in it"},
                 {"error-page", ", with file = FILE in it"},
                 {"backend", ", with server ADDRESS {} in it"}};
    char begin[REFERENCE_TEXT_SIZE];
    const char *more = "";
    const struct option *option = option_find(outer, name);
    if (option == NULL || option->kind != KIND_SECTION) {
        return;
    }
    reference_begin(section_at(option->inside), begin);
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        more = strcmp(words[i].name, name) == 0 ? words[i].more : more;
    }
    (void)snprintf(hint, HINT_SIZE, "; write %.*s%s", REPORT_QUOTE_MAX, begin, more);
}

struct message {
    const char *theirs;
    const char *ours; // followed by the argument, if there is one, in quotes
};

enum { MESSAGE_NO_EQUALS = 0 };

static const struct message messages[] = {
    [MESSAGE_NO_EQUALS] = {"missing equal sign after option '%s'", "expected '=' after"},
    {"unexpected token '%s'", "unexpected"},
    {"missing opening brace for section '%s'", "expected '{' after"},
    {"missing title for section '%s'", "expected a name or address after"},
    {"premature end of file", "the file ends in the middle of an option"},
};

static void on_error(cfg_t *cfg, const char *format, va_list arguments)
    __attribute__((format(printf, 2, 0)));

static void on_error(cfg_t *cfg, const char *format, va_list arguments) {
    struct loader *loader = loader_of(cfg);
    bool named = strstr(format, "'%s'") != NULL;
    const char *ours = NULL;
    loader->stop = true;
    for (size_t i = 0; i < sizeof(messages) / sizeof(messages[0]); i++) {
        ours = strcmp(format, messages[i].theirs) == 0 ? messages[i].ours : ours;
    }
    if (strcmp(format, "no such option '%s'") == 0) {
        report_unknown(loader, cfg->line, va_arg(arguments, const char *));
    } else if (ours != NULL && named) {
        const char *name = va_arg(arguments, const char *);
        char hint[HINT_SIZE] = "";
        if (strcmp(format, messages[MESSAGE_NO_EQUALS].theirs) == 0) {
            (void)snprintf(hint, sizeof(hint), "; write %.*s = VALUE", REPORT_QUOTE_MAX, name);
        } else {
            hint_at_begin(top_frame(loader)->id, name, hint);
        }
        report_add(loader->report, cfg->line, "%s '%.*s'%s", ours, REPORT_QUOTE_MAX, name, hint);
        if (strcmp(format, messages[MESSAGE_NO_EQUALS].theirs) == 0) {
            note_stop(loader, cfg->line, name);
        }
    } else if (ours != NULL) {
        report_add(loader->report, cfg->line, "%s", ours);
    } else {
        char theirs[REFERENCE_TEXT_SIZE];
        (void)vsnprintf(theirs, sizeof(theirs), format, arguments);
        report_add(loader->report, cfg->line, "%s", theirs);
    }
}

// --- Reading ---

static cfg_opt_t make_option(struct loader *loader, const struct option *option) {
    cfg_opt_t opt = {.name = option->name, .type = CFGT_PTR, .parsecb = on_value};
    if (option->kind == KIND_SECTION) {
        bool titled = section_at(option->inside)->title.name != NULL;
        opt.type = CFGT_SEC;
        opt.parsecb = NULL;
        opt.flags = CFGF_MULTI | (titled ? CFGF_TITLE : 0);
        opt.subopts = loader->options[option->inside];
        opt.validcb = on_close;
    } else if (option->most > 1) {
        opt.flags = CFGF_LIST;
    }
    return opt;
}

static void make_options(struct loader *loader) {
    static char anything[] = "x";
    for (enum section_id id = SECTION_TOP; id < SECTION_COUNT; id++) {
        const struct section *section = section_at(id);
        cfg_opt_t *opts = loader->options[id];
        opts[0] = (cfg_opt_t){.name = HOOK_NAME,
                              .type = CFGT_PTR,
                              .flags = id == SECTION_TOP ? CFGF_NODEFAULT : CFGF_NONE,
                              .def = {.number = (long)(intptr_t)loader, .parsed = anything},
                              .parsecb = on_open};
        for (size_t i = 0; i < section->option_count; i++) {
            opts[1 + i] = make_option(loader, &section->options[i]);
        }
    }
}

static bool parse(struct loader *loader, const char *text) {
    cfg_t *cfg = cfg_init(loader->options[SECTION_TOP], CFGF_NONE);
    if (cfg == NULL) {
        report_out_of_memory(loader->report);
        return false;
    }
    (void)cfg_set_error_function(cfg, on_error);
    loader->frames[loader->depth++] =
        (struct frame){.id = SECTION_TOP, .cfg = cfg, .object = loader->config, .line = 1};
    put_defaults(loader, SECTION_TOP, loader->config);
    bool complete = cfg_parse_buf(cfg, text) == CFG_SUCCESS && !loader->stop;
    if (complete) {
        close_section(loader);
    } else if (report_is_empty(loader->report)) {
        report_add(loader->report, top_frame(loader)->cfg->line, "cannot be read from here on");
    }
    (void)cfg_free(cfg);
    return complete;
}

const char *config_library_version(void) {
    return confuse_version;
}

bool load_text(struct config *config, const char *text, const struct config_files *files,
               bool partial, struct claims *claims, struct report *report, struct load_stop *stop) {
    struct loader *loader = calloc(1, sizeof(*loader));
    if (loader == NULL) {
        report_out_of_memory(report);
        return false;
    }
    loader->config = config;
    loader->claims = claims;
    loader->files = files;
    loader->partial = partial;
    loader->report = report;
    make_options(loader);
    bool complete = parse(loader, text);
    *stop = loader->unknown;
    free(loader);
    return complete;
}
