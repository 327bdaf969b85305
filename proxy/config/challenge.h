// ACME challenges of the type http-01 (RFC 8555 8.3): recognises their requests, and adds the
// backend that responds to them.
//
// A worker cannot open files. So a process of its own reads the files (process/challenge_server.h)
// and serves them to the workers over HTTP. Workers forward these requests like any other: with the
// same bounds, timeouts and log lines. For the workers, the process is the only server of a backend
// that no configuration file names.
//
// This backend is not in the image of a configuration (image.h). Each process that opens a bundle
// adds it as the last backend.
#ifndef RAVELIN_CONFIG_CHALLENGE_H
#define RAVELIN_CONFIG_CHALLENGE_H

#include "base/slice.h"
#include "config/config.h"

#define CHALLENGE_PREFIX "/.well-known/acme-challenge/"
#define CHALLENGE_TOKEN_MAX 128

// Returns the token of a challenge's path. Empty: the path is not of a challenge. A token has 1 to
// 128 letters, digits, '-' and '_', so it is a valid file name in one folder.
struct slice challenge_token(struct slice path);

// The folder of `acme-challenge`. NULL: not configured.
const char *challenge_folder(const struct config *config);

// Adds the backend if the folder is configured. The address of its server is only in the server
// table. False: memory is short.
bool challenge_add_backend(struct config *config);

#endif
