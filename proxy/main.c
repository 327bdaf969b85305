// The command line only: what each word means is in process/.
#include "base/clock.h"
#include "config/bundle.h"
#include "config/config.h"
#include "doctor/doctor.h"
#include "process/control.h"
#include "process/master.h"
#include "process/privilege.h"
#include "process/prove.h"
#include "tls/certificate/check.h"
#include "tls/handshake/context.h"
#include "tls/handshake/ticket.h"
#include "tls/prove/prove.h"
#include "tls/record/record.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { EXIT_BAD = 2 }; // bad usage or bad configuration

static const char USAGE[] =
    "usage: ravelin run -c FILE       serve in the foreground\n"
    "       ravelin check -c FILE     check a configuration and every file it names\n"
    "       ravelin reload -c FILE    load the configuration anew into the running processes\n"
    "       ravelin drain -c FILE     finish open exchanges, then end\n"
    "       ravelin stop -c FILE      end at once\n"
    "       ravelin status -c FILE    print state and counters as JSON\n"
    "       ravelin doctor HOST:PORT  try what a live TLS server takes and refuses\n"
    "       ravelin prove [-c FILE] [--json]\n"
    "                                 prove what this binary can negotiate and what it cannot, "
    "and\n"
    "                                 say what runs with this file\n"
    "       ravelin version           print version, libraries, suites and groups\n"
    "       ravelin help [config|doctor]\n"
    "                                 print this, every option of the configuration, or of doctor\n"
    "\n"
    "       -c, --config FILE         the configuration; the running proxy is found by it\n"
    "\n"
    "Exit status: 0 ok, 1 failed, 2 bad usage or bad configuration.\n";

static int bad_usage(void) {
    (void)fputs(USAGE, stderr);
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
    bundle_close(&pair.files);
    bundle_close(&pair.keys);
    config_free(config);
    return exit_code;
}

static int run(const char *path, const struct title *title) {
    // The arguments' memory becomes the children's titles.
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

static int help(int count, char **words) {
    if (count == 0) {
        (void)fputs(USAGE, stdout);
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
    return bad_usage();
}

static int obey(const char *command, const char *config, const struct title *title) {
    static const char *const requests[] = {"reload", "drain", "stop", "status"};
    if (strcmp(command, "run") == 0) {
        return run(config, title);
    }
    if (strcmp(command, "check") == 0) {
        return check(config);
    }
    for (size_t i = 0; i < sizeof(requests) / sizeof(requests[0]); i++) {
        if (strcmp(command, requests[i]) == 0) {
            return control_request(config, command);
        }
    }
    return -1;
}

int main(int argc, char **argv) {
    static const struct option options[] = {
        {"config", required_argument, NULL, 'c'},
        {"help", no_argument, NULL, 'h'},
        {"json", no_argument, NULL, 'j'},
        {"version", no_argument, NULL, 'v'},
        {NULL, 0, NULL, 0},
    };
    if (argc > 1 && strcmp(argv[1], "doctor") == 0) { // it has options of its own
        return doctor_command(argc - 1, argv + 1, RAVELIN_VERSION);
    }
    const struct title title = title_find(argc, argv);
    const char *config = NULL;
    bool as_json = false;
    for (int option; (option = getopt_long(argc, argv, "c:h", options, NULL)) != -1;) {
        switch (option) {
        case 'c':
            config = optarg;
            break;
        case 'h':
            return help(0, NULL);
        case 'j':
            as_json = true;
            break;
        case 'v':
            return print_version();
        default:
            return bad_usage();
        }
    }
    const char *command = optind < argc ? argv[optind++] : "";
    if (strcmp(command, "help") == 0) {
        return help(argc - optind, argv + optind);
    }
    if (optind < argc) {
        (void)fprintf(stderr, "ravelin: one word too many: %s\n", argv[optind]);
        return bad_usage();
    }
    if (strcmp(command, "prove") == 0) {
        return prove_command(config, as_json, RAVELIN_VERSION);
    }
    if (as_json) {
        (void)fputs("ravelin: --json goes with prove\n", stderr);
        return bad_usage();
    }
    if (strcmp(command, "version") == 0) {
        return print_version();
    }
    static const char *const needs_config[] = {"run", "check", "reload", "drain", "stop", "status"};
    for (size_t i = 0; i < sizeof(needs_config) / sizeof(needs_config[0]); i++) {
        if (strcmp(command, needs_config[i]) == 0 && config == NULL) {
            (void)fprintf(stderr, "ravelin: %s needs -c FILE\n", command);
            return bad_usage();
        }
    }
    int exit_code = config == NULL ? -1 : obey(command, config, &title);
    if (exit_code < 0) {
        (void)fprintf(stderr,
                      command[0] == '\0' ? "ravelin: no command%s\n"
                                         : "ravelin: unknown command: %s\n",
                      command);
        return bad_usage();
    }
    return exit_code;
}
