// The part of a session that drives its TLS handshake: bytes between socket and tls/handshake, the
// way to the signer, the hand-over to the record layer. Only session.c includes it.
#ifndef RAVELIN_SESSION_HANDSHAKE_STEP_H
#define RAVELIN_SESSION_HANDSHAKE_STEP_H

#include "session/session.h"

// False when memory is short.
bool session_begin_handshake(struct session *session);
// One step. RESULT_OK when another may follow at once; the session may be open, lingering or closed
// afterwards.
enum result session_handshake_step(struct session *session) MUST_CHECK;
// Counts and logs a handshake that ended for a reason outside of it; the caller closes the session.
void session_handshake_broken(struct session *session, enum refusal_reason reason);
// Lets go of the handshake, its generation and the signature it may wait for; once more is fine.
void session_drop_handshake(struct session *session);

#endif
