// client HOST PORT [option...]: the load client of the bench suite. It offers TLS 1.3 with one
// group and one suite, keeps many connections, looks at every byte that comes back, and takes
// commands as lines on its standard input:
//
//   slots N                have N connections, which connect when their first turn comes
//   open N                 have N connections, each with one request behind it
//   run RATE SECONDS       requests on them in turn; RATE 0: each connection asks again as soon as
//   it is answered
//   fresh N RATE SECONDS   a new connection for every request, N at a time at most
//   quit
//
// Each but quit is answered with one line of JSON. Options:
//
//   --path PATH  --name NAME       what to ask for; the host in SNI and Host. A %d in it is the
//   connection's number,
//   --names N                      modulo N
//   --host TEXT                    Host, if it is not just the name
//   --body FILE                    the body every response must have, byte for byte, with status
//   200
//   --group NAME  --suite NAME     X25519 and TLS_AES_128_GCM_SHA256 if not given
//   --resume                       `fresh` connections resume the session of the one before
//   --sources N                    connect from 127.0.1.1, 127.0.1.2, ...: for more connections
//   than there are ports
//   --websocket SIZE               `open` upgrades, and a request is a message of that size that
//   must be echoed
//   --plain                        no TLS
//   --http2                        HTTP/2; with --plain by prior knowledge
//   --priority TEXT                with that priority field
//   --beside N,SIZE,PATH           N downloads of that size on each connection, again and again. A
//   `run` begins with some time that does not count, while what had come is read
//   --flood KIND                   a request of `fresh` is a flood: rapid-reset, made-you-reset,
//   continuation, ping or settings, until the server ends the connection or 256 KiB were sent
//
// With a RATE, request k is due RATE/k seconds after the start, whether or not the ones before have
// been answered, and its latency counts from then: a server that stalls is not asked less, and the
// wait of what should have been asked meanwhile is not left out. No tool in Debian 12 does that:
// h2load --rps, wrk and hey all count from when they got to asking.
//
// One thread; certificates are not verified (the suite looks at them before). Errors are counted,
// never retried.
#include "client.h"

#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <time.h>

#define GRACE_NS (20 * SECOND_NS) // for answers that are still due when a command should end
#define OPENING_MAX 64            // handshakes at a time in `open`: fewer than a listener's backlog
#define CONNECTIONS_MAX 1000000
#define RATE_MAX 10000000.0
#define SECONDS_MAX 86400.0
#define CATCH_UP_SECONDS 0.3

struct options options = {.path = "/",
                          .name = "localhost",
                          .suite = "TLS13-AES128-GCM-SHA256",
                          .names = 1,
                          .group = WOLFSSL_ECC_X25519};

// --- Commands ---

struct plan {
    uint64_t requests; // at most
    double rate;       // a second; 0: as fast as they are answered
    uint64_t end_ns;   // nothing is begun after this, but what was due before it
    size_t at_a_time;
};

// Begins what can be begun now. Returns when it should be called again, at the latest.
static uint64_t begin_due(const struct plan *plan, uint64_t *begun) {
    uint64_t now = now_ns();
    // Each has one turn, so that a server that is away does not keep us here.
    size_t turns = pool.waiting_count;
    while (turns-- > 0 && *begun < plan->requests && pool.under_way < plan->at_a_time) {
        uint64_t due = now;
        if (plan->rate > 0) {
            due = tally.started_ns + (uint64_t)((double)*begun * (double)SECOND_NS / plan->rate);
            if (due > now) {
                return due;
            }
        } else if (now >= plan->end_ns) {
            return now + GRACE_NS;
        }
        struct connection *connection = pop();
        if (connection->state == CLOSED && connection->not_before_ns > now) {
            push(connection);
            continue;
        }
        begin(connection, due);
        (*begun)++;
    }
    return now + BACK_OFF_NS;
}

static void perform(const struct plan *plan) {
    struct epoll_event events[256];
    uint64_t begun = 0;
    for (;;) {
        uint64_t wake = begin_due(plan, &begun);
        uint64_t now = now_ns();
        bool all_begun = begun == plan->requests || (plan->rate <= 0 && now >= plan->end_ns);
        if (all_begun && pool.under_way == 0) {
            return;
        }
        if (now >= plan->end_ns + GRACE_NS) {
            break;
        }
        struct timespec wait = {0};
        if (wake > now) {
            wait.tv_sec = (time_t)((wake - now) / SECOND_NS);
            wait.tv_nsec = (long)((wake - now) % SECOND_NS);
        }
        int count = epoll_pwait2(pool.poll_fd, events, 256, &wait, NULL);
        for (int i = 0; i < count; i++) {
            on_event(events[i].data.ptr, events[i].events);
        }
    }
    count_error("no answer in time");
    tally.errors +=
        pool.under_way - 1 + (plan->requests == UINT64_MAX ? 0 : plan->requests - begun);
    for (size_t i = 0; i < pool.count; i++) {
        enum state state = pool.all[i]->state;
        if (state != IDLE && state != CLOSED) {
            settle(pool.all[i], false);
        }
    }
}

static void take_notice_of_ends(void) {
    struct epoll_event events[256];
    int count;
    while ((count = epoll_wait(pool.poll_fd, events, 256, 0)) > 0) {
        for (int i = 0; i < count; i++) {
            on_event(events[i].data.ptr, events[i].events);
        }
    }
}

static void add_slots(size_t count) {
    if (count < pool.count || count > CONNECTIONS_MAX) {
        fail("not so many connections, or fewer than there are");
    }
    add_connections(count);
}

static void command_open(size_t count) {
    size_t before = pool.count;
    add_slots(count);
    pool.keep = true;
    struct plan plan = {count - before, 0, now_ns() + 600 * SECOND_NS, OPENING_MAX};
    perform(&plan);
}

static void run_for(double rate, double seconds) {
    struct plan plan = {UINT64_MAX, rate, now_ns() + (uint64_t)(seconds * 1e9), SIZE_MAX};
    if (rate > 0) {
        plan.requests = (uint64_t)(rate * seconds);
    }
    pool.keep = true;
    perform(&plan);
}

static void command_run(double rate, double seconds) {
    if (options.downloads > 0) { // what came since the command before is still to be read
        run_for(rate, CATCH_UP_SECONDS);
    }
    if (tally.errors == 0) {
        clear_tally();
        run_for(rate, seconds);
    }
}

static void command_fresh(size_t at_a_time, double rate, double seconds) {
    if (at_a_time < 1) {
        fail("fresh: at least one at a time");
    }
    struct plan plan = {UINT64_MAX, rate, now_ns() + (uint64_t)(seconds * 1e9), at_a_time};
    if (rate > 0) {
        plan.requests = (uint64_t)(rate * seconds);
    }
    if (at_a_time > pool.count) {
        add_slots(at_a_time);
    }
    pool.keep = false;
    perform(&plan);
}

// A command's word, and the numbers after it. Returns how many there are, or -1.
static int parse(char *line, const char **word, double *numbers, int most) {
    char *rest;
    int count = 0;
    *word = strtok_r(line, " \n", &rest);
    for (char *text = strtok_r(NULL, " \n", &rest); text != NULL;
         text = strtok_r(NULL, " \n", &rest)) {
        char *end;
        if (count == most) {
            return -1;
        }
        numbers[count] = strtod(text, &end);
        if (*end != '\0' || !(numbers[count] >= 0 && numbers[count] <= RATE_MAX)) {
            return -1;
        }
        count++;
    }
    return *word == NULL ? -1 : count;
}

static void obey(char *line) {
    const char *word;
    double numbers[3];
    int count = parse(line, &word, numbers, 3);
    take_notice_of_ends();
    clear_tally();
    if (count == 1 && strcmp(word, "slots") == 0) {
        add_slots((size_t)numbers[0]);
    } else if (count == 1 && strcmp(word, "open") == 0) {
        command_open((size_t)numbers[0]);
    } else if (count == 2 && strcmp(word, "run") == 0 && numbers[1] <= SECONDS_MAX) {
        command_run(numbers[0], numbers[1]);
    } else if (count == 3 && strcmp(word, "fresh") == 0 && numbers[2] <= SECONDS_MAX) {
        command_fresh((size_t)numbers[0], numbers[1], numbers[2]);
    } else {
        fail("unknown command");
    }
    size_t open = 0;
    for (size_t i = 0; i < pool.count; i++) {
        open += pool.all[i]->state == IDLE;
    }
    print_tally(open);
}

// --- Starting ---

static void load_body(const char *path) {
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        fail("cannot read the body");
    }
    for (size_t got = 1; got > 0;) {
        options.body = grown(options.body, options.body_size + (1 << 20), 1);
        got = fread(options.body + options.body_size, 1, 1 << 20, file);
        options.body_size += got;
    }
    (void)fclose(file);
}

static int group_named(const char *name) {
    static const struct {
        const char *name;
        int group;
    } groups[] = {{"X25519", WOLFSSL_ECC_X25519},
                  {"P-256", WOLFSSL_ECC_SECP256R1},
                  {"P-384", WOLFSSL_ECC_SECP384R1},
                  {"X25519MLKEM768", WOLFSSL_X25519MLKEM768},
                  {"SecP256r1MLKEM768", WOLFSSL_SECP256R1MLKEM768}};
    for (size_t i = 0; i < sizeof(groups) / sizeof(groups[0]); i++) {
        if (strcmp(name, groups[i].name) == 0) {
            return groups[i].group;
        }
    }
    fail("no such group");
}

static const char *suite_named(const char *name) {
    static const char *const suites[][2] = {
        {"TLS_AES_128_GCM_SHA256", "TLS13-AES128-GCM-SHA256"},
        {"TLS_AES_256_GCM_SHA384", "TLS13-AES256-GCM-SHA384"},
        {"TLS_CHACHA20_POLY1305_SHA256", "TLS13-CHACHA20-POLY1305-SHA256"}};
    for (size_t i = 0; i < sizeof(suites) / sizeof(suites[0]); i++) {
        if (strcmp(name, suites[i][0]) == 0) {
            return suites[i][1];
        }
    }
    fail("no such suite");
}

static unsigned number(const char *text, unsigned most) {
    char *end;
    unsigned long value = strtoul(text, &end, 10);
    if (end == text || *end != '\0' || value < 1 || value > most) {
        fail("an option has a number that is out of range");
    }
    return (unsigned)value;
}

static void take_downloads(const char *text) {
    char *at;
    unsigned long count = strtoul(text, &at, 10);
    if (count < 1 || count > DOWNLOADS_MAX || *at != ',') {
        fail("--beside: N,SIZE,PATH");
    }
    options.downloads = (unsigned)count;
    options.download_size = strtoull(at + 1, &at, 10);
    if (*at != ',' || at[1] != '/') {
        fail("--beside: N,SIZE,PATH");
    }
    options.download_path = at + 1;
}

static void take_option(const char *name, const char *value) {
    if (strcmp(name, "--path") == 0) {
        options.path = value;
    } else if (strcmp(name, "--name") == 0) {
        options.name = value;
    } else if (strcmp(name, "--host") == 0) {
        options.host = value;
    } else if (strcmp(name, "--names") == 0) {
        options.names = number(value, 1000000);
    } else if (strcmp(name, "--body") == 0) {
        load_body(value);
    } else if (strcmp(name, "--group") == 0) {
        options.group = group_named(value);
    } else if (strcmp(name, "--suite") == 0) {
        options.suite = suite_named(value);
    } else if (strcmp(name, "--sources") == 0) {
        options.sources = number(value, 200);
    } else if (strcmp(name, "--priority") == 0) {
        options.priority = value;
    } else if (strcmp(name, "--beside") == 0) {
        take_downloads(value);
    } else if (strcmp(name, "--flood") == 0) {
        options.flood = http2_flood_named(value);
    } else if (strcmp(name, "--websocket") == 0) {
        options.message_size = number(value, MESSAGE_MAX);
    } else {
        fail("unknown option");
    }
}

static void resolve(const char *host, const char *port) {
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM,
                             .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV};
    struct addrinfo *found;
    if (getaddrinfo(host, port, &hints, &found) != 0) {
        fail("HOST and PORT must be numbers");
    }
    memcpy(&options.address, found->ai_addr, found->ai_addrlen);
    options.address_size = found->ai_addrlen;
    freeaddrinfo(found);
}

int main(int count, char **words) {
    if (count < 3) {
        fail("usage: client HOST PORT [option...]");
    }
    resolve(words[1], words[2]);
    for (int i = 3; i < count; i++) {
        if (strcmp(words[i], "--resume") == 0) {
            options.resume = true;
        } else if (strcmp(words[i], "--plain") == 0) {
            options.plain = true;
        } else if (strcmp(words[i], "--http2") == 0) {
            options.http2 = true;
        } else if (i + 1 < count) {
            take_option(words[i], words[i + 1]);
            i++;
        } else {
            fail("unknown option");
        }
    }
    bool needs_http2 = options.downloads > 0 || options.flood != NULL || options.priority != NULL;
    if ((needs_http2 && !options.http2) || (options.http2 && options.message_size > 0)) {
        fail("options that exclude each other");
    }
    // Timers that fire when they should: the default may be 50 µs late.
    (void)prctl(PR_SET_TIMERSLACK, 1);
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &limit);
    }
    start_pool();
    char line[256];
    while (fgets(line, sizeof(line), stdin) != NULL && strcmp(line, "quit\n") != 0) {
        obey(line);
    }
    return 0;
}
