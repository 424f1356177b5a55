#include "../folder.h"

#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "link/bind.h"

static char folder[TEST_FOLDER_MAX];
static int control_fd;

static const struct {
	const char *title;
	bool down;
	const char *told; /* by the hook */
	const char *file; /* control/links/sat */
	const char *host;
	const char *bind_to; /* NULL: nothing */
} rows[] = {
	{ "the interface that the hook told", false, "lo", "", "mail.isp.example",
	  "if!lo" },
	{ "else the one of the link's file", false, "", "interface lo\n",
	  "mail.isp.example", "if!lo" },
	{ "the hook knows better", false, "lo", "interface ppp77\n", "192.0.2.1",
	  "if!lo" },
	{ "one that is not here is no reason to send nothing", false, "ppp77", "",
	  "mail.isp.example", NULL },
	{ "none is named", false, "", "", "mail.isp.example", NULL },
	{ "a link that is down", true, "lo", "", "mail.isp.example", NULL },
	{ "this machine is reached by none of them", false, "lo", "", "localhost", NULL },
	{ "nor is it by its number", false, "lo", "", "127.0.0.1", NULL },
	{ "of either kind", false, "lo", "", "::1", NULL },
};

static void check(void **state)
{
	size_t i = (uintptr_t)*state;
	struct link_note link = { .name = "sat", .up = !rows[i].down };
	char room[LINK_BIND_MAX];
	const char *bind_to;
	struct err err;

	assert_true(file_replace(control_fd, "links/sat", rows[i].file,
				 strlen(rows[i].file), 0600, &err));
	snprintf(link.interface, sizeof(link.interface), "%s", rows[i].told);
	bind_to = link_bind_to(control_fd, &link, rows[i].host, room);
	if (rows[i].bind_to)
		assert_string_equal(bind_to, rows[i].bind_to);
	else
		assert_null(bind_to);
}

static int make_control(void **state)
{
	static const char *const folders[] = { "links" };

	(void)state;
	control_fd = test_folder_make(folder);
	test_folder_add(control_fd, folders);
	return 0;
}

static int remove_control(void **state)
{
	(void)state;
	close(control_fd);
	return test_folder_remove(folder);
}

int main(void)
{
	struct CMUnitTest tests[LENGTH(rows)] = { 0 };

	for (size_t i = 0; i < LENGTH(rows); i++)
		tests[i] = (struct CMUnitTest){ .name = rows[i].title,
						.test_func = check,
						.initial_state = (void *)(uintptr_t)i };
	return cmocka_run_group_tests_name("link bind", tests, make_control,
					   remove_control);
}
