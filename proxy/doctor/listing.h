// Prints the results of an audit: a list for people, or JSON for programs.
//
// JSON. Its names and the ids of checks never change:
//   {"ravelin": VERSION, "target": {"host", "port", "name", "address"},
//    "checks": [{"id", "result": "pass"|"fail"|"warn"|"skip", "title", "tried", "came", "why"}],
//    "summary": {"checks", "pass", "fail", "warn", "skip"}}
// `name` is the SNI; "": none.
#ifndef RAVELIN_DOCTOR_LISTING_H
#define RAVELIN_DOCTOR_LISTING_H

#include "doctor/checks.h"

#include <stdio.h>

struct listing {
    FILE *output;
    bool json;
    unsigned counts[OUTCOME_SKIP + 1]; // by outcome
};

void listing_begin(struct listing *listing, const struct audit *audit, const char *version);
void listing_add(struct listing *listing, const struct check *check, const struct finding *finding);
void listing_end(struct listing *listing);

#endif
