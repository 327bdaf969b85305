// The bundle: the config text, the checked config and every file it names, as one value of bytes.
//
// Only the reader of the master (process/reading.h) and `ravelin check` build a bundle, by reading
// files. Every other process gets
// its bytes in a sealed memfd, takes the checked config from it (bundle_config()) without parsing
// the text, and looks files up by the absolute path the config gives them. Private
// keys go into a second, separate bundle that only signers receive; the buffer they were read
// through is wiped.
//
// Format (private to this module, host byte order, one machine): magic, count, then per file: kind,
// path size, content size, path, content. Reading checks every size against the mapping: a damaged
// bundle is an error, never an overrun. A file that is named twice is in it once. Opening it makes
// an index, so that looking a file up takes no longer among ten thousand.
//
// Ownership: a bundle owns its mapping, its index and its descriptor; bundle_close() lets all go. A
// mapping of keys is left out of core dumps and of processes forked later; their descriptor is not:
// a process that must not see keys closes it.
#ifndef RAVELIN_CONFIG_BUNDLE_H
#define RAVELIN_CONFIG_BUNDLE_H

#include "base/result.h"
#include "base/slice.h"
#include "config/config.h"

struct bundle {
    int fd;              // memfd, sealed against any change; -1 when closed
    const uint8_t *data; // read-only mapping; NULL while not mapped
    size_t size;
    struct bundle_index *index; // where each file lies
};

#define BUNDLE_WARNINGS_SIZE 4096

struct bundle_pair {
    struct bundle files; // config text (first), its image, certificates, OCSP, client-ca, -crl
    struct bundle keys;  // private keys only
    // Of bundle_read(), lines as report.h writes them: keys that only their place protects. Or "".
    char warnings[BUNDLE_WARNINGS_SIZE];
};

#define BUNDLE_FILE_MAX                                                                            \
    ((size_t)1 << 20) // of most files; the config text and a client-crl: CONFIG_TEXT_MAX

// Reads the config file, checks it, reads the files it names and fills both bundles, mapped. On
// success *config is the checked config and belongs to the caller, and `error` is empty. On failure
// nothing is left open and `error` says file:line and what; a missing file is named with the config
// line that asked for it, and all files that cannot be used are named.
//
// Refused: what is not a regular file, empty or over the limit; a key that others may change or
// that any user can read (key_file.h); a certificate file with a private key in it, because workers
// get certificates and never keys.
enum result bundle_read(const char *path, struct bundle_pair *pair, struct config **config,
                        char error[CONFIG_ERROR_SIZE]) MUST_CHECK;

// The same for the config text that a bundle holds: the files it names are read as they are now.
enum result bundle_read_again(const struct bundle *files, struct bundle_pair *pair,
                              struct config **config, char error[CONFIG_ERROR_SIZE]) MUST_CHECK;
// Every file that a config names, the certificates' and the keys', by absolute path, each once or
// oftener. The array is the caller's to free, the paths are the config's. NULL: memory is short.
const char **bundle_list_paths(const struct config *config, size_t *count);

// Maps a bundle received from another process. Takes ownership of fd (closed on failure too).
// Refuses what is not sealed and what is not a whole bundle.
enum result bundle_open(int fd, struct bundle *bundle) MUST_CHECK;
void bundle_close(struct bundle *bundle); // once more is fine
// Whether both hold the same files with the same content.
bool bundle_equal(const struct bundle *a, const struct bundle *b);

// The checked config, built from its image (image.h): takes time and memory in proportion to it,
// and needs neither libconfuse nor a file. NULL with `error` when the image is damaged or memory is
// short. The caller frees it with config_free(). `path`: how the config names its file; NULL: by
// the absolute path.
struct config *bundle_config(const struct bundle *bundle, const char *path,
                             char error[CONFIG_ERROR_SIZE]);
// The config text and the absolute path it was read from: what bundle_read_again() parses. data is
// NULL when the bundle has none. In a bundle a NUL follows every path.
struct slice bundle_config_text(const struct bundle *bundle);
struct slice bundle_config_path(const struct bundle *bundle);
// The content of a certificate or key by absolute path; data is NULL when it is not in the bundle.
struct slice bundle_file(const struct bundle *bundle, const char *path);
// Content by position, for signers, which take every key there is: false past the last.
bool bundle_file_at(const struct bundle *bundle, size_t index, struct slice *path,
                    struct slice *content);

#endif
