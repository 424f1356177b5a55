/* Some 450 real replies with what a careful operator would want done, in three contexts:
 * alone, among others, after a success; over a smarthost and for type mx. The table
 * belongs to the project's owners and is not part of this tree. */
#include <ctype.h>

#include "rows.h"

#define ROWS_LEAST 400
#define COLUMNS    10

enum column {
	ID,
	CODE,
	STATUS,
	TEXT,
	STAGE,
	CONTEXT,
	KIND,
	ACTION,
	WAIT,
	NOTE
};

static const struct {
	const char *name;
	unsigned accepted;
	unsigned sender_accepted;
	unsigned recipients_accepted;
	unsigned other_senders;
} contexts[] = {
	{ "alone", 0, 0, 0, 0 },
	{ "among others", 3, 1, 2, 1 },
	{ "after a success", 1, 1, 0, 0 },
};

static struct verdict_rules *rules;

/* The lines of a reply as its reader joins them: without code and status. */
static void join_lines(const char *text, char *out, size_t size)
{
	size_t used = 0;

	while (*text && used + 2 < size) {
		const char *end = strstr(text, "\\n");
		size_t len = end ? (size_t)(end - text) : strlen(text);
		size_t status;

		if (len >= 3 && isdigit(text[0]) && isdigit(text[1]) && isdigit(text[2]))
			text += len > 3 ? 4 : 3, len -= len > 3 ? 4 : 3;
		status = strspn(text, "0123456789.");
		if (status >= 5 && status <= len && text[1] == '.')
			text += status, len -= status;
		used += (size_t)snprintf(out + used, size - used, "%.*s ", (int)len,
					 text);
		text = end ? end + 2 : text + len;
	}
}

/* As the table names it: "bounce-recipient", "hold-place". */
static const char *action_name(const struct verdict *verdict)
{
	static const char *const stops[] = {
		[VERDICT_SENDER] = "hold-sender", [VERDICT_ACCOUNT] = "wait-account",
		[VERDICT_PLACE] = "hold-place",   [VERDICT_NETWORK] = "hold-place",
		[VERDICT_LOGIN] = "hold-login",
	};

	switch (verdict->action) {
	case VERDICT_BOUNCE:
		return verdict->is_ambiguous                 ? "bounce-ambiguous"
		       : verdict->scope == VERDICT_RECIPIENT ? "bounce-recipient"
							     : "bounce-message";
	case VERDICT_RETRY:
		return "retry-later";
	case VERDICT_STOP:
		return stops[verdict->scope] ? stops[verdict->scope] : "?";
	case VERDICT_SLOW:
		return "slow";
	case VERDICT_RECONNECT:
		return "reconnect";
	case VERDICT_SPLIT:
		return "split";
	case VERDICT_DOWNGRADE:
		return "downgrade";
	}
	return "?";
}

/* A wait for the login is the account's in the table. */
static bool is_wanted(char *const *columns, const struct verdict *verdict)
{
	const char *name = action_name(verdict);
	const char *others = strstr(columns[NOTE], "alt=");
	uint32_t wait_s = rows_number(columns[WAIT]);

	if (verdict->scope == VERDICT_LOGIN && strcmp(columns[KIND], "login") == 0 &&
	    strcmp(columns[ACTION], "wait-account") == 0)
		name = "wait-account";
	if (strcmp(columns[ACTION], name) != 0)
		return others && rows_has(others + 4, ",; ", name);
	return !wait_s || rows_wait_is_near(wait_s, verdict->wait_s);
}

/* One row in one context; false: not as labelled, and told. */
static bool check(char *const *columns, size_t context, bool is_mx, bool used_offers)
{
	bool splits = strcmp(columns[KIND], "recipients") == 0;
	char text[8192] = "";
	struct verdict_said said = {
		.stage = rows_stage(columns[STAGE]),
		.code = rows_number(columns[CODE]),
		.status = rows_status(columns[STATUS]),
		.text = text,
	};
	struct verdict_known known = {
		.is_mx = is_mx,
		.used_chunking = used_offers,
		.used_pipelining = used_offers,
		.used_parameters = used_offers,
		.accepted = contexts[context].accepted,
		.sender_accepted = contexts[context].sender_accepted,
		/* What is alone in its transaction cannot be split. */
		.recipients_accepted = splits ? 5 : contexts[context].recipients_accepted,
		.other_senders = contexts[context].other_senders,
	};
	struct verdict verdict;

	join_lines(columns[TEXT], text, sizeof(text));
	verdict = verdict_of(rules, &said, &known);
	if (is_wanted(columns, &verdict))
		return true;
	print_message("%s, %s, %s: wanted %s %s, got %s %u by %s\n", columns[ID],
		      contexts[context].name, is_mx ? "mx" : "smarthost", columns[ACTION],
		      columns[WAIT], action_name(&verdict), verdict.wait_s, verdict.rule);
	return false;
}

/* In all contexts, for the servers that the row is for; what the row is about when an
 * offer does not work was said because an offer was used. */
static bool check_row(char *const *columns)
{
	bool only_mx = strcmp(columns[CONTEXT], "mx") == 0;
	bool only_smarthost = strcmp(columns[CONTEXT], "smarthost") == 0;
	bool is_protocol = strcmp(columns[KIND], "protocol") == 0;
	bool is_right = true;

	for (size_t i = 0; i < LENGTH(contexts); i++)
		for (unsigned used = is_protocol; used <= 1; used++) {
			if (!only_mx)
				is_right &= check(columns, i, false, used);
			if (!only_smarthost)
				is_right &= check(columns, i, true, used);
		}
	return is_right;
}

static void every_real_reply_is_read_as_a_careful_operator_would(void **state)
{
	const char *folder = getenv("LONTAR_SHARED_DATA");
	char path[1024], *text, *rest, *line;
	size_t rows = 0, wrong = 0;

	(void)state;
	snprintf(path, sizeof(path), "%s/replies.tsv",
		 folder ? folder : "../shared/data");
	text = rows_read(path);
	if (!text) {
		print_message("%s is missing: NOT TESTED\n", path);
		skip();
	}
	rest = text;
	strsep(&rest, "\n"); /* the names of the columns */
	while ((line = strsep(&rest, "\n")) != NULL && line[0]) {
		char *columns[COLUMNS];

		assert_int_equal(rows_cut(line, "\t", columns, COLUMNS), COLUMNS);
		rows++;
		wrong += !check_row(columns);
	}
	free(text);
	assert_true(rows >= ROWS_LEAST);
	assert_int_equal(wrong, 0);
}

static int load(void **state)
{
	(void)state;
	rules = rows_rules("");
	return 0;
}

static int drop(void **state)
{
	(void)state;
	verdict_rules_free(rules);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_real_reply_is_read_as_a_careful_operator_would),
	};

	return cmocka_run_group_tests(tests, load, drop);
}
