/* The logins at providers (control/logins) in `lontar status`: which have ended, or end
 * soon if nobody logs in again. */
#ifndef REPORT_LOGINS_H
#define REPORT_LOGINS_H

#include <jansson.h>
#include <stdio.h>

#include "base/err.h"
#include "link/notes.h"

struct login_status {
	char *name;
	struct login_note note;
};

/* Sorted by name. Free with login_statuses_free in any case. */
bool login_statuses(int root_fd, int control_fd, struct login_status **logins_out,
		    size_t *count_out, struct err *err) MUST_USE;
void login_statuses_free(struct login_status *logins, size_t count);

/* "none" (nobody has logged in), "ended", "ends" (soon), or "ok". */
const char *login_status_state(const struct login_status *login);

json_t *login_status_json(const struct login_status *login);
/* Nothing where all is well. */
void login_status_print(const struct login_status *login, FILE *to);

#endif
