// The bundle: the config text and every file it names, as one value of bytes.
//
// Only the master (and `ravelin check`) builds a bundle, by reading files. Everybody else gets its bytes
// in a sealed memfd and looks files up by the absolute path the config gives them. Private keys go into a
// second, separate bundle that only signers receive; the buffers they were read through are wiped.
//
// Format (private to this module, host byte order, one machine): magic, count, then per file: kind, path
// size, content size, path, content. Reading checks every size against the mapping: a damaged bundle is
// an error, never an overrun.
//
// Ownership: a bundle owns its mapping and its descriptor; bundle_close() unmaps and closes.
#ifndef RAVELIN_CONFIG_BUNDLE_H
#define RAVELIN_CONFIG_BUNDLE_H

#include "base/result.h"
#include "base/slice.h"
#include "config/config.h"

struct bundle {
    int fd;              // memfd, sealed against any change
    const uint8_t *data; // read-only mapping; NULL while not mapped
    size_t size;
};

struct bundle_pair {
    struct bundle files; // config text (first) and certificates
    struct bundle keys;  // private keys only
};

// Reads the config file, checks it, reads the files it names (at most 1 MiB each) and fills both bundles.
// On success *config is the checked config and belongs to the caller. On failure nothing is left open and
// `error` says file:line and what (a missing file names the config line that asked for it).
enum result bundle_read(const char *path, struct bundle_pair *pair, struct config **config,
                        char error[CONFIG_ERROR_SIZE]) MUST_CHECK;

// Maps a bundle received from another process. Takes ownership of fd (closed on failure too).
enum result bundle_open(int fd, struct bundle *bundle) MUST_CHECK;
void bundle_close(struct bundle *bundle);

// The config text and the path it was read from.
struct slice bundle_config_text(const struct bundle *bundle);
struct slice bundle_config_path(const struct bundle *bundle);
// The content of a file by absolute path; data is NULL when it is not in the bundle.
struct slice bundle_file(const struct bundle *bundle, const char *path);
// Content by position, for signers, which take every key there is: false past the last.
bool bundle_file_at(const struct bundle *bundle, size_t index, struct slice *path, struct slice *content);

#endif
