// Runs the ACME client, lego, for one certificate: a program of its own that talks to the
// authority.
//
// Why lego: it is one program without a script, its language is safe from errors of memory, which
// counts where an authority's answers are read, it takes a request that another process has made
// (so it never has the key of a site), and it takes the authority's own root (`ca`). uacme lacks
// the last, and certbot needs an interpreter and thirty packages. None of them, in Debian 12 and
// 13, knows ACME Renewal Information.
//
// Bounds: one client at a time, for at most CLIENT_TIMEOUT_S. It may write files of at most
// CLIENT_FILE_MAX bytes. Of what it prints, the last CLIENT_TAIL_SIZE bytes are kept. It dies with
// the process that runs it.
#ifndef RAVELIN_ACME_CLIENT_H
#define RAVELIN_ACME_CLIENT_H

#include "base/result.h"
#include "config/config.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define CLIENT_PROGRAM "/usr/bin/lego"
#define CLIENT_TIMEOUT_S 180
#define CLIENT_FILE_MAX (1 << 20)
#define CLIENT_TAIL_SIZE 4096
#define CLIENT_REASON_SIZE 700

struct acme_client {
    pid_t pid;  // 0: none runs
    int output; // what it prints; -1: closed
    int64_t started_ms;
    size_t tail_size;
    char tail[CLIENT_TAIL_SIZE];
};

void client_init(struct acme_client *client);
// False, with errno. None may run. The config is expanded; `name` is one of its names.
bool client_start(struct acme_client *client, const struct config *config, const char *name);
// Call it when the output is readable, or the time is over. RESULT_AGAIN: it runs on. RESULT_OK: it
// has ended well. RESULT_ERROR: it has not, and `reason` says why: printable, one line.
enum result client_advance(struct acme_client *client, char reason[CLIENT_REASON_SIZE]) MUST_CHECK;
// Milliseconds until its time is over.
int64_t client_time_left(const struct acme_client *client);
void client_stop(struct acme_client *client); // none: nothing

// Finds what matters in the output of a client that has failed: all but its progress, on one line,
// printable.
void client_find_reason(const char *tail, size_t size, char reason[CLIENT_REASON_SIZE]);

#endif
