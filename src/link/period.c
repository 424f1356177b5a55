#include "link/period.h"

#include <time.h>

#include "base/clock.h"

#define DAY_S    86400
#define NOON     12
#define TRY_S    900 /* clocks are changed by multiples of it */
#define TRY_MOST 200

/* A calendar's day without any clock: noon of it, in UTC. */
static struct tm noon_of(int64_t day)
{
	return (struct tm){ .tm_year = (int)(day / 10000 - 1900),
			    .tm_mon = (int)(day / 100 % 100 - 1),
			    .tm_mday = (int)(day % 100),
			    .tm_hour = NOON };
}

static int64_t day_of(const struct tm *tm)
{
	return (tm->tm_year + INT64_C(1900)) * 10000 + (tm->tm_mon + 1) * 100L +
	       tm->tm_mday;
}

/* So many days or months later, before where negative. */
static int64_t later(int64_t day, int days, int months)
{
	struct tm tm = noon_of(day);
	time_t when;

	tm.tm_mday += days;
	tm.tm_mon += months;
	when = timegm(&tm);
	gmtime_r(&when, &tm);
	return day_of(&tm);
}

int64_t period_of(enum link_period period, unsigned month_day, int64_t now)
{
	int64_t today;
	struct tm tm;

	clock_local(now, &tm);
	today = day_of(&tm);
	switch (period) {
	case LINK_WEEK:
		return later(today, -((tm.tm_wday + 6) % 7), 0);
	case LINK_MONTH:
		return later(today - tm.tm_mday + month_day, 0,
			     tm.tm_mday < (int)month_day ? -1 : 0);
	case LINK_DAY:
	case LINK_PERIODS:
		break;
	}
	return today;
}

int64_t period_after(enum link_period period, int64_t first_day)
{
	switch (period) {
	case LINK_WEEK:
		return later(first_day, 7, 0);
	case LINK_MONTH:
		return later(first_day, 0, 1);
	case LINK_DAY:
	case LINK_PERIODS:
		break;
	}
	return later(first_day, 1, 0);
}

int64_t period_end(enum link_period period, int64_t first_day)
{
	int64_t next = period_after(period, first_day), end;
	struct tm tm = noon_of(next);

	tzset();
	tm.tm_hour = 0;
	tm.tm_isdst = -1;
	end = (int64_t)mktime(&tm);
	/* Where the clock is put forward at midnight there is none. */
	for (int i = 0; i < TRY_MOST; i++) {
		clock_local(end, &tm);
		if (day_of(&tm) >= next)
			break;
		end += TRY_S;
	}
	return end;
}

int64_t period_longest_s(enum link_period period)
{
	static const int days[] = {
		[LINK_DAY] = 1,
		[LINK_WEEK] = 7,
		[LINK_MONTH] = 31,
	};

	return (int64_t)days[period] * DAY_S;
}
