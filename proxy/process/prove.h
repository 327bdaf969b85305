// `ravelin prove [-c FILE] [--json]` prints what this program can and cannot negotiate
// (tls/prove/prove.h), the hashes of the executable and of the running proxy, and the limits of its
// processes.
//
// Facts about the running proxy come from its master, over the control socket: the values of its
// configuration, and descriptors of its executable and of its loaded bundle, which are hashed here.
// This bundle has no private keys, and no claim is made about them. The sandbox of each process is
// read from /proc.
//
// JSON output is one object. Its names never change:
//   {"ravelin", "holds", "executable": {"path", "sha256", "symbols"}, "libraries": {NAME: VERSION},
//    "kernel", "negotiates": {"versions", "suites", "groups", "signatures",
//      "tickets": {"psk_dhe_ke", "psk_ke", "early_data"}}, "compiled_suites",
//    "claims": [{"name", "claim", "holds", "proofs": [{"kind", "subject", "how", "holds"}]}],
//    "configuration": null or {"path", "sha256"}, as it is on disk,
//    "running": null or {"pid", "version", "generation", "same_executable", "executable_sha256",
//      "policies": {"require_post_quantum", "ticket_lifetime_s"},
//      "files": [{"path", "sha256", "on_disk": "same"|"different"|"unreadable"}], the first is the
//        configuration,
//      "processes": [{"kind", "slot", "pid", "state", "uid", "seccomp", "no_new_privileges",
//        "capabilities", "sandboxed"}]}}
// "holds" of a proof is null if this executable cannot show it, because it is stripped.
#ifndef RAVELIN_PROCESS_PROVE_H
#define RAVELIN_PROCESS_PROVE_H

#include <stdbool.h>

// `config_path` may be NULL. Exit status:
//   0  every claim holds, and the running proxy has this executable, in its sandbox
//   1  a claim does not hold or could not be tested
//   2  no such file
int prove_command(const char *config_path, bool as_json, const char *version);

#endif
