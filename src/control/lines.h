/* The lines of a settings file that say something. */
#ifndef CONTROL_LINES_H
#define CONTROL_LINES_H

#include <stdbool.h>

#include "base/attr.h"
#include "base/span.h"

/* Takes the next one off the front of *rest: without the blanks round it, empty lines and
 * # comments passed over. *number, 0 at first, is its number as an editor counts. False
 * at the end. */
bool lines_next(struct span *rest, struct span *line_out, unsigned *number) MUST_USE;

#endif
