// `ravelin doctor HOST:PORT`: tries on a live listener, ours or anybody's, what it should refuse
// and what it should do, and says what came of it.
//
// About fifty connections, one after the other, each bounded in time and bytes; nothing that leaves
// traces in the server but log lines. It holds no key and changes nothing.
#ifndef RAVELIN_DOCTOR_DOCTOR_H
#define RAVELIN_DOCTOR_DOCTOR_H

// `arguments` begin with the word "doctor". Returns the exit status: 0 no check failed, 1 one did,
// 2 bad usage, or nobody there.
int doctor_command(int count, char **arguments, const char *version);
void doctor_print_usage(void);

#endif
