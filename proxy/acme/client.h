// Runs the ACME client, lego, for one certificate: a separate program that connects to the CA.
//
// Reasons for lego: it is one program without scripts. Its language is memory-safe, which matters
// when responses of a CA are parsed. It accepts a request that another process has made, so it
// never has the key of a site. It accepts the root of the CA (`ca`). uacme lacks the last, and
// certbot needs an interpreter and thirty packages. None of them supports ACME Renewal Information
// in Debian 12 and 13.
//
// lego writes challenges into a folder from which the challenge server reads them
// (process/challenge_server.h). lego's own HTTP server (--http.port) is not used, because it cannot
// get a socket from the master. Any local user could bind its port while lego does not run, and get
// certificates for the names of this host. It would also let the public connect to the process that
// has the account. tls-alpn-01 is not used, because lego would have to be a TLS server, and workers
// would have to pass it handshakes without checking them.
//
// Bounds: one client at a time, for at most CLIENT_TIMEOUT_S. It can write files of at most
// CLIENT_FILE_MAX bytes. The last CLIENT_TAIL_SIZE bytes of its output are kept. It dies with the
// process that runs it.
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
    pid_t pid;  // 0: not running
    int output; // its stdout and stderr; -1: closed
    int64_t started_ms;
    size_t tail_size;
    char tail[CLIENT_TAIL_SIZE];
};

void client_init(struct acme_client *client);
// Starts the client. None may run. `file`: `acme_file` of the expanded config. False, with errno.
bool client_start(struct acme_client *client, const struct config *config, const char *file);
// Call it when the output is readable or the time is over. RESULT_AGAIN: still running. RESULT_OK:
// success. RESULT_ERROR: failure; `reason` is printable, one line.
enum result client_advance(struct acme_client *client, char reason[CLIENT_REASON_SIZE]) MUST_CHECK;
// Milliseconds until CLIENT_TIMEOUT_S has passed.
int64_t client_time_left(const struct acme_client *client);
void client_stop(struct acme_client *client); // does nothing if none runs

// Extracts the reason from the output of a failed client: all except its progress, on one line,
// printable.
void client_find_reason(const char *tail, size_t size, char reason[CLIENT_REASON_SIZE]);

#endif
