#include "report/stamp.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

#include "base/attr.h"

/* 2026-11-22 18:42:55 UTC */
#define T   INT64_C(1795372975)
#define NS  INT64_C(1000000000)
#define NOW (T + 3600)

static const struct {
	const char *title;
	const char *line;
	int64_t ns;
	const char *rest;
	bool continues;
} rows[] = {
	{ "multilog's TAI64N", "@400000006b0337b906f855f4 new msg 5", T *NS + 116938228,
	  "new msg 5", false },
	{ "libtai's ten seconds: the first second of 1970",
	  "@400000000000000a00000000 end msg 1", 0, "end msg 1", false },
	{ "nanoseconds past a second are no stamp", "@400000006b0337b93b9aca00 new msg 5",
	  0, "@400000006b0337b93b9aca00 new msg 5", false },
	{ "splogger alone, or accustamp", "1795372975.116938 new msg 5",
	  T *NS + 116938000, "new msg 5", false },
	{ "tai64nfrac has nine digits", "1795372975.116938228 delivery 5: success: ok/",
	  T *NS + 116938228, "delivery 5: success: ok/", false },
	{ "a line that splogger cut", "1795372975.116938+_rest", T *NS + 116938000,
	  "_rest", true },
	{ "syslog's host and program go, splogger's stamp is the finer",
	  "Nov 22 18:42:55 gate qmail: 1795372975.116938 status: local 1/10 remote 0/20",
	  T *NS + 116938000, "status: local 1/10 remote 0/20", false },
	{ "a cut line in syslog", "Nov 22 18:42:55 gate qmail: 1795372975.116938+_rest",
	  T *NS + 116938000, "_rest", true },
	{ "journald, with a pid", "Nov 22 18:42:55 gate lontar[812]: new msg 5", T *NS,
	  "new msg 5", false },
	{ "a day of one digit", "Nov  2 18:42:55 gate lontar[812]: new msg 5",
	  (T - INT64_C(20) * 86400) * NS, "new msg 5", false },
	{ "a month that is still to come was last year's",
	  "Dec 22 18:42:55 gate lontar: end msg 5", (T - INT64_C(335) * 86400) * NS,
	  "end msg 5", false },
	{ "journald's short-iso", "2026-11-22T18:42:55+0000 gate lontar[812]: end msg 5",
	  T *NS, "end msg 5", false },
	{ "short-iso-precise, east of Greenwich",
	  "2026-11-23T01:42:55.250000+07:00 gate lontar[812]: end msg 5",
	  T *NS + 250000000, "end msg 5", false },
	{ "rsyslog, west of it", "2026-11-22T13:12:55.25-05:30 gate qmail: end msg 5",
	  T *NS + 250000000, "end msg 5", false },
	{ "Zulu", "2026-11-22T18:42:55Z gate qmail: end msg 5", T *NS, "end msg 5",
	  false },
	{ "journald's short-unix", "1795372975.116938 gate lontar[812]: end msg 5",
	  T *NS + 116938000, "end msg 5", false },
	{ "tai64nlocal", "2026-11-22 18:42:55.116938228 end msg 5", T *NS + 116938228,
	  "end msg 5", false },
	{ "svlogd -tt", "2026-11-22_18:42:55.11693 end msg 5", T *NS + 116930000,
	  "end msg 5", false },
	{ "none", "new msg 5", 0, "new msg 5", false },
	{ "a number is no stamp", "550.1 no such user", 0, "550.1 no such user", false },
	{ "no such month", "2026-13-22T18:42:55Z gate qmail: x", 0,
	  "2026-13-22T18:42:55Z gate qmail: x", false },
	{ "an empty line", "", 0, "", false },
	{ "half a stamp", "@400000006b0343", 0, "@400000006b0343", false },
	{ "a stamp and nothing", "@400000006b0337b906f855f4", T *NS + 116938228, "",
	  false },
};

static void stamps_are_read_and_taken_off(void **state)
{
	struct stamp_reader reader = { .now_s = NOW };

	(void)state;
	setenv("TZ", "UTC", 1);
	tzset();
	for (size_t i = 0; i < LENGTH(rows); i++) {
		struct span line = span_of(rows[i].line);
		struct stamp stamp = stamp_take(&reader, &line);

		if (stamp.ns != rows[i].ns || stamp.continues != rows[i].continues ||
		    !span_is(line, rows[i].rest))
			fail_msg("%s: %lld \"%.*s\"", rows[i].title, (long long)stamp.ns,
				 SPAN_ARG(line));
	}
}

static void local_times_are_local(void **state)
{
	struct stamp_reader reader = { .now_s = NOW };
	struct span line = span_of("2026-11-23 01:42:55 end msg 5");

	(void)state;
	setenv("TZ", "WITA-8", 1);
	tzset();
	assert_int_equal(stamp_take(&reader, &line).ns, (T - 3600) * NS);
	line = span_of("Nov 23 02:42:55 gate qmail: end msg 5");
	assert_int_equal(stamp_take(&reader, &line).ns, T * NS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(stamps_are_read_and_taken_off),
		cmocka_unit_test(local_times_are_local),
	};

	return cmocka_run_group_tests_name("stamps", tests, NULL, NULL);
}
