#include "programs/lontar-pickup/plan.h"

#include "../../folder.h"

#include <string.h>
#include <unistd.h>

#include "base/clock.h"

#define DAY_S    86400
#define MESSAGES 4

static char folder[TEST_FOLDER_MAX];
static int root_fd;

/* A mailbox at a provider, by script. */
struct listing {
	size_t count;
	const char *uids[MESSAGES]; /* "": none */
	uint64_t octets[MESSAGES];
	bool has_headers;
	bool is_renumbered;
};

static size_t count(const void *engine)
{
	return ((const struct listing *)engine)->count;
}

static uint64_t octets(const void *engine, size_t message)
{
	return ((const struct listing *)engine)->octets[message];
}

static void key(const void *engine, size_t message, char key_out[DIGEST_TEXT_MAX])
{
	provider_key_of(span_of(((const struct listing *)engine)->uids[message]),
			key_out);
}

static bool has_headers(const void *engine)
{
	return ((const struct listing *)engine)->has_headers;
}

static bool is_renumbered(const void *engine)
{
	return ((const struct listing *)engine)->is_renumbered;
}

static const struct provider_kind scripted = {
	.count = count,
	.octets = octets,
	.octets_left = octets,
	.key = key,
	.has_headers = has_headers,
	.is_renumbered = is_renumbered,
};

/* What was seen of the message with the uid "old", if anything. */
struct history {
	enum seen_kind kind; /* 0: nothing */
	int64_t days;        /* ago */
	uint64_t octets;
};

static const struct {
	const char *title;
	enum pickup_keep keep;
	uint64_t keep_days;
	uint64_t most_octets; /* 0: any size */
	bool is_moved;
	struct history old;
	struct listing listing;
	enum task tasks[MESSAGES];
	uint64_t fetch_left, held;
	bool wants_order;
	size_t order[MESSAGES];
} rows[] = {
	{ .title = "what is new is fetched, the smallest first",
	  .listing = { .count = 3,
		       .uids = { "a", "b", "c" },
		       .octets = { 500, 100, 300 } },
	  .tasks = { TASK_FETCH, TASK_FETCH, TASK_FETCH },
	  .fetch_left = 3,
	  .wants_order = true,
	  .order = { 1, 2, 0 } },
	{ .title = "what was fetched is removed before all else",
	  .old = { SEEN_FETCHED, 1, 300 },
	  .listing = { .count = 2, .uids = { "a", "old" }, .octets = { 100, 300 } },
	  .tasks = { TASK_FETCH, TASK_DELETE },
	  .fetch_left = 1,
	  .wants_order = true,
	  .order = { 1, 0 } },
	{ .title = "another size under an old uid is another message",
	  .old = { SEEN_FETCHED, 1, 300 },
	  .listing = { .count = 1, .uids = { "old" }, .octets = { 301 } },
	  .tasks = { TASK_FETCH },
	  .fetch_left = 1 },
	{ .title = "what was fetched stays if all is kept",
	  .keep = PICKUP_KEEP_ALWAYS,
	  .old = { SEEN_FETCHED, 900, 300 },
	  .listing = { .count = 1, .uids = { "old" }, .octets = { 300 } },
	  .tasks = { TASK_NONE } },
	{ .title = "it stays for its days",
	  .keep = PICKUP_KEEP_DAYS,
	  .keep_days = 7,
	  .old = { SEEN_FETCHED, 6, 300 },
	  .listing = { .count = 1, .uids = { "old" }, .octets = { 300 } },
	  .tasks = { TASK_NONE } },
	{ .title = "and no longer",
	  .keep = PICKUP_KEEP_DAYS,
	  .keep_days = 7,
	  .old = { SEEN_FETCHED, 8, 300 },
	  .listing = { .count = 1, .uids = { "old" }, .octets = { 300 } },
	  .tasks = { TASK_DELETE } },
	{ .title = "what was left there is never removed",
	  .old = { SEEN_LEFT, 900, 300 },
	  .listing = { .count = 1, .uids = { "old" }, .octets = { 300 } },
	  .tasks = { TASK_NONE } },
	{ .title = "in another mailbox an equal uid of another size is new",
	  .keep = PICKUP_KEEP_ALWAYS,
	  .is_moved = true,
	  .old = { SEEN_FETCHED, 1, 300 },
	  .listing = { .count = 1, .uids = { "old" }, .octets = { 301 } },
	  .tasks = { TASK_FETCH },
	  .fetch_left = 1 },
	{ .title = "what is too large is told of",
	  .most_octets = 200,
	  .listing = { .count = 2, .uids = { "a", "b" }, .octets = { 200, 201 } },
	  .tasks = { TASK_FETCH, TASK_NOTICE },
	  .fetch_left = 1,
	  .held = 1 },
	{ .title = "without a uid its recipient would be told each time",
	  .most_octets = 200,
	  .listing = { .count = 1, .uids = { "" }, .octets = { 201 } },
	  .tasks = { TASK_NONE },
	  .held = 1 },
	{ .title = "a message without a uid is known by its header",
	  .keep = PICKUP_KEEP_ALWAYS,
	  .listing = { .count = 1,
		       .uids = { "" },
		       .octets = { 100 },
		       .has_headers = true },
	  .tasks = { TASK_IDENTIFY } },
	{ .title = "also if only large ones stay",
	  .most_octets = 200,
	  .listing = { .count = 1,
		       .uids = { "" },
		       .octets = { 100 },
		       .has_headers = true },
	  .tasks = { TASK_IDENTIFY } },
	{ .title = "if none stays it need not be known again",
	  .listing = { .count = 1,
		       .uids = { "" },
		       .octets = { 100 },
		       .has_headers = true },
	  .tasks = { TASK_FETCH },
	  .fetch_left = 1 },
	{ .title = "if all uids are new the mail is compared",
	  .keep = PICKUP_KEEP_ALWAYS,
	  .old = { SEEN_FETCHED, 1, 300 },
	  .listing = { .count = 2,
		       .uids = { "a", "old" },
		       .octets = { 100, 300 },
		       .has_headers = true,
		       .is_renumbered = true },
	  .tasks = { TASK_COMPARE, TASK_NONE } },
};

static void see(struct seen *seen, const struct history *old)
{
	struct seen_entry entry = { .kind = old->kind,
				    .digest = "-",
				    .when = clock_wall_s() - old->days * DAY_S,
				    .octets = old->octets };
	struct err err;

	entry.listed = entry.when;
	provider_key_of(span_of("old"), entry.key);
	if (old->kind)
		assert_true(seen_add(seen, &entry, &err));
}

static void open_mailbox(struct remote_mailbox *mailbox, size_t i)
{
	static char name[] = "isp";
	struct err err;

	*mailbox = (struct remote_mailbox)REMOTE_MAILBOX_INIT;
	mailbox->root_fd = root_fd;
	mailbox->pickup.name = name;
	mailbox->pickup.keep = rows[i].keep;
	mailbox->pickup.keep_days = rows[i].keep_days;
	mailbox->most_octets = limit_of_setting(rows[i].most_octets);
	mailbox->is_moved = rows[i].is_moved;
	mailbox->seen = seen_open(root_fd, "isp", &err);
	assert_non_null(mailbox->seen);
	see(mailbox->seen, &rows[i].old);
}

static void plans(void **state)
{
	size_t i = (uintptr_t)*state;
	struct listing listing = rows[i].listing;
	const struct provider provider = { &scripted, &listing };
	struct remote_mailbox mailbox;
	struct plan plan;
	struct err err;

	open_mailbox(&mailbox, i);
	assert_true(plan_make(&plan, &mailbox, &provider, &err));
	for (size_t message = 0; message < listing.count; message++)
		assert_int_equal(plan.items[message].task, rows[i].tasks[message]);
	assert_int_equal(plan.fetch_left, rows[i].fetch_left);
	assert_int_equal(plan.held, rows[i].held);
	for (size_t turn = 0; rows[i].wants_order && turn < listing.count; turn++)
		assert_int_equal(plan.order[turn], rows[i].order[turn]);
	plan_clear(&plan);
	seen_close(mailbox.seen);
}

static void what_is_identified_is_planned_then(void **state)
{
	struct listing listing = { .count = 2,
				   .uids = { "", "" },
				   .octets = { 300, 100 },
				   .has_headers = true };
	const struct provider provider = { &scripted, &listing };
	struct remote_mailbox mailbox;
	char key[DIGEST_TEXT_MAX];
	struct plan plan;
	struct err err;

	(void)state;
	open_mailbox(&mailbox, 3);
	assert_true(plan_make(&plan, &mailbox, &provider, &err));
	assert_int_equal(plan.identify_left, 2);
	provider_key_of(span_of("old"), key);
	plan_identified(&plan, &mailbox, &provider, 0, key);
	provider_key_of(span_of("new"), key);
	plan_identified(&plan, &mailbox, &provider, 1, key);
	assert_int_equal(plan.identify_left, 0);
	assert_int_equal(plan.items[0].task, TASK_NONE);
	assert_int_equal(plan.items[1].task, TASK_FETCH);
	assert_int_equal(plan.order_count, 1);
	plan_clear(&plan);
	seen_close(mailbox.seen);
}

static int make_root(void **state)
{
	static const char *const folders[] = { "spool", "spool/pickup" };

	(void)state;
	root_fd = test_folder_make(folder);
	test_folder_add(root_fd, folders);
	return 0;
}

static int remove_root(void **state)
{
	(void)state;
	close(root_fd);
	return test_folder_remove(folder);
}

int main(void)
{
	struct CMUnitTest tests[LENGTH(rows) + 1] = {
		cmocka_unit_test_setup_teardown(what_is_identified_is_planned_then,
						make_root, remove_root),
	};

	for (size_t i = 0; i < LENGTH(rows); i++)
		tests[i + 1] = (struct CMUnitTest){ .name = rows[i].title,
						    .test_func = plans,
						    .setup_func = make_root,
						    .teardown_func = remove_root,
						    .initial_state = (void *)i };
	return cmocka_run_group_tests_name("plans", tests, NULL, NULL);
}
