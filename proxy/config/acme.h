// Certificates that Ravelin orders by itself (`certificate acme {}`): what a configuration says of
// them, and where their files are.
//
// Each name of the site gets a certificate of its own, so that a name that the authority refuses
// leaves the others alone. A client gets the one of the name that it asks for. All keys are ECDSA
// P-256.
//
//   FOLDER/keys/NAME.key      the key. Only the master's user may look into the folder `keys`
//   FOLDER/keys/NAME.pem      a certificate of Ravelin's own making, used until there is another
//   FOLDER/requests/NAME.csr  what the authority is asked to sign, with that key
//   FOLDER/work/NAME.pem      the certificate of the authority, with its chain
//   FOLDER/work/webroot/      challenges, as `acme-challenge` of all redirect listeners
//   FOLDER/work/lego/         the account, and what the ACME client keeps
//
// acme/keys.h makes what is in the first two folders. The process that talks to the authority
// (process/acme_process.h) can write the folder `work` and read `requests`.
//
// The image of a configuration has what is in its file: one certificate with the path CONFIG_ACME.
// acme_expand() puts the certificates of the names in its place, after the image is read or
// written.
#ifndef RAVELIN_CONFIG_ACME_H
#define RAVELIN_CONFIG_ACME_H

#include "config/config.h"
#include "config/report.h"

#define ACME_PATH_MAX 4096

// Whether a site has such a certificate.
bool acme_is_used(const struct config *config);
// Reports what is missing or cannot be ordered.
void acme_check(const struct config *config, struct report *report);
// False: memory is short. Once more changes nothing.
bool acme_expand(struct config *config);

// The paths of the certificates that are ordered, of an expanded config. The caller frees the
// array; the paths are the config's. NULL: memory is short.
const char **acme_list_paths(const struct config *config, size_t *count);

// Writes FOLDER/`place`/`name``ending` ("keys", "a.test", ".key"). False: it is too long.
bool acme_path(const struct config *config, const char *place, const char *name, const char *ending,
               char path[ACME_PATH_MAX]);

#endif
