#include "report/stamp.h"

#include <ctype.h>
#include <string.h>
#include <time.h>

#include "base/attr.h"
#include "base/number.h"

#define NS_A_SECOND INT64_C(1000000000)
#define DAY_S       86400
#define STAMPS_MAX  4
#define SECONDS_MAX UINT64_C(9000000000) /* so that nanoseconds fit 63 bits */

/* TAI64 counts from 2^62 and began 10 s before 1970 UTC, as libtai has it. */
#define TAI_OFFSET ((UINT64_C(1) << 62) + 10)
#define TAI_DIGITS 24

static bool hex(struct span digits, uint64_t *out)
{
	*out = 0;
	for (size_t i = 0; i < digits.len; i++) {
		char digit = digits.at[i];

		if (digit >= '0' && digit <= '9')
			*out = *out << 4 | (uint64_t)(digit - '0');
		else if (digit >= 'a' && digit <= 'f')
			*out = *out << 4 | (uint64_t)(digit - 'a' + 10);
		else
			return false;
	}
	return true;
}

static bool take_tai64n(struct span *line, int64_t *ns_out)
{
	uint64_t seconds, nanoseconds;

	if (line->len < 1 + TAI_DIGITS || line->at[0] != '@' ||
	    !hex((struct span){ line->at + 1, 16 }, &seconds) ||
	    !hex((struct span){ line->at + 17, 8 }, &nanoseconds) ||
	    seconds < TAI_OFFSET || seconds - TAI_OFFSET > SECONDS_MAX ||
	    nanoseconds >= (uint64_t)NS_A_SECOND)
		return false;
	*ns_out = (int64_t)(seconds - TAI_OFFSET) * NS_A_SECOND + (int64_t)nanoseconds;
	*line = span_after(*line, 1 + TAI_DIGITS);
	return true;
}

static size_t digits_at(struct span text)
{
	size_t count = 0;

	while (count < text.len && isdigit((unsigned char)text.at[count]))
		count++;
	return count;
}

/* "." and digits, if they are there; further ones than the ninth do not matter. */
static int64_t take_fraction(struct span *line)
{
	size_t count;
	int64_t ns = 0;

	if (line->len < 2 || line->at[0] != '.')
		return 0;
	count = digits_at(span_after(*line, 1));
	for (size_t i = 1; i <= 9; i++)
		ns = ns * 10 + (i <= count ? line->at[i] - '0' : 0);
	*line = span_after(*line, 1 + count);
	return ns;
}

static bool take_seconds(struct span *line, int64_t *ns_out)
{
	size_t count = digits_at(*line);
	uint64_t seconds;

	/* Any other number in front of a line is no time. */
	if (count < 8 || count + 1 >= line->len || line->at[count] != '.' ||
	    !isdigit((unsigned char)line->at[count + 1]) ||
	    !number_parse((struct span){ line->at, count }, SECONDS_MAX, &seconds))
		return false;
	*line = span_after(*line, count);
	*ns_out = (int64_t)seconds * NS_A_SECOND;
	*ns_out += take_fraction(line);
	return true;
}

/* Takes a number of `count` digits and the mark behind it (0: none). */
static bool take_part(struct span *line, size_t count, char mark, int *out)
{
	uint64_t number;

	if (line->len < count + (mark != 0) ||
	    !number_parse((struct span){ line->at, count }, 9999, &number) ||
	    (mark && line->at[count] != mark))
		return false;
	*out = (int)number;
	*line = span_after(*line, count + (mark != 0));
	return true;
}

static bool take_clock(struct span *line, struct tm *time)
{
	return take_part(line, 2, ':', &time->tm_hour) &&
	       take_part(line, 2, ':', &time->tm_min) &&
	       take_part(line, 2, 0, &time->tm_sec) && time->tm_hour < 24 &&
	       time->tm_min < 60 && time->tm_sec < 61;
}

static int64_t seconds_of(struct stamp_reader *reader, const struct tm *time, bool utc)
{
	int hour[] = { time->tm_year, time->tm_mon, time->tm_mday, time->tm_hour, utc };

	_Static_assert(sizeof(hour) == sizeof(reader->hour), "one hour");
	if (!reader->hour_began_s || memcmp(hour, reader->hour, sizeof(hour)) != 0) {
		struct tm began = { .tm_year = time->tm_year,
				    .tm_mon = time->tm_mon,
				    .tm_mday = time->tm_mday,
				    .tm_hour = time->tm_hour,
				    .tm_isdst = -1 };

		memcpy(reader->hour, hour, sizeof(hour));
		reader->hour_began_s = utc ? timegm(&began) : mktime(&began);
	}
	return reader->hour_began_s + time->tm_min * INT64_C(60) + time->tm_sec;
}

/* "Z", "+0700", "+07:00", "+07"; without one the time is local. */
static bool take_zone(struct span *line, int64_t *east_s_out)
{
	struct span rest = *line;
	int hours, minutes = 0;
	char sign = (char)(rest.len ? rest.at[0] : 0);

	*east_s_out = 0;
	if (sign == 'Z') {
		*line = span_after(rest, 1);
		return true;
	}
	if (sign != '+' && sign != '-')
		return false;
	rest = span_after(rest, 1);
	if (!take_part(&rest, 2, 0, &hours))
		return false;
	if (rest.len && rest.at[0] == ':')
		rest = span_after(rest, 1);
	if (digits_at(rest) == 2)
		(void)!take_part(&rest, 2, 0, &minutes);
	*east_s_out = (hours * INT64_C(60) + minutes) * (sign == '-' ? -60 : 60);
	*line = rest;
	return true;
}

static bool take_iso(struct stamp_reader *reader, struct span *line, int64_t *ns_out)
{
	struct span rest = *line;
	struct tm time = { 0 };
	int64_t fraction, east_s = 0;
	bool utc;
	char mark;

	if (!take_part(&rest, 4, '-', &time.tm_year) ||
	    !take_part(&rest, 2, '-', &time.tm_mon) ||
	    !take_part(&rest, 2, 0, &time.tm_mday) || !rest.len ||
	    !strchr("T _", rest.at[0]))
		return false;
	mark = rest.at[0];
	rest = span_after(rest, 1);
	if (time.tm_year < 1970 || time.tm_mon < 1 || time.tm_mon > 12 ||
	    time.tm_mday < 1 || time.tm_mday > 31 || !take_clock(&rest, &time))
		return false;
	time.tm_year -= 1900;
	time.tm_mon--;
	fraction = take_fraction(&rest);
	utc = (mark == 'T' && take_zone(&rest, &east_s)) || mark == '_';
	*ns_out = (seconds_of(reader, &time, utc) - east_s) * NS_A_SECOND + fraction;
	*line = rest;
	return true;
}

static bool take_month(struct span *line, int *month_out)
{
	static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";

	for (int i = 0; i < 12 && line->len > 4; i++)
		if (memcmp(line->at, months + (size_t)i * 3, 3) == 0 &&
		    line->at[3] == ' ') {
			*month_out = i;
			*line = span_after(*line, 4);
			return true;
		}
	return false;
}

/* RFC 3164: the day is padded with a blank. The year is the last one in which it is not
 * in the future, a clock that is a day off allowed for. */
static bool take_syslog(struct stamp_reader *reader, struct span *line, int64_t *ns_out)
{
	struct span rest = *line;
	struct tm time = { 0 }, now;
	time_t now_s = (time_t)reader->now_s;
	int64_t seconds, fraction;

	if (!take_month(&rest, &time.tm_mon) || !rest.len)
		return false;
	if (rest.at[0] == ' ')
		rest = span_after(rest, 1);
	if (!take_part(&rest, digits_at(rest) == 1 ? 1 : 2, ' ', &time.tm_mday) ||
	    time.tm_mday < 1 || time.tm_mday > 31 || !take_clock(&rest, &time) ||
	    !localtime_r(&now_s, &now))
		return false;
	fraction = take_fraction(&rest);
	time.tm_year = now.tm_year;
	seconds = seconds_of(reader, &time, false);
	if (seconds > reader->now_s + DAY_S) {
		time.tm_year--;
		seconds = seconds_of(reader, &time, false);
	}
	*ns_out = seconds * NS_A_SECOND + fraction;
	*line = rest;
	return true;
}

/* What stands behind a bare stamp may be a message already; none of these is a host. */
static bool is_message_word(struct span word)
{
	static const char *const words[] = { "delivery",
					     "status:", "alert:", "warning:" };

	for (size_t i = 0; i < LENGTH(words); i++)
		if (span_is(word, words[i]))
			return true;
	return false;
}

/* "HOST PROGRAM[PID]: ". */
static void take_origin(struct span *line)
{
	struct span rest = *line, host, program;

	if (!span_cut(&rest, ' ', &host) || is_message_word(host) ||
	    !span_cut(&rest, ' ', &program) || !rest.at || program.len < 2 ||
	    program.at[program.len - 1] != ':')
		return;
	*line = rest;
}

struct stamp stamp_take(struct stamp_reader *reader, struct span *line)
{
	struct stamp stamp = { 0 };

	for (int i = 0; i < STAMPS_MAX && line->len; i++) {
		char first = line->at[0];
		bool bare = first == '@', seconds = false;

		if (bare ? !take_tai64n(line, &stamp.ns)
			 : !(seconds = take_seconds(line, &stamp.ns)) &&
				    !take_iso(reader, line, &stamp.ns) &&
				    !take_syslog(reader, line, &stamp.ns))
			break;
		if (seconds && line->len && line->at[0] == '+') {
			*line = span_after(*line, 1);
			stamp.continues = true;
			break;
		}
		while (line->len && line->at[0] == ' ')
			*line = span_after(*line, 1);
		if (!bare)
			take_origin(line);
	}
	return stamp;
}
