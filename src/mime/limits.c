#include "mime/limits.h"

#include "mime/line.h"

#define WIRE_LINE_MAX (LINE_OCTETS_MAX + 2) /* with CRLF */

static bool has_eight_bit(struct span piece)
{
	for (size_t i = 0; i < piece.len; i++)
		if ((unsigned char)piece.at[i] > 127)
			return true;
	return false;
}

/* Looks for the last line end within the distance that a line may have, and so passes
 * over all lines in front of it. */
static void take_lines(struct limits_check *check, struct span wire)
{
	while (!check->long_line && wire.len) {
		size_t room = WIRE_LINE_MAX - check->line_bytes;
		size_t len = wire.len < room ? wire.len : room;
		const char *lf = memrchr(wire.at, '\n', len);

		if (lf) {
			wire = span_after(wire, (size_t)(lf - wire.at) + 1);
			check->line_bytes = 0;
		} else if (len == room) {
			check->long_line = true;
		} else {
			check->line_bytes += len;
			return;
		}
	}
}

void limits_check_take(struct limits_check *check, struct span wire)
{
	check->eight_bit = check->eight_bit || has_eight_bit(wire);
	take_lines(check, wire);
}
