// The results of functions that can fail or have to wait. Every caller checks the result. In the
// code of a caller, success runs straight down and failures branch.
#ifndef RAVELIN_BASE_RESULT_H
#define RAVELIN_BASE_RESULT_H

enum result {
    RESULT_OK = 0,
    RESULT_AGAIN, // not finished; call again with more input or output room, or later
    RESULT_EOF,   // the other side ended the connection in an orderly way
    RESULT_ERROR, // final; the function's header says where the reason is
};

#define MUST_CHECK __attribute__((warn_unused_result))

#endif
