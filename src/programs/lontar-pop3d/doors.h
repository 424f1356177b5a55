/* All sessions of the gateway, under the master, until he says stop. */
#ifndef POP3D_DOORS_H
#define POP3D_DOORS_H

#include <stdbool.h>

#include "base/attr.h"
#include "base/err.h"

/* False and err: it could not begin. */
bool doors_serve(int *exit_code_out, struct err *err) MUST_USE;

#endif
