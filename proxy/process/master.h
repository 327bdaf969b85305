// The master: reads and checks the configuration, binds, starts a signer and a worker for every
// slot, replaces what dies, and carries out what signals and the control socket ask for. It runs no
// TLS and no HTTP and reads nothing from the network.
//
//   HUP   reload            USR1  reopen the log files (logs.h)       USR2  upgrade (upgrade.h)
//   TERM  drain, then end; once more: stop        INT  stop at once
//
// Everything that can fail is tried before the first fork: a bad configuration ends with 2,
// anything else with 1, and nothing was started. From "ravelin: ready" on the proxy serves; from
// then on no failure of a child ends it.
//
// The parts: source.h (what is loaded), children.h (processes), reload.h (the two-phase change of
// the generation), auto_reload.h (when files change), orders.h (commands), logs.h (which logs are
// in use). master.c alone knows them all; what they tell and ask comes back through handlers.
#ifndef RAVELIN_PROCESS_MASTER_H
#define RAVELIN_PROCESS_MASTER_H

#include "process/spawn.h"

// The whole life of the master, in the foreground. Returns the exit status.
int master_run(const char *config_path, const char *version, const struct title *title);

#endif
