// The table of commands of the command line (main.c). It also marks the orders, which the control
// socket accepts (control.h). The usage text is made from it. To add a command, add a row here and
// its action in main.c, and for an order in master.c, too.
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

#define COMMAND_ARGUMENTS_MAX 4 // largest number of arguments of an order
#define COMMAND_ARGUMENTS_ANY ((size_t)-1)

struct command_row {
    const char *name;
    const char *synopsis; // arguments in the usage text: "-c FILE"; empty: none
    const char *help;     // lines end with \n
    bool needs_config;    // -c FILE is required
    bool takes_json;      // --json is allowed
    bool has_own_options; // main() passes the whole command line on
    bool is_order;        // the master accepts it on the control socket
    size_t arguments_min, arguments_max;
};

extern const struct command_row commands[COMMAND_COUNT];

// Returns COMMAND_COUNT if no command has this name.
enum command command_find(struct slice name);
void commands_print_usage(FILE *output);

// --- Orders: commands on the control socket, as words with a NUL between two ---

#define ORDER_SIZE_MAX 512

struct order {
    enum command command;
    size_t argument_count;
    const char
        *arguments[COMMAND_ARGUMENTS_MAX]; // NUL-terminated, not empty, no control characters
};

// Parses an order. Its arguments point into `data`, where data[size] must be a NUL. False: it is
// not an order of `rows` (COMMAND_COUNT rows), or has a wrong number of arguments.
bool order_parse(const struct command_row rows[COMMAND_COUNT], const char *data, size_t size,
                 struct order *order);
// Writes an order. Returns its size; 0: it does not fit.
size_t order_write(const char *const *words, size_t count, char data[ORDER_SIZE_MAX]);

#endif
