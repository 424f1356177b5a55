/* The files of the project's control/ folder, built in: what `lontar init` writes, so
 * that every setting of a new gateway explains itself. */
#ifndef PROGRAMS_LONTAR_SAMPLES_H
#define PROGRAMS_LONTAR_SAMPLES_H

#include <stddef.h>

#include "base/span.h"

struct sample {
	const char *name; /* below control/ */
	const char *begin;
	const char *end;
};

/* The i-th; NULL past the last. */
const struct sample *sample_at(size_t i);

/* By name; what is not there is a broken build. */
struct span sample_text(const char *name);

#endif
