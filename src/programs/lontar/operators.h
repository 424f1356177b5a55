/* run/master: operators who stop and start single services (ipc/operate.h). */
#ifndef PROGRAMS_LONTAR_OPERATORS_H
#define PROGRAMS_LONTAR_OPERATORS_H

#include "base/attr.h"
#include "base/err.h"

struct master;
struct operators;

/* Listens. NULL and err. */
struct operators *operators_open(struct master *master, struct err *err) MUST_USE;
void operators_close(struct operators *operators); /* NULL does nothing */

/* Something changed with the services: answers those whose wish is fulfilled. */
void operators_look(struct operators *operators);

#endif
