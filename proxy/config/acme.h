// Certificates that Ravelin orders (`certificate acme {}`): their configuration, and the paths of
// their files.
//
// Each name of the site gets its own certificate, so that a name that the CA refuses does not
// affect the others. A client gets the certificate of the name that it requests. The key is ECDSA
// P-256. With `keys = ecdsa-and-rsa` each name has a second certificate, with an RSA key.
//
//   FOLDER/keys/FILE.key      the key. Only the master's user can enter the folder `keys`
//   FOLDER/keys/FILE.pem      a certificate that Ravelin generates, used until the CA has issued
//                             one
//   FOLDER/requests/FILE.csr  the request to the CA, signed with this key
//   FOLDER/work/FILE.pem      the certificate of the CA, with its chain
//   FOLDER/work/webroot/      challenges, as `acme-challenge` of all redirect listeners
//   FOLDER/work/lego/         the account, and other files of the ACME client
//
// FILE is the name. For an RSA key, "+rsa" follows, which no name contains.
//
// acme/keys.h makes the files in `keys` and `requests`. The process that connects to the CA
// (process/acme_process.h) can write the folder `work` and read `requests`.
//
// The image of a configuration has one certificate with the path CONFIG_ACME, as the configuration
// file does. acme_expand() replaces it with the certificates of the names, after the image is read
// or written.
#ifndef RAVELIN_CONFIG_ACME_H
#define RAVELIN_CONFIG_ACME_H

#include "config/config.h"
#include "config/report.h"

#define ACME_PATH_MAX 4096
#define ACME_CERTIFICATE_MAX 65536 // bytes of a certificate with its chain

// Whether a site has such a certificate.
bool acme_is_used(const struct config *config);
// Reports missing options, and names that cannot be ordered.
void acme_check(const struct config *config, struct report *report);
// Expands the certificates. False: memory is short. A second call changes nothing.
bool acme_expand(struct config *config);

// Returns the paths of ordered certificates, of an expanded config. The caller frees the array; the
// config owns the paths. NULL: memory is short.
const char **acme_list_paths(const struct config *config, size_t *count);

// Writes FOLDER/`place`/`file``ending` ("keys", "a.test", ".key"). False: the path is too long.
bool acme_path(const struct config *config, const char *place, const char *file, const char *ending,
               char path[ACME_PATH_MAX]);

#endif
