/* Logs written from the grammar of qmail-send, and what they must add up to. */
#include "report/stats.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#define NOW INT64_C(1795376575)

/* Two messages: one to a mailbox and to two addresses outside, of which one is refused
 * and one has to wait; the bounce that comes of it. */
#define STORY(X)                                                                    \
	X(100, "status: local 0/10 remote 0/20")                                    \
	X(100, "new msg 42")                                                        \
	X(100, "info msg 42: bytes 1000 from <Ann@Office.example> qp 777 uid 500")  \
	X(101, "starting delivery 1: msg 42 to local bob@office.example")           \
	X(101, "status: local 1/10 remote 0/20")                                    \
	X(101, "starting delivery 2: msg 42 to remote Carl@Far.example")            \
	X(101, "status: local 1/10 remote 1/20")                                    \
	X(101, "starting delivery 3: msg 42 to remote dora@far.example")            \
	X(101, "status: local 1/10 remote 2/20")                                    \
	X(102, "delivery 1: success: did_1+0+0/")                                   \
	X(102, "status: local 0/10 remote 2/20")                                    \
	X(103, "delivery 2: deferral: 192.0.2.1_failed_after_I_sent_the_message./") \
	X(103, "status: local 0/10 remote 1/20")                                    \
	X(105, "delivery 3: failure: 192.0.2.1_does_not_like_recipient./")          \
	X(105, "status: local 0/10 remote 0/20")                                    \
	X(200, "starting delivery 4: msg 42 to remote Carl@Far.example")            \
	X(200, "status: local 0/10 remote 1/20")                                    \
	X(204, "delivery 4: success: 192.0.2.1_accepted_message./")                 \
	X(204, "status: local 0/10 remote 0/20")                                    \
	X(204, "bounce msg 42 qp 790")                                              \
	X(204, "end msg 42")                                                        \
	X(204, "new msg 43")                                                        \
	X(204, "info msg 43: bytes 2500 from <> qp 790 uid 501")                    \
	X(204, "starting delivery 5: msg 43 to local ann@office.example")           \
	X(204, "status: local 1/10 remote 0/20")                                    \
	X(204, "delivery 5: success: did_1+0+0/")                                   \
	X(204, "status: local 0/10 remote 0/20")                                    \
	X(204, "end msg 43")

struct line {
	int second;
	const char *text;
};

static const struct line story[] = {
#define LINE(second, text) { second, text },
	STORY(LINE)
#undef LINE
};

/* How the same lines look to each logger: LONG stands for the second since 1970. */
enum look {
	LOOK_MULTILOG,
	LOOK_ACCUSTAMP,
	LOOK_SPLOGGER,
	LOOK_JOURNALD,
	LOOK_SVLOGD,
	LOOKS,
};

#define DAY INT64_C(1795305600)

static void format(enum look look, const struct line *line, char *out, size_t room)
{
	int64_t second = DAY + line->second;
	time_t time = (time_t)second;
	struct tm tm;
	char text[64];

	gmtime_r(&time, &tm);
	switch (look) {
	case LOOK_MULTILOG:
		snprintf(out, room, "@%016llx00000000 %s",
			 (unsigned long long)second + 10 + (UINT64_C(1) << 62),
			 line->text);
		break;
	case LOOK_ACCUSTAMP:
		snprintf(out, room, "%lld.000000 %s", (long long)second, line->text);
		break;
	case LOOK_SPLOGGER:
		strftime(text, sizeof(text), "%b %e %H:%M:%S", &tm);
		snprintf(out, room, "%s gate qmail: %lld.000000 %s", text,
			 (long long)second, line->text);
		break;
	case LOOK_JOURNALD:
		strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S+0000", &tm);
		snprintf(out, room, "%s gate qmail-send[99]: %s", text, line->text);
		break;
	case LOOK_SVLOGD:
		strftime(text, sizeof(text), "%Y-%m-%d_%H:%M:%S", &tm);
		snprintf(out, room, "%s.00000 %s", text, line->text);
		break;
	case LOOKS:
		break;
	}
}

static void feed(struct stats *stats, const char *text)
{
	struct span rest = span_of(text), line;

	while (span_cut(&rest, '\n', &line))
		stats_line(stats, line);
}

static void feed_story(struct stats *stats, enum look look)
{
	char text[300];

	for (size_t i = 0; i < LENGTH(story); i++) {
		format(look, &story[i], text, sizeof(text));
		feed(stats, text);
	}
	stats_end(stats);
}

static int utc(void **state)
{
	(void)state;
	setenv("TZ", "UTC", 1);
	tzset();
	return 0;
}

static void every_logger_s_log_adds_up_to_the_same(void **state)
{
	(void)state;
	for (enum look look = 0; look < LOOKS; look++) {
		struct stats stats;
		struct count *ann, *nobody, *carl, *far, *refused;

		stats_init(&stats, NOW);
		feed_story(&stats, look);
		assert_int_equal(stats.messages, 2);
		assert_int_equal(stats.recipients, 4);
		assert_int_equal(stats.tries, 5);
		assert_int_equal(stats.bytes, 3500);
		assert_int_equal(stats.success_bytes, 4500);
		assert_float_equal(stats.qtime_s, 104, 1e-3);
		assert_int_equal(stats.success, 3);
		assert_int_equal(stats.failure, 1);
		assert_int_equal(stats.deferral, 1);
		assert_float_equal(stats.xdelay_s, 1 + 2 + 4 + 4, 1e-3);
		assert_int_equal(stats.most_local, 1);
		assert_int_equal(stats.most_remote, 2);
		assert_int_equal(stats.notes[MATCH_BOUNCE], 1);
		assert_int_equal(stats.first_ns, (DAY + 101) * INT64_C(1000000000));
		assert_int_equal(stats.last_ns, (DAY + 204) * INT64_C(1000000000));
		ann = counts_at(&stats.senders, span_of("ann@office.example"));
		assert_int_equal(ann->messages, 1);
		assert_int_equal(ann->recipients, 3);
		assert_int_equal(ann->tries, 4);
		assert_int_equal(ann->success_bytes, 2000);
		assert_int_equal(ann->recipient_bytes, 3000);
		nobody = counts_at(&stats.senders, span_of(""));
		assert_int_equal(nobody->messages, 1);
		carl = counts_at(&stats.recipients_by_name,
				 span_of("remote.carl@far.example"));
		assert_int_equal(carl->tries, 2);
		assert_int_equal(carl->messages, 1);
		assert_float_equal(carl->xdelay_s, 6, 1e-3);
		far = counts_at(&stats.hosts, span_of("remote.far.example"));
		assert_int_equal(far->tries, 3);
		refused = counts_at(&stats.failures,
				    span_of("192.0.2.1_does_not_like_recipient./"));
		assert_int_equal(refused->tries, 1);
		assert_int_equal(counts_at(&stats.uids, span_of("500"))->recipient_bytes,
				 3000);
		stats_clear(&stats);
	}
}

static const struct {
	const char *title;
	const char *log;
	uint64_t messages, success, failure, deferral, timed;
} rows[] = {
	{ "a log whose head was rotated away still counts its tries",
	  "1795305601.0 delivery 7: success: ok/\n1795305601.0 end msg 3\n", 0, 1, 0, 0,
	  0 },
	{ "a message that has not ended is not complete",
	  "1795305601.0 info msg 3: bytes 5 from <a@b> qp 1 uid 2\n"
	  "1795305601.0 starting delivery 1: msg 3 to local c@d\n"
	  "1795305602.0 delivery 1: deferral: busy/\n",
	  0, 0, 0, 1, 1 },
	{ "numbers are used again",
	  "1795305601.0 new msg 3\n1795305601.0 info msg 3: bytes 5 from <a@b> qp 1 uid 2\n"
	  "1795305602.0 new msg 3\n1795305602.0 info msg 3: bytes 6 from <a@b> qp 1 uid 2\n"
	  "1795305603.0 end msg 3\n1795305603.0 end msg 3\n",
	  1, 0, 0, 0, 0 },
	{ "what a stopped server had under way is not the next one's",
	  "1795305601.0 starting delivery 1: msg 3 to local c@d\n"
	  "1795305602.0 status: exiting\n"
	  "1795309602.0 delivery 1: success: ok/\n",
	  0, 1, 0, 0, 0 },
	{ "a mangled report is a deferral",
	  "1795305601.0 starting delivery 1: msg 3 to local c@d\n"
	  "1795305602.0 delivery 1: report mangled, will defer\n",
	  0, 0, 0, 1, 1 },
	{ "a log without stamps counts, without times",
	  "info msg 3: bytes 5 from <a@b> qp 1 uid 2\n"
	  "starting delivery 1: msg 3 to local c@d\n"
	  "delivery 1: success: did_1+0+0/\nend msg 3\n",
	  1, 1, 0, 0, 0 },
	{ "brackets in a sender are his",
	  "info msg 3: bytes 5 from <a>b@c> qp 1 uid 2\nend msg 3\n", 1, 0, 0, 0, 0 },
	{ "everything else is passed over",
	  "smtp connect session=a service=smtp ip=::1\n\n"
	  "delivery\ndelivery x: success: y\ninfo msg 3: bytes x from <> qp 1 uid 2\n"
	  "info msg 18446744073709551616: bytes 1 from <> qp 1 uid 2\nend msg\n"
	  "starting delivery 1: msg 3 to elsewhere c@d\nstatus: local 1/\n",
	  0, 0, 0, 0, 0 },
};

static void odd_logs_count_as_far_as_they_go(void **state)
{
	(void)state;
	for (size_t i = 0; i < LENGTH(rows); i++) {
		struct stats stats;

		stats_init(&stats, NOW);
		feed(&stats, rows[i].log);
		stats_end(&stats);
		if (stats.messages != rows[i].messages ||
		    stats.success != rows[i].success ||
		    stats.failure != rows[i].failure ||
		    stats.deferral != rows[i].deferral ||
		    stats.timed_tries != rows[i].timed)
			fail_msg("%s: %d messages, %d %d %d, %d timed", rows[i].title,
				 (int)stats.messages, (int)stats.success,
				 (int)stats.failure, (int)stats.deferral,
				 (int)stats.timed_tries);
		stats_clear(&stats);
	}
}

static void a_line_that_splogger_cut_is_joined(void **state)
{
	struct stats stats;
	char text[2000], reason[1000];

	(void)state;
	memset(reason, 'x', 780);
	reason[780] = '\0';
	stats_init(&stats, NOW);
	snprintf(text, sizeof(text), "1795305601.5 delivery 1: failure: %s", reason);
	feed(&stats, text);
	feed(&stats, "1795305601.5+end/");
	stats_end(&stats);
	memcpy(reason + 780, "end/", sizeof("end/"));
	assert_int_equal(stats.failure, 1);
	assert_int_equal(counts_at(&stats.failures, span_of(reason))->tries, 1);
	stats_clear(&stats);
}

static char *printed(struct stats *stats, const char *table, bool json)
{
	char *text = NULL;
	size_t len;
	FILE *to = open_memstream(&text, &len);
	struct err err;

	assert_true(json ? stats_print_json(stats, 0, to, &err)
			 : stats_print(stats, table, 0, to));
	fclose(to);
	return text;
}

static void tables_are_those_that_people_know(void **state)
{
	static const char *const expected[] = {
		"Completed messages: 2\n",
		"Recipients for completed messages: 4\n",
		"Total delivery attempts for completed messages: 5\n",
		"Bytes weighted by success: 4500\n",
		"Average message qtime (s): 52\n",
		"  success: 3\n  failure: 1\n  deferral: 1\n",
		"Total xdelay (s): 11.000000\n",
		"   100       104.00        35.33\n",
		"           1         4.00  192.0.2.1_does_not_like_recipient./\n",
		("           1         2500         2500         2500            1            "
		 "1         0.00  <>\n"),
		"remote.far.example\n",
	};
	struct stats stats;
	char *text;

	(void)state;
	stats_init(&stats, NOW);
	feed_story(&stats, LOOK_MULTILOG);
	text = printed(&stats, NULL, false);
	for (size_t i = 0; i < LENGTH(expected); i++)
		if (!strstr(text, expected[i]))
			fail_msg("\"%s\" is not in:\n%s", expected[i], text);
	free(text);
	text = printed(&stats, "rxdelay", false);
	assert_non_null(
		strstr(text, "        3.00            2  remote.carl@far.example"));
	free(text);
	text = printed(&stats, NULL, true);
	assert_non_null(strstr(text, "\"mean_qtime_s\": 52.0"));
	assert_non_null(strstr(text, "\"sender\": \"ann@office.example\""));
	free(text);
	assert_false(stats_print(&stats, "nonsense", 0, stdout));
	stats_clear(&stats);
}

static void an_empty_log_divides_by_nothing(void **state)
{
	struct stats stats;
	char *text;

	(void)state;
	stats_init(&stats, NOW);
	stats_end(&stats);
	text = printed(&stats, NULL, false);
	assert_null(strstr(text, "nan"));
	free(text);
	free(printed(&stats, NULL, true));
	stats_clear(&stats);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_logger_s_log_adds_up_to_the_same),
		cmocka_unit_test(odd_logs_count_as_far_as_they_go),
		cmocka_unit_test(a_line_that_splogger_cut_is_joined),
		cmocka_unit_test(tables_are_those_that_people_know),
		cmocka_unit_test(an_empty_log_divides_by_nothing),
	};

	return cmocka_run_group_tests_name("stats", tests, utc, NULL);
}
