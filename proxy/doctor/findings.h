// The report of an audit: a list for people, or JSON for programs.
//
// JSON, whose names and the ids of checks do not change:
//   {"ravelin": VERSION, "target": {"host", "port", "name", "address"},
//    "checks": [{"id", "result": "pass"|"fail"|"warn"|"skip", "title", "tried", "came", "why"}],
//    "summary": {"checks", "pass", "fail", "warn", "skip"}}
// `name` is the SNI, "" when there is none.
#ifndef RAVELIN_DOCTOR_FINDINGS_H
#define RAVELIN_DOCTOR_FINDINGS_H

#include "doctor/checks.h"

#include <stdio.h>

struct findings {
    FILE *output;
    bool json;
    unsigned counts[OUTCOME_SKIP + 1]; // by outcome
};

void findings_begin(struct findings *findings, const struct audit *audit, const char *version);
void findings_add(struct findings *findings, const struct check *check,
                  const struct finding *finding);
void findings_end(struct findings *findings);

#endif
