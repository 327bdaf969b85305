// The layout of a bundle: magic and count, then for each file its kind, sizes, path and content.
// bundle_read.c writes it, bundle.c reads it. Host byte order.
// Private to bundle.c, bundle_read.c, bundle_texts.h and bundle_texts.c.
#ifndef RAVELIN_CONFIG_BUNDLE_FORMAT_H
#define RAVELIN_CONFIG_BUNDLE_FORMAT_H

#include <fcntl.h>
#include <stdint.h>

#define BUNDLE_MAGIC UINT64_C(0x656c646e75427652) // "RvBundle"
#define BUNDLE_SEALS (F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)

enum bundle_kind {
    BUNDLE_CONFIG = 1, // the text of the configuration
    BUNDLE_IMAGE,      // the checked configuration: image.h
    BUNDLE_CERTIFICATE,
    BUNDLE_KEY,
    BUNDLE_OCSP,
    BUNDLE_CLIENT_CA,
    BUNDLE_CLIENT_CRL,
    BUNDLE_PAGE,
    BUNDLE_INCLUDE,      // a text that the configuration includes
    BUNDLE_ADDRESS_FILE, // a list of addresses; the image has its contents
    BUNDLE_RESOLV_CONF,  // /etc/resolv.conf
    BUNDLE_USERS,        // names and hashes, in the third bundle
    BUNDLE_USERS_MARK    // digest of a BUNDLE_USERS, for workers
};

struct bundle_head {
    uint64_t magic;
    uint64_t count; // of entries
};

// Followed by the path, a NUL that path_size does not count, and the content. Not aligned.
struct bundle_entry {
    uint64_t kind;
    uint64_t path_size;
    uint64_t content_size;
};

#endif
