// The table of commands: what the command line takes (main.c), and which of them are also words on
// the control socket (control.h). The usage text is made from it. To add a command, add a row here
// and what it does to main.c; an order also to master.c.
#ifndef RAVELIN_PROCESS_COMMANDS_H
#define RAVELIN_PROCESS_COMMANDS_H

#include "base/slice.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

enum command {
    COMMAND_RUN,
    COMMAND_CHECK,
    COMMAND_RELOAD,
    COMMAND_REOPEN,
    COMMAND_UPGRADE,
    COMMAND_DRAIN,
    COMMAND_STOP,
    COMMAND_STATUS,
    COMMAND_SERVERS,
    COMMAND_SERVER,
    COMMAND_MAINTENANCE,
    COMMAND_DOCTOR,
    COMMAND_IMPORT,
    COMMAND_PROVE,
    COMMAND_VERSION,
    COMMAND_HELP,
    COMMAND_COUNT
};

#define COMMAND_ARGUMENTS_MAX 4 // of an order
#define COMMAND_ARGUMENTS_ANY ((size_t)-1)

struct command_row {
    const char *name;
    const char *synopsis; // after the name: "-c FILE"; empty: nothing
    const char *help;     // lines end with \n
    bool needs_config;    // -c FILE must be there
    bool takes_json;      // --json may be there
    bool has_own_options; // main() hands the whole command line on
    bool is_order;        // the master takes it on the control socket
    size_t arguments_min, arguments_max;
};

extern const struct command_row commands[COMMAND_COUNT];

// COMMAND_COUNT: none has this name.
enum command command_find(struct slice name);
void commands_print_usage(FILE *output);

// --- Orders: commands as the control socket carries them, the words with a NUL between two ---

#define ORDER_SIZE_MAX 512

struct order {
    enum command command;
    size_t argument_count;
    const char
        *arguments[COMMAND_ARGUMENTS_MAX]; // NUL-terminated, not empty, no control characters
};

// Reads an order; the arguments point into `data`, where data[size] must be a NUL. False: it is
// none of the orders among `rows`, as many as `commands`, or has a wrong number of arguments.
bool order_parse(const struct command_row rows[COMMAND_COUNT], const char *data, size_t size,
                 struct order *order);
// Returns the size, or 0 if they do not fit.
size_t order_write(const char *const *words, size_t count, char data[ORDER_SIZE_MAX]);

#endif
