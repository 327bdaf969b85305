// ACME challenges of the type http-01 (RFC 8555 8.3): which requests are for one, and the backend
// that answers them.
//
// A worker can open no file. So a process of its own reads the files (process/challenge_server.h)
// and speaks HTTP with the workers, who forward these requests as they forward any other: with the
// same bounds, timeouts and log lines. To the workers the process is the one server of a backend
// that no configuration file names.
//
// The backend is not in the image of a configuration (image.h). Each process that opens a bundle
// adds it, as the last one.
#ifndef RAVELIN_CONFIG_CHALLENGE_H
#define RAVELIN_CONFIG_CHALLENGE_H

#include "base/slice.h"
#include "config/config.h"

#define CHALLENGE_PREFIX "/.well-known/acme-challenge/"
#define CHALLENGE_TOKEN_MAX 128

// The token of the path of a challenge. Empty: the path is none. A token has 1 to 128 letters,
// digits, '-' and '_', so it is the name of a file in one folder.
struct slice challenge_token(struct slice path);

// The folder of a configuration, NULL: it has none.
const char *challenge_folder(const struct config *config);

// Adds the backend if the configuration has a folder. The address of its server is in the server
// table only. False: memory is short.
bool challenge_add_backend(struct config *config);

#endif
