// A bundle: the text of the configuration, the checked configuration and every file that the
// configuration names, as one value of bytes.
//
// Only the master's reader (process/reading.h) and `ravelin check` read these files and build
// bundles. Every other process gets the bytes in a sealed memfd. It builds the checked
// configuration from the bundle (bundle_config()) without parsing the text. It finds a file by its
// absolute path in the configuration. Private keys are in a second bundle, for signers only. Users
// with the hashes of their passwords are in a third bundle, for auth processes only. The buffer
// through which keys were read is wiped.
//
// The format is private to this module (bundle_format.h): host byte order, one machine.
// bundle_open() checks every size against the mapping: a damaged bundle is an error, never an
// overrun. A file that is named twice is stored once. An index makes the time to find a file
// independent of the number of files.
//
// Ownership: a bundle owns its mapping, its index and its descriptor; bundle_close() releases them.
// A mapping of keys is in no core dump and no process forked later. The descriptor is inherited: a
// process that must not read keys closes it.
#ifndef RAVELIN_CONFIG_BUNDLE_H
#define RAVELIN_CONFIG_BUNDLE_H

#include "base/result.h"
#include "base/slice.h"
#include "config/config.h"

struct bundle {
    int fd;              // sealed memfd; -1: closed
    const uint8_t *data; // read-only mapping; NULL: closed
    size_t size;
    struct bundle_index *index; // where each file is stored
};

#define BUNDLE_WARNINGS_SIZE 4096

struct bundle_pair {
    struct bundle files; // texts, image, certificates, OCSP responses, client-ca, client-crl, and
                         // /etc/resolv.conf if names are looked up by its resolvers
    struct bundle keys;  // private keys only
    struct bundle users; // files of users only (users_file.h)
    // Set by bundle_read(): "", or lines (report.h) about keys that only their folder protects.
    char warnings[BUNDLE_WARNINGS_SIZE];
};

// Largest size of a file. The configuration and a client-crl may have CONFIG_TEXT_MAX bytes.
#define BUNDLE_FILE_MAX ((size_t)1 << 20)
// Largest size of a page, because a page is sent at once from a buffer of the session.
#define BUNDLE_PAGE_MAX ((size_t)32 << 10)

// Reads and checks the configuration, reads the files that it names, and fills all three bundles.
//   config  out: the checked configuration, the caller's to free
//   OK      `error` is empty
//   ERROR   nothing is left open; `error` has a line "file:line: problem" for each file that cannot
//           be used, with the line of the configuration that names the file
//
// Refused are: a file that is not regular, is empty or is too large; a key that other users can
// change or any user can read (key_file.h); a certificate file that contains a private key, because
// workers get certificates and never keys.
//
// Files of ordered certificates (acme.h) may be missing: they are left out.
enum result bundle_read(const char *path, struct bundle_pair *pair, struct config **config,
                        char error[CONFIG_ERROR_SIZE]) MUST_CHECK;

// Makes files that the configuration names and that Ravelin has to generate. False, with `why`: the
// configuration is refused.
#define BUNDLE_WHY_SIZE 512
typedef bool bundle_prepare(const struct config *config, char why[BUNDLE_WHY_SIZE]);

// The same, after prepare(). Then no file may be missing.
enum result bundle_read_prepared(const char *path, bundle_prepare *prepare,
                                 struct bundle_pair *pair, struct config **config,
                                 char error[CONFIG_ERROR_SIZE]) MUST_CHECK;

// The same for the text in a bundle. The text and its includes are not read from disk again; all
// other files are. `prepare` may be NULL.
enum result bundle_read_again(const struct bundle *files, bundle_prepare *prepare,
                              struct bundle_pair *pair, struct config **config,
                              char error[CONFIG_ERROR_SIZE]) MUST_CHECK;
// The absolute paths of all files that the configuration names, keys included. A path may be in the
// list more than once. The caller frees the array; the paths belong to the configuration. NULL:
// memory is short.
const char **bundle_list_paths(const struct config *config, size_t *count);

// Maps a bundle that another process made. Owns `fd`, and closes it on failure. ERROR: `fd` is not
// sealed or is not a whole bundle, or memory is short.
enum result bundle_open(int fd, struct bundle *bundle) MUST_CHECK;
void bundle_close(struct bundle *bundle); // does nothing to a closed bundle
void bundle_close_pair(struct bundle_pair *pair);
// True if both contain the same files with the same content.
bool bundle_equal(const struct bundle *a, const struct bundle *b);

// Returns the included texts, in no order. False: `index` is beyond the last one.
bool bundle_include_at(const struct bundle *bundle, size_t index, struct slice *path,
                       struct slice *content);

// Builds the checked configuration from its image (image.h), without libconfuse and without reading
// a file. Time and memory grow with the size of the configuration. The caller frees it with
// config_free(). `path`: the path that messages show; NULL: the absolute path. NULL is returned,
// with `error`, if the image is damaged or memory is short.
struct config *bundle_config(const struct bundle *bundle, const char *path,
                             char error[CONFIG_ERROR_SIZE]);
// The text of the configuration, and the absolute path of its file. data is NULL if the bundle has
// none. In a bundle, a NUL follows every path.
struct slice bundle_config_text(const struct bundle *bundle);
struct slice bundle_config_path(const struct bundle *bundle);
// The content of a file by its absolute path; data is NULL if the file is not in the bundle.
struct slice bundle_file(const struct bundle *bundle, const char *path);
// The file at a position, for signers, which load every key. False: `index` is beyond the last
// file.
bool bundle_file_at(const struct bundle *bundle, size_t index, struct slice *path,
                    struct slice *content);

#endif
