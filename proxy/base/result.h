// The one result vocabulary. Every function that can fail to finish returns one of these and every
// caller looks at it: success runs straight down, failures branch.
#ifndef RAVELIN_BASE_RESULT_H
#define RAVELIN_BASE_RESULT_H

enum result {
    RESULT_OK = 0,
    RESULT_AGAIN, // nothing is wrong; call again when there is more input, output room or time
    RESULT_EOF,   // the other side finished in an orderly way
    RESULT_ERROR, // final; the object says why
};

#define MUST_CHECK __attribute__((warn_unused_result))

#endif
