#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/file.h"
#include "control/account_password.h"
#include "control/accounts.h"
#include "control/assign.h"
#include "control/map.h"
#include "control/rules.h"
#include "programs/lontar/check.h"

#define SOURCE_MAX ((size_t)64 * 1024 * 1024)

static bool is_there(const struct check *check, const char *name)
{
	return faccessat(check->control_fd, name, F_OK, AT_EACCESS) == 0;
}

static void check_map(struct check *check, const char *source, const char *map)
{
	if (!is_there(check, source)) {
		if (is_there(check, map))
			check_warning(
				check,
				"control/%s: its source control/%s is missing, and "
				"the map is used; write the source, or remove the map",
				map, source);
		return;
	}
	if (!is_there(check, map))
		check_fault(check, "control/%s: missing; run `lontar rebuild`", map);
	else if (map_is_stale(check->control_fd, source, map))
		check_fault(check,
			    "control/%s: older than control/%s; run `lontar rebuild`",
			    map, source);
}

static bool judge_rule(void *ctx, struct span key, struct span data, struct err *err)
{
	struct span variable, value;
	char what;

	(void)ctx;
	while ((what = rules_next(&data, &variable, &value)) != 0)
		if (what == '+' && !key.len && span_is(variable, "RELAYCLIENT"))
			return err_exit(err, EX_CONFIG,
					"control/tcp.smtp: the rule for everybody sets "
					"RELAYCLIENT: an open relay; take that out");
	return true;
}

static void check_rules(struct check *check)
{
	AUTO_BUF text = BUF_INIT(SOURCE_MAX);
	struct err err;
	bool found;

	if (!file_read_if_any(check->control_fd, "tcp.smtp", &text, &found, &err)) {
		check_fault(check, "control: %s; chmod it", err.text);
		return;
	}
	if (!rules_parse("tcp.smtp", buf_span(&text), judge_rule, NULL, &err))
		check_fault_err(check, &err);
	check_map(check, "tcp.smtp", "tcp.smtp.cdb");
}

/* Each hash may be one of crypt(3)'s, or an "*" for nobody. */
static void check_hashes(struct check *check, const struct settings_list *names)
{
	for (size_t i = 0; i < names->count; i++) {
		char *hash = NULL;
		struct err err;

		if (account_find(check->control_fd, names->lines[i], &hash, &err) ==
			    ACCOUNT_YES &&
		    hash && hash[0] != '*' && !account_hash_is_valid(hash))
			check_fault(check,
				    "control/accounts: %s has no password hash; run "
				    "`lontar user passwd %s`",
				    names->lines[i], names->lines[i]);
		free(hash);
	}
}

static void check_accounts(struct check *check)
{
	struct settings_list names;
	struct stat st;
	struct err err;

	if (!account_names(check->control_fd, &names, &err)) {
		check_fault_err(check, &err);
		return;
	}
	check_hashes(check, &names);
	settings_list_sort(&names);
	for (size_t i = 1; i < names.count; i++)
		if (strcmp(names.lines[i], names.lines[i - 1]) == 0)
			check_fault(check,
				    "control/accounts: %s stands there twice; keep one "
				    "line",
				    names.lines[i]);
	settings_list_clear(&names);
	if (fstatat(check->control_fd, "accounts", &st, 0) == 0 && st.st_mode & S_IRWXO)
		check_fault(check, "control/accounts: open to everyone; chmod 600 it");
	if (fstatat(check->control_fd, "accounts.cdb", &st, 0) == 0 &&
	    st.st_mode & S_IRWXO)
		check_fault(
			check,
			"control/accounts.cdb: open to everyone; run `lontar rebuild`");
	check_map(check, "accounts", "accounts.cdb");
	check_map(check, "accounts", "users.cdb");
}

static void check_assign(struct check *check)
{
	struct err err;

	if (!assign_check(check->control_fd, &err))
		check_fault_err(check, &err);
	if (is_there(check, "users/assign"))
		check_map(check, "users/assign", "users/cdb");
}

void check_maps(struct check *check)
{
	check_accounts(check);
	check_rules(check);
	check_map(check, "aliases", "aliases.cdb");
	check_assign(check);
}
