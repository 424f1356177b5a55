#include "control/linkfile.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"
#include "control/keyvalue.h"
#include "control/routes.h"
#include "control/smarthost.h"

#define KEY(field, kind)                                                         \
	{                                                                        \
#field, KEYVALUE_##kind, offsetof(struct linkfile, field), NULL, \
			INT64_MAX                                                \
	}

static const struct keyvalue_key keys[] = {
	KEY(interface, TEXT),  KEY(smarthosts, NAMES), KEY(pickups, NAMES),
	KEY(window, REPEATED), KEY(budget, REPEATED),  KEY(cost, TEXT),
	KEY(maxsize, BYTES),   KEY(dial, TEXT),        KEY(hangup, TEXT),
	KEY(callwhen, TEXT),   { .name = NULL },
};

static bool names_are_valid(const char *path, const struct settings_list *names,
			    struct err *err)
{
	for (size_t i = 0; i < names->count; i++)
		if (!smarthost_name_is_valid(names->lines[i]))
			return err_exit(err, EX_CONFIG,
					"control/%s:%u: \"%.60s\" is no name; use a-z, "
					"0-9, \".\" and \"-\"",
					path, names->numbers[i], names->lines[i]);
	return true;
}

bool linkfile_load(int control_fd, const char *name, struct linkfile *link_out,
		   bool *found_out, struct err *err)
{
	char path[SMARTHOST_NAME_MAX + 16];
	bool found = true, fine = true;

	if (!smarthost_name_is_valid(name))
		return err_exit(err, EX_NOINPUT,
				"no link \"%.60s\": a name is of a-z, 0-9, \".\" and "
				"\"-\"",
				name);
	*link_out = (struct linkfile){ .name = must_copy(name) };
	snprintf(path, sizeof(path), "links/%s", name);
	if (keyvalue_read(control_fd, path, keys, link_out, err))
		fine = names_are_valid(path, &link_out->smarthosts, err) &&
		       names_are_valid(path, &link_out->pickups, err);
	else if (err->exit_code == EX_NOINPUT)
		found = false;
	else
		fine = false;
	if (found_out)
		*found_out = found;
	if (!fine)
		linkfile_clear(link_out);
	return fine;
}

void linkfile_clear(struct linkfile *link)
{
	keyvalue_clear(keys, link);
	free(link->name);
	*link = (struct linkfile){ 0 };
}
