// `ravelin doctor HOST:PORT`: tests any TLS server for weak settings, and prints what it sent and
// what the server replied.
//
// Makes about fifty connections, one after the other, each bounded in time and bytes. The only
// traces in the server are log lines. It has no key and changes nothing.
#ifndef RAVELIN_DOCTOR_DOCTOR_H
#define RAVELIN_DOCTOR_DOCTOR_H

// Runs the command. `arguments` begin with the word "doctor". Exit status: 0: no check failed. 1: a
// check failed. 2: usage error, or the server cannot be reached.
int doctor_command(int count, char **arguments, const char *version);
void doctor_print_usage(void);

#endif
