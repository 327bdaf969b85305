// The signer: the only process with decoded private keys.
//
// It has one data socket (to one worker) and one control socket (to the master), no other
// descriptor, no file access and no network. On the data socket it answers only sign requests
// (tls/handshake/signature.h). On the control socket it receives key bundles. It keeps the keys of
// the two generations before the current one, so that handshakes that began before a reload can
// finish. It wipes older keys.
//
// It never parses network data, hands out a key, or logs a key or the data of a request.
#ifndef RAVELIN_PROCESS_SIGNER_H
#define RAVELIN_PROCESS_SIGNER_H

#include "base/result.h"
#include "config/bundle.h"
#include "tls/handshake/signature.h"

struct signer_keys; // all keys of the last three generations

struct signer_keys *signer_keys_new(void);
void signer_keys_free(struct signer_keys *keys); // wipes the keys
// Adds the keys of a generation. Does not keep the bundle's mapping.
enum result signer_keys_load(struct signer_keys *keys, uint64_t generation,
                             const struct bundle *bundle) MUST_CHECK;
// Wipes the keys of the newest generation, if its number is `generation`, because its reload
// failed.
void signer_keys_drop(struct signer_keys *keys, uint64_t generation);
// Sets the whole response. If the key is unknown or the request is invalid, the response is a
// refusal: a signature_size of 0 and zeros.
void signer_sign(struct signer_keys *keys, const struct sign_request *request,
                 struct sign_response *response);

#endif
