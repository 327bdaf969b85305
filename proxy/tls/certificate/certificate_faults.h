// Finds out why a certificate cannot be read (RFC 5280 4.1), for messages about a file. wolfSSL
// gives one error for many faults, so this module reads the certificate again and names the first
// wrong field. It runs only after certificate_read() failed, and never for a client's certificate.
// No I/O, no allocation.
#ifndef RAVELIN_TLS_CERTIFICATE_CERTIFICATE_FAULTS_H
#define RAVELIN_TLS_CERTIFICATE_CERTIFICATE_FAULTS_H

#include "base/slice.h"

#define CERTIFICATE_FAULT_SIZE 192

// Returns `text`, such as "its serial number is negative". If no fault is found, the text is
// wolfSSL's.
const char *certificate_fault(struct slice der, char text[CERTIFICATE_FAULT_SIZE]);

#endif
