// `ravelin prove [-c FILE] [--json]`: what this binary can negotiate and what it cannot
// (tls/prove/prove.h), the hashes of the executable and of what runs, and what is in force there.
//
// What runs is read back from the running master: over the control socket come the values of its
// configuration, and descriptors of its own executable and of the bundle it has loaded, which are
// hashed here. Private keys are not in that bundle, and nothing is said about them. The sandbox of
// each process is what the kernel says about it in /proc.
//
// JSON, one object, whose names do not change:
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
// "holds" of a proof is null where this executable cannot tell (it is stripped).
#ifndef RAVELIN_PROCESS_PROVE_H
#define RAVELIN_PROCESS_PROVE_H

#include <stdbool.h>

// `config_path` may be NULL. Exit status 0: every claim holds, and what runs is this executable, in
// its sandbox. 1: something does not hold or could not be found out. 2: no such file.
int prove_command(const char *config_path, bool as_json, const char *version);

#endif
