#include "control/lines.h"

bool lines_next(struct span *rest, struct span *line_out, unsigned *number)
{
	while (span_cut(rest, '\n', line_out)) {
		++*number;
		*line_out = span_trim(*line_out);
		if (line_out->len && line_out->at[0] != '#')
			return true;
	}
	return false;
}
