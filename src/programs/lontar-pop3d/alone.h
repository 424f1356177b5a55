/* One session on stdin and stdout, for a client that tcpserver or inetd let in. */
#ifndef POP3D_ALONE_H
#define POP3D_ALONE_H

#include <stdbool.h>

#include "base/attr.h"
#include "base/err.h"

/* False and err: it could not begin, and the client has been told to try later. */
bool alone_serve(int *exit_code_out, struct err *err) MUST_USE;

#endif
