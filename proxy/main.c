// The command line. The commands are in process/.
#include "base/clock.h"
#include "config/bundle.h"
#include "config/config.h"
#include "doctor/doctor.h"
#include "import/import.h"
#include "process/commands.h"
#include "process/control.h"
#include "process/master.h"
#include "process/privilege.h"
#include "process/prove.h"
#include "session/http2.h"
#include "tls/certificate/check.h"
#include "tls/handshake/context.h"
#include "tls/handshake/ticket.h"
#include "tls/prove/prove.h"
#include "tls/record/record.h"

#include <assert.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { EXIT_BAD = 2 }; // bad usage or bad configuration

// Called after a line with the problem.
static int bad_usage(void) {
    (void)fputs("see 'ravelin help'\n", stderr);
    return EXIT_BAD;
}

static const char *plural(size_t count) {
    return count == 1 ? "" : "s";
}

static void print_summary(const char *path, const struct config *config) {
    size_t certificates = 0;
    for (size_t i = 0; i < config->site_count; i++) {
        certificates += config->sites[i].certificate_count;
    }
    (void)printf("%s: ok (%zu site%s, %zu certificate%s, %zu backend%s, %zu listener%s)\n", path,
                 config->site_count, plural(config->site_count), certificates, plural(certificates),
                 config->backend_count, plural(config->backend_count), config->listener_count,
                 plural(config->listener_count));
    for (size_t i = 0; i < config->listener_count; i++) {
        if (config_offers_http2(&config->listeners[i])) {
            (void)printf("an HTTP/2 connection can take at most %zu KiB of memory\n",
                         http2_memory_max(config) / 1024);
            return;
        }
    }
}

static void print_lines(const char *line) {
    while (*line != '\0') {
        size_t size = strcspn(line, "\n");
        (void)fprintf(stderr, "warning: %.*s\n", (int)size, line);
        line += size + (line[size] == '\n');
    }
}

static void print_warnings(const struct config *config, const struct findings *findings) {
    const struct term *term;
    int64_t now = clock_wall_us() / 1000000;
    print_lines(findings->warnings);
    for (size_t i = 0; (term = findings_term(findings, config, i)) != NULL; i++) {
        char text[TERM_TEXT_SIZE];
        if (term_warning(term, config, now, text)) {
            (void)fprintf(stderr, "warning: %s\n", text);
        }
    }
}

static int check(const char *path) {
    struct bundle_pair pair;
    struct config *config;
    struct privilege privilege;
    char error[CONFIG_ERROR_SIZE];
    if (bundle_read(path, &pair, &config, error) != RESULT_OK) {
        (void)fprintf(stderr, "%s\n", error);
        return EXIT_BAD;
    }
    struct findings *findings = findings_map(config);
    int exit_code = EXIT_BAD;
    if (findings == NULL || tls_library_init() != RESULT_OK) {
        (void)fputs("ravelin: cannot start the TLS library\n", stderr);
        exit_code = EXIT_FAILURE;
    } else if (privilege_find(config, &privilege, error) != RESULT_OK ||
               tls_check(config, &pair.files, &pair.keys, findings, error) != RESULT_OK) {
        (void)fprintf(stderr, "%s\n", error);
    } else {
        print_lines(pair.warnings);
        print_warnings(config, findings);
        print_summary(path, config);
        exit_code = EXIT_SUCCESS;
    }
    tls_library_free();
    findings_unmap(findings, config);
    bundle_close_pair(&pair);
    config_free(config);
    return exit_code;
}

static int run(const char *path, const struct title *title) {
    // The arguments' memory becomes the children's titles.
    assert(path != NULL); // the command needs one
    char *copy = strdup(path);
    if (copy == NULL) {
        (void)fputs("ravelin: out of memory\n", stderr);
        return EXIT_FAILURE;
    }
    int exit_code = master_run(copy, RAVELIN_VERSION, title);
    free(copy);
    return exit_code;
}

static void print_names(const char *label, const struct name_list *list) {
    (void)printf("%s:", label);
    for (size_t i = 0; i < list->count; i++) {
        (void)printf("%s %s", i > 0 ? "," : "", list->names[i]);
    }
    (void)putchar('\n');
}

static int print_version(void) {
    struct negotiable negotiable;
    bool ready = tls_library_init() == RESULT_OK && prove_negotiable(&negotiable);
    struct record_engine *engine = ready ? record_engine_new() : NULL;
    if (engine == NULL) {
        (void)fputs("ravelin: cannot start the TLS library\n", stderr);
        return EXIT_FAILURE;
    }
    (void)printf("ravelin %s\nTLS library: wolfSSL %s\nAES-GCM: %s\n", RAVELIN_VERSION,
                 tls_library_version(), record_engine_name(engine));
    print_names("suites", &negotiable.suites);
    print_names("groups", &negotiable.groups);
    if (record_engine_refused(engine) != NULL) {
        (void)fprintf(stderr, "ravelin: %s failed its own tests and is not used\n",
                      record_engine_refused(engine));
    }
    record_engine_free(engine);
    tls_library_free();
    return EXIT_SUCCESS;
}

static int help(size_t count, char **words) {
    if (count == 0) {
        commands_print_usage(stdout);
        return EXIT_SUCCESS;
    }
    if (count == 1 && strcmp(words[0], "config") == 0) {
        config_print_reference();
        return EXIT_SUCCESS;
    }
    if (count == 1 && strcmp(words[0], "doctor") == 0) {
        doctor_print_usage();
        return EXIT_SUCCESS;
    }
    (void)fprintf(stderr, "ravelin: there is help about config and doctor, not about '%s'\n",
                  words[count - 1]);
    return bad_usage();
}

// The parsed command line.
struct invocation {
    enum command command; // COMMAND_COUNT: none that there is
    const char *name;
    const char *config; // NULL: none
    bool as_json;
    size_t count; // of words after the command
    char **words;
};

// False: prints the reason.
static bool is_usable(const struct invocation *call) {
    static const struct command_row unknown = {.name = ""};
    const struct command_row *row =
        call->command == COMMAND_COUNT ? &unknown : &commands[call->command];
    if (row == &unknown && call->name[0] == '\0') {
        (void)fputs("ravelin: no command\n", stderr);
    } else if (row == &unknown) {
        (void)fprintf(stderr, "ravelin: unknown command '%s'\n", call->name);
    } else if (row->needs_config && call->config == NULL) {
        (void)fprintf(stderr, "ravelin: %s needs -c FILE\n", call->name);
    } else if (call->count > row->arguments_max) {
        (void)fprintf(stderr, "ravelin: one word too many: '%s'\n",
                      call->words[row->arguments_max]);
    } else if (call->as_json && !row->takes_json) {
        (void)fputs("ravelin: only prove takes --json\n", stderr);
    } else if (call->count < row->arguments_min) {
        (void)fprintf(stderr, "usage: ravelin %s %s\n", call->name, row->synopsis);
    } else {
        return true;
    }
    return false;
}

static int request(const struct invocation *call) {
    const char *words[1 + COMMAND_ARGUMENTS_MAX] = {call->name};
    size_t count = 1;
    for (size_t i = 0; i < call->count && i < COMMAND_ARGUMENTS_MAX; i++) {
        words[count++] = call->words[i];
    }
    return control_request(call->config, words, count);
}

static int obey(const struct invocation *call, const struct title *title) {
    if (!is_usable(call)) {
        return bad_usage();
    }
    switch (call->command) {
    case COMMAND_RUN:
        return run(call->config, title);
    case COMMAND_CHECK:
        return check(call->config);
    case COMMAND_IMPORT:
        return import_command((int)call->count, call->words);
    case COMMAND_PROVE:
        return prove_command(call->config, call->as_json, RAVELIN_VERSION);
    case COMMAND_VERSION:
        return print_version();
    case COMMAND_HELP:
        return help(call->count, call->words);
    default: // an order
        return request(call);
    }
}

int main(int argc, char **argv) {
    static const struct option options[] = {
        {"config", required_argument, NULL, 'c'},
        {"help", no_argument, NULL, 'h'},
        {"json", no_argument, NULL, 'j'},
        {"version", no_argument, NULL, 'v'},
        {NULL, 0, NULL, 0},
    };
    if (argc > 1 && strcmp(argv[1], "doctor") == 0) { // it has its own options
        return doctor_command(argc - 1, argv + 1, RAVELIN_VERSION);
    }
    const struct title title = title_find(argc, argv);
    struct invocation call = {.command = COMMAND_COUNT};
    for (int option; (option = getopt_long(argc, argv, "c:h", options, NULL)) != -1;) {
        switch (option) {
        case 'c':
            call.config = optarg;
            break;
        case 'h':
            return help(0, NULL);
        case 'j':
            call.as_json = true;
            break;
        case 'v':
            return print_version();
        default:
            return bad_usage();
        }
    }
    call.name = optind < argc ? argv[optind++] : "";
    call.command = command_find(slice_from(call.name));
    if (call.command != COMMAND_COUNT && commands[call.command].has_own_options) {
        call.command = COMMAND_COUNT; // the command must be the first word
    }
    call.count = (size_t)(argc - optind);
    call.words = argv + optind;
    return obey(&call, &title);
}
