#include "monitor/exposition.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static void put(struct exposition *exposition, const char *text, size_t size) {
    if (!exposition->failed && !buffer_append(exposition->output, text, size, exposition->limit)) {
        exposition->failed = true;
    }
}

static void put_text(struct exposition *exposition, const char *text) {
    put(exposition, text, strlen(text));
}

void exposition_family(struct exposition *exposition, const char *name, const char *type,
                       const char *help) {
    put_text(exposition, "# HELP " EXPOSITION_PREFIX);
    put_text(exposition, name);
    put_text(exposition, " ");
    put_text(exposition, help);
    put_text(exposition, "\n# TYPE " EXPOSITION_PREFIX);
    put_text(exposition, name);
    put_text(exposition, " ");
    put_text(exposition, type);
    put_text(exposition, "\n");
}

void exposition_begin(struct exposition *exposition, const char *name, const char *suffix) {
    exposition->has_label = false;
    put_text(exposition, EXPOSITION_PREFIX);
    put_text(exposition, name);
    put_text(exposition, suffix);
}

// Runs of other bytes in one piece each.
static void put_escaped(struct exposition *exposition, const char *value) {
    while (*value != '\0') {
        size_t plain = strcspn(value, "\\\"\n");
        put(exposition, value, plain);
        value += plain;
        if (*value != '\0') {
            const char escaped[] = {'\\', *value == '\n' ? 'n' : *value};
            put(exposition, escaped, sizeof(escaped));
            value++;
        }
    }
}

void exposition_label(struct exposition *exposition, const char *key, const char *value) {
    put_text(exposition, exposition->has_label ? "," : "{");
    exposition->has_label = true;
    put_text(exposition, key);
    put_text(exposition, "=\"");
    put_escaped(exposition, value);
    put_text(exposition, "\"");
}

static void end(struct exposition *exposition, const char *value) {
    put_text(exposition, exposition->has_label ? "} " : " ");
    put_text(exposition, value);
    put_text(exposition, "\n");
}

void exposition_end(struct exposition *exposition, uint64_t value) {
    char text[24];
    (void)snprintf(text, sizeof(text), "%" PRIu64, value);
    end(exposition, text);
}

void exposition_end_seconds(struct exposition *exposition, double seconds) {
    char text[40];
    (void)snprintf(text, sizeof(text), "%.6f", seconds);
    end(exposition, text);
}
