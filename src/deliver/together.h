/*
 * Several who are named together, by an alias or a .qmail file: one who is refused must
 * not keep it from the others. Then it goes to lontar-dispatch, which tells them apart
 * and bounces him alone. Where all are refused, or the way goes in a circle, the client
 * hears it at once.
 */
#ifndef DELIVER_TOGETHER_H
#define DELIVER_TOGETHER_H

#include "base/attr.h"
#include "base/err.h"
#include "deliver/route.h"

struct together {
	size_t before; /* destinations when it began; the rest is zero then */
	unsigned fine, refused;
	bool has_ended; /* by what nobody can mend */
	struct err why; /* of the first who was refused */
};

/* The next one: fine, or err. False: nobody else need be looked at. */
bool together_add(struct together *together, bool fine, const struct err *err) MUST_USE;

/* True: all are on their way, or, *apart_out, only some are, and nothing of it has been
 * added. */
bool together_end(const struct together *together, struct destinations *out,
		  bool *apart_out, struct err *err) MUST_USE;

#endif
