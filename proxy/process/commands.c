#include "process/commands.h"

#include <string.h>

#define ORDER .needs_config = true, .is_order = true

const struct command_row commands[COMMAND_COUNT] = {
    [COMMAND_RUN] = {"run", "-c FILE", "serve in the foreground\n", .needs_config = true},
    [COMMAND_CHECK] = {"check", "-c FILE", "check a configuration and every file it names\n",
                       .needs_config = true},
    [COMMAND_RELOAD] = {"reload", "-c FILE",
                        "replace the configuration inside the running workers\n", ORDER},
    [COMMAND_REOPEN] = {"reopen", "-c FILE", "open the log files again, after a rotation\n", ORDER},
    [COMMAND_UPGRADE] = {"upgrade", "-c FILE",
                         "start the executable again and let it take over, without a gap\n", ORDER},
    [COMMAND_DRAIN] = {"drain", "-c FILE", "finish open requests, then exit\n", ORDER},
    [COMMAND_STOP] = {"stop", "-c FILE", "exit at once\n", ORDER},
    [COMMAND_STATUS] = {"status", "-c FILE", "print state and counters as JSON\n", ORDER},
    [COMMAND_SERVERS] = {"servers", "-c FILE",
                         "list the servers with their state and their connections in use\n", ORDER},
    [COMMAND_SERVER] = {"server", "BACKEND/ADDRESS drain|ready|down -c FILE",
                        "drain: no new clients for a server; down: no new requests;\n"
                        "ready: as the file says\n",
                        .arguments_min = 2, .arguments_max = 2, ORDER},
    [COMMAND_MAINTENANCE] = {"maintenance", "SITE on|off -c FILE",
                             "answer requests for a site with 503, or serve it again\n",
                             .arguments_min = 2, .arguments_max = 2, ORDER},
    [COMMAND_DOCTOR] = {"doctor", "HOST[:PORT]", "test any TLS server for weak settings\n",
                        .has_own_options = true},
    [COMMAND_IMPORT] = {"import", "nginx FILE",
                        "print a configuration for the output of 'nginx -T' in FILE\n",
                        .arguments_min = 2, .arguments_max = 2},
    [COMMAND_PROVE] = {"prove", "[-c FILE] [--json]",
                       "test what the linked wolfSSL can negotiate, and show what\n"
                       "runs with this file\n",
                       .takes_json = true, .is_order = true},
    [COMMAND_VERSION] = {.name = "version",
                         .synopsis = "",
                         .help = "print version, libraries, suites and groups\n"},
    [COMMAND_HELP] = {"help", "[config|doctor]",
                      "print this, every option of the configuration, or those of doctor\n",
                      .takes_json = true, .arguments_max = COMMAND_ARGUMENTS_ANY},
};

static enum command find(const struct command_row rows[COMMAND_COUNT], struct slice name) {
    int i = 0;
    while (i < COMMAND_COUNT && !slice_equal(name, slice_from(rows[i].name))) {
        i++;
    }
    return (enum command)i;
}

enum command command_find(struct slice name) {
    return find(commands, name);
}

// --- Usage ---

enum { SYNOPSIS_WIDTH = 16, HELP_COLUMN = 33 };

static void print_row(FILE *output, const char *lead, const struct command_row *row) {
    char synopsis[64];
    int size = snprintf(synopsis, sizeof(synopsis), "%s%s%s", row->name,
                        row->synopsis[0] == '\0' ? "" : " ", row->synopsis);
    bool fits = size <= SYNOPSIS_WIDTH;
    (void)fprintf(output, "%sravelin %-*s%s", lead, fits ? SYNOPSIS_WIDTH + 2 : 0, synopsis,
                  fits ? "" : "\n");
    for (const char *line = row->help; *line != '\0';) {
        size_t length = strcspn(line, "\n") + 1;
        int indent = line == row->help && fits ? 0 : HELP_COLUMN;
        (void)fprintf(output, "%*s%.*s", indent, "", (int)length, line);
        line += length;
    }
}

void commands_print_usage(FILE *output) {
    for (int i = 0; i < COMMAND_COUNT; i++) {
        print_row(output, i == 0 ? "usage: " : "       ", &commands[i]);
    }
    (void)fputs(
        "\n"
        "       -c, --config FILE         configuration file; also selects the running instance\n"
        "\n"
        "Exit status: 0 ok, 1 failed, 2 bad usage or bad configuration.\n",
        output);
}

// --- Orders ---

static bool is_word(const char *word) {
    for (const char *at = word; *at != '\0'; at++) {
        if ((unsigned char)*at < ' ' || *at == 0x7f) {
            return false;
        }
    }
    return word[0] != '\0';
}

bool order_parse(const struct command_row rows[COMMAND_COUNT], const char *data, size_t size,
                 struct order *order) {
    if (size == 0 || size > ORDER_SIZE_MAX) {
        return false;
    }
    *order = (struct order){.command = find(rows, slice_from(data))};
    if (order->command == COMMAND_COUNT || !rows[order->command].is_order) {
        return false;
    }
    for (size_t at = strlen(data) + 1; at <= size; at += strlen(data + at) + 1) {
        if (order->argument_count == COMMAND_ARGUMENTS_MAX || !is_word(data + at)) {
            return false;
        }
        order->arguments[order->argument_count++] = data + at;
    }
    return order->argument_count >= rows[order->command].arguments_min &&
           order->argument_count <= rows[order->command].arguments_max;
}

size_t order_write(const char *const *words, size_t count, char data[ORDER_SIZE_MAX]) {
    size_t size = 0;
    for (size_t i = 0; i < count; i++) {
        size_t length = strlen(words[i]);
        size_t room = ORDER_SIZE_MAX - size;
        size_t gap = i == 0 ? 0 : 1;
        if (length >= room) {
            return 0;
        }
        data[size] = '\0';
        memcpy(data + size + gap, words[i], length);
        size += gap + length;
    }
    return size;
}
