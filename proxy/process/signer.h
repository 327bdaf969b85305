// The signer: the only process that holds private keys.
//
// It has one data socket (to one worker) and one control socket (to the master), no other
// descriptor, no file access and no network. On the data socket it answers sign requests
// (tls/handshake/signature.h), nothing else; on the control socket it takes key bundles. Keys of
// the two generations before the current one are kept, so that handshakes begun before a reload can
// end; older ones are wiped.
//
// What it never does: parse anything from the network, hand out a key, log a key or a request's
// data.
#ifndef RAVELIN_PROCESS_SIGNER_H
#define RAVELIN_PROCESS_SIGNER_H

#include "base/result.h"
#include "config/bundle.h"
#include "tls/handshake/signature.h"

struct signer_keys; // all keys of the last generations

struct signer_keys *signer_keys_new(void);
void signer_keys_free(struct signer_keys *keys); // wipes
// Takes in the keys of a generation. The bundle's mapping is not kept.
enum result signer_keys_load(struct signer_keys *keys, uint64_t generation,
                             const struct bundle *bundle) MUST_CHECK;
// Wipes the keys of the newest generation again, when that is `generation`: a reload that did not
// come to be.
void signer_keys_drop(struct signer_keys *keys, uint64_t generation);
// Fills the whole response. It is a refusal, with a signature_size of 0 and nothing but zeros, when
// the key is unknown or the request makes no sense.
void signer_sign(struct signer_keys *keys, const struct sign_request *request,
                 struct sign_response *response);

#endif
