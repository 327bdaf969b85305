#include "doctor/doctor.h"

#include "base/clock.h"
#include "config/quantity.h"
#include "doctor/listing.h"
#include "tls/handshake/context.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { EXIT_BAD = 2 };
enum { TIMEOUT_MS_DEFAULT = 5000, TIMEOUT_MS_MIN = 100, TIMEOUT_MS_MAX = 60000 };
// Limit of the whole audit: the time of this many connections that time out.
enum { TIMEOUTS_MAX = 20 };

static const char USAGE[] =
    "usage: ravelin doctor [--name NAME] [--ca FILE] [--timeout TIME] [--json] HOST[:PORT]\n"
    "\n"
    "Tests what a running TLS server accepts and what it refuses, with one connection after the\n"
    "other. For each check, it prints what it sent, what the server replied, and why it matters.\n"
    "The server need not be Ravelin.\n"
    "\n"
    "       HOST[:PORT]     a name, an IPv4 address, or an IPv6 address in brackets. The default\n"
    "                       of PORT is 443\n"
    "       --name NAME     ask for NAME instead of HOST (SNI, Host, certificate)\n"
    "       --ca FILE       trust the authorities of this PEM file instead of the system's\n"
    "       --timeout TIME  limit for one connection, 100ms to 60s. The default is 5s. The whole\n"
    "                       test takes at most 20 times as long\n"
    "       --json          print the report as JSON\n"
    "\n"
    "pass  the server does what it should\n"
    "fail  the server has a weak setting or a fault\n"
    "warn  the server could do better, or the check cannot know\n"
    "skip  there was nothing to check\n"
    "\n"
    "Exit status: 0 no check failed, 1 a check failed, 2 bad usage or no server found.\n";

void doctor_print_usage(void) {
    (void)fputs(USAGE, stdout);
}

struct request {
    const char *target;
    const char *name;
    const char *ca;
    uint64_t timeout_ms;
    bool json;
    bool help;
};

static int complain(const char *what, const char *which) {
    (void)fprintf(stderr, "ravelin doctor: %s%s%s\n", what, which == NULL ? "" : ": ",
                  which == NULL ? "" : which);
    return EXIT_BAD;
}

static bool parse_timeout(const char *text, uint64_t *timeout_ms) {
    return quantity_parse(QUANTITY_TIME, text, timeout_ms) == NULL &&
           *timeout_ms >= TIMEOUT_MS_MIN && *timeout_ms <= TIMEOUT_MS_MAX;
}

// 0, or the exit status for wrong arguments.
static int parse_arguments(int count, char **arguments, struct request *request) {
    static const struct option options[] = {
        {"name", required_argument, NULL, 'n'},    {"ca", required_argument, NULL, 'c'},
        {"timeout", required_argument, NULL, 't'}, {"json", no_argument, NULL, 'j'},
        {"help", no_argument, NULL, 'h'},          {NULL, 0, NULL, 0},
    };
    *request = (struct request){.timeout_ms = TIMEOUT_MS_DEFAULT};
    for (int option; (option = getopt_long(count, arguments, "h", options, NULL)) != -1;) {
        switch (option) {
        case 'n':
            request->name = optarg;
            break;
        case 'c':
            request->ca = optarg;
            break;
        case 't':
            if (!parse_timeout(optarg, &request->timeout_ms)) {
                return complain("--timeout takes a time from 100ms to 60s, not", optarg);
            }
            break;
        case 'j':
            request->json = true;
            break;
        case 'h':
            request->help = true;
            return 0;
        default: // getopt_long() has printed the problem
            (void)fputs(USAGE, stderr);
            return EXIT_BAD;
        }
    }
    if (count - optind != 1) {
        (void)fputs(USAGE, stderr);
        return EXIT_BAD;
    }
    request->target = arguments[optind];
    return 0;
}

static int set_target(const struct request *request, struct target *target) {
    const char *why = target_parse(request->target, target);
    if (why != NULL) {
        return complain(why, request->target);
    }
    if (request->name != NULL) {
        struct target named;
        // A name is checked like a host, and has no port.
        if (target_parse(request->name, &named) != NULL || named.name[0] == '\0' ||
            strcmp(named.host, request->name) != 0) {
            return complain("--name takes a host's name, not", request->name);
        }
        memcpy(target->name, named.name, sizeof(target->name));
    }
    const char *host = target->name[0] != '\0' ? target->name : target->host;
    bool brackets = strchr(host, ':') != NULL;
    bool default_port = strcmp(target->port, "443") == 0;
    (void)snprintf(target->authority, sizeof(target->authority), "%s%s%s%s%s", brackets ? "[" : "",
                   host, brackets ? "]" : "", default_port ? "" : ":",
                   default_port ? "" : target->port);
    return 0;
}

static int run(struct audit *audit, bool json, const char *version) {
    char error[CONNECTION_ERROR_SIZE];
    struct listing listing = {.output = stdout, .json = json};
    if (target_resolve(&audit->target, error) != RESULT_OK ||
        audit_begin(audit, error) != RESULT_OK) {
        return complain(error, NULL);
    }
    listing_begin(&listing, audit, version);
    for (size_t i = 0; i < CHECK_COUNT; i++) {
        struct finding finding = {.outcome = OUTCOME_FAIL};
        check_run(&CHECKS[i], audit, &finding);
        listing_add(&listing, &CHECKS[i], &finding);
    }
    listing_end(&listing);
    audit_end(audit);
    if (fflush(stdout) != 0) {
        return complain("the report cannot be written", NULL);
    }
    return listing.counts[OUTCOME_FAIL] > 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

static int audit_target(const struct request *request, struct audit *audit, const char *version) {
    char error[TRUST_ERROR_SIZE];
    int bad = set_target(request, &audit->target);
    if (bad != 0) {
        return bad;
    }
    if (trust_load(request->ca, &audit->trust, error) == RESULT_ERROR) {
        return complain(error, NULL);
    }
    audit->timeout_us = (int64_t)request->timeout_ms * 1000;
    audit->deadline_us = clock_monotonic_us() + TIMEOUTS_MAX * audit->timeout_us;
    int exit_code = run(audit, request->json, version);
    trust_free(&audit->trust);
    return exit_code;
}

int doctor_command(int count, char **arguments, const char *version) {
    struct request request;
    int exit_code = parse_arguments(count, arguments, &request);
    if (exit_code != 0) {
        return exit_code;
    }
    if (request.help) {
        doctor_print_usage();
        return EXIT_SUCCESS;
    }
    struct audit *audit = calloc(1, sizeof(*audit));
    if (audit == NULL || tls_library_init() != RESULT_OK) {
        (void)complain("out of memory", NULL);
        exit_code = EXIT_FAILURE;
    } else {
        exit_code = audit_target(&request, audit, version);
        tls_library_free();
    }
    free(audit);
    return exit_code;
}
