/* The links for people: up or not, open or why not, and what their budgets have left. */
#ifndef REPORT_LINKS_H
#define REPORT_LINKS_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "base/attr.h"
#include "base/err.h"
#include "link/allowance.h"
#include "link/call.h"

struct link_status {
	struct link_note note; /* since is 0 for one never seen up */
	bool dialling;         /* it is being called and is not up yet */
	struct linkfile file;  /* empty where it is wrong: */
	char fault[512];       /* what is; "": nothing */
	struct usage usage;    /* as of now */
	struct allowance allowance;
	struct call_note call; /* what the gateway calls by itself */
};

/* Those on record, and those that only have a file in control/links; sorted by name. Free
 * with link_statuses_free. */
bool link_statuses(int root_fd, int control_fd, struct link_status **links_out,
		   size_t *count_out, struct err *err) MUST_USE;
void link_statuses_free(struct link_status *links, size_t count);

/* "up", "down" or "dialling" */
const char *link_status_state(const struct link_status *link);
json_t *link_status_json(const struct link_status *link);
/* What may be used of it, behind the line about its state; a line a budget, and when the
 * gateway calls. */
void link_status_print(const struct link_status *link, FILE *to);

#endif
