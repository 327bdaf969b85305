// The words of options with a fixed set of words, in the order of their enums (config.h). Only
// options.c includes it.
#ifndef RAVELIN_CONFIG_OPTION_WORDS_H
#define RAVELIN_CONFIG_OPTION_WORDS_H

#include <stddef.h>

static const char *const log_words[] = {"off", "stdout", "stderr", "syslog", "journal", NULL};
static const char *const level_words[] = {"error", "warning", "info", "debug", NULL};
static const char *const format_words[] = {"json", "combined", "combined-reason", NULL};
static const char *const protocol_words[] = {"https", "redirect", "tcp", NULL};
static const char *const unknown_name_words[] = {"default-site", "refuse", NULL};
static const char *const acme_keys_words[] = {"ecdsa", "ecdsa-and-rsa", NULL};
static const char *const client_certificate_words[] = {"required", "optional", NULL};
static const char *const balance_words[] = {"round-robin", "least-connections", "random-two",
                                            "hash", NULL};
static const char *const hash_by_words[] = {"client", "path", "header", "cookie", NULL};
static const char *const redirect_words[] = {"301", "302", "303", "307", "308", NULL};
static const char *const statuses_words[] = {"no", "yes", NULL};
static const char *const proxy_protocol_words[] = {"off", "v1", "v2", NULL};

#endif
