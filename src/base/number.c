#include "base/number.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>

struct unit {
	char letter;
	uint64_t times;
};

static const struct unit byte_units[] = { { 'k', UINT64_C(1) << 10 },
					  { 'm', UINT64_C(1) << 20 },
					  { 'g', UINT64_C(1) << 30 } };
static const struct unit second_units[] = { { 's', 1 },
					    { 'm', 60 },
					    { 'h', 3600 },
					    { 'd', 86400 },
					    { 'w', UINT64_C(7) * 86400 } };

bool number_parse(struct span text, uint64_t max, uint64_t *out)
{
	uint64_t value = 0;

	if (!text.len)
		return false;
	for (size_t i = 0; i < text.len; i++) {
		unsigned digit = (unsigned char)text.at[i] - (unsigned)'0';

		if (digit > 9 || value > (UINT64_MAX - digit) / 10)
			return false;
		value = value * 10 + digit;
	}
	if (value > max)
		return false;
	*out = value;
	return true;
}

static bool parse_with_unit(struct span text, const struct unit *units, size_t count,
			    uint64_t max, uint64_t *out)
{
	uint64_t times = 1, value;

	for (size_t i = 0; text.len && i < count; i++) {
		if (tolower((unsigned char)text.at[text.len - 1]) != units[i].letter)
			continue;
		times = units[i].times;
		text.len--;
		break;
	}
	if (!number_parse(text, max / times, &value))
		return false;
	*out = value * times;
	return true;
}

bool number_parse_bytes(struct span text, uint64_t max, uint64_t *bytes_out)
{
	return parse_with_unit(text, byte_units, LENGTH(byte_units), max, bytes_out);
}

bool number_parse_seconds(struct span text, uint64_t max, uint64_t *seconds_out)
{
	return parse_with_unit(text, second_units, LENGTH(second_units), max,
			       seconds_out);
}

const char *number_format_bytes(uint64_t bytes, char text_out[NUMBER_TEXT_MAX])
{
	static const char *const names[] = { "KiB", "MiB", "GiB", "TiB" };
	double shown = (double)bytes / 1024;
	size_t i = 0;

	if (bytes < 1024) {
		snprintf(text_out, NUMBER_TEXT_MAX, "%" PRIu64 " B", bytes);
		return text_out;
	}
	for (; shown >= 1024 && i + 1 < LENGTH(names); i++)
		shown /= 1024;
	snprintf(text_out, NUMBER_TEXT_MAX, "%.1f %s", shown, names[i]);
	return text_out;
}
