// The master: reads and checks the configuration, binds sockets, starts the children, replaces
// those that die, and executes signals and orders of the control socket. It runs no TLS and no
// HTTP, and reads nothing from the network.
//
//   HUP   reload                      TERM  drain, then exit; the second time: stop
//   USR1  reopen the logs (logs.h)    INT   stop at once
//   USR2  upgrade (upgrade.h)
//
// Everything that can fail is done before the first fork. A configuration with an error exits with
// 2, any other failure with 1; no child was started then. After "ravelin: ready" the proxy serves.
// From then on, no failure of a child makes the master exit.
//
// The parts: source.h (loaded files), children.h (processes), reload.h (the two-phase change of the
// generation), auto_reload.h (reloads after file changes), orders.h (commands), logs.h (the logs in
// use). Only master.c uses all of them. They call back through handlers.
#ifndef RAVELIN_PROCESS_MASTER_H
#define RAVELIN_PROCESS_MASTER_H

#include "process/spawn.h"

// Runs the master in the foreground. Returns the exit status.
int master_run(const char *config_path, const char *version, const struct title *title);

#endif
