#include "programs/lontar-link/accounts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/log.h"
#include "link/ledger.h"

#define AT_WORK_S     1.    /* while something is used, it is counted so often, */
#define AT_REST_S     60.   /* and so seldom else; clocks are looked at, too */
#define SOONEST_S     .05   /* a turn that is due, and not seen yet by rounding */
#define WRITE_MS      900   /* what a budget counts is written no more often, */
#define WRITE_FREE_MS 59000 /* and what nobody bounds so seldom */
#define UNTIL_SLACK_S 1     /* an end that is told again moves by more */

/* A link that we have had to do with. */
struct account {
	struct account *next;
	struct ledger ledger;
	bool up;
	bool opened;  /* and nobody was told yet */
	bool bounded; /* by a budget */
	struct allowance allowance;
};

static struct account *find_or_add(struct accounts *accounts, const char *link)
{
	struct account *account = accounts->first;

	while (account && strcmp(account->ledger.link, link) != 0)
		account = account->next;
	if (account)
		return account;
	account = must_alloc(sizeof(*account));
	ledger_open(&account->ledger, accounts->root_fd, link);
	account->next = accounts->first;
	accounts->first = account;
	return account;
}

static void write_down(struct account *account, bool now)
{
	int64_t pause_ms = account->bounded ? WRITE_MS : WRITE_FREE_MS;
	struct err err;

	if (!now && account->ledger.written_ms + pause_ms > clock_monotonic_ms())
		return;
	if (!ledger_write(&account->ledger, &err))
		log_failure(&err);
}

static void tell_allowance(struct use *use, const struct allowance *allowance)
{
	AUTO_BUF out = BUF_INIT(PACKET_MAX);
	uint64_t most = allowance->bytes > ALLOWANCE_UNLIMITED - use->used_bytes
				? ALLOWANCE_UNLIMITED
				: use->used_bytes + allowance->bytes;
	int64_t until = use->by_person ? allowance->budget_until : allowance->until;

	if (most == use->most_bytes && llabs(until - use->until) <= UNTIL_SLACK_S)
		return;
	use->most_bytes = most;
	use->until = until;
	link_allow_put(&out, 0, &(struct link_allow){ most, (uint64_t)until });
	peer_send(use->peer, &out, -1);
}

static bool may_go_on(const struct use *use, const struct allowance *allowance)
{
	return allowance->open || (use->by_person && !allowance->spent);
}

/* Stops it; it begins anew if some link may be used for it. */
static void begin_anew(struct accounts *accounts, struct use *use, const char *why)
{
	struct link_choice ignored;

	if (use->stopped)
		return;
	use->stopped = true;
	use->stop(use->ctx, why,
		  link_choose(accounts->root_fd, accounts->control_fd, use->kind,
			      use->name, clock_wall_s(), &ignored));
}

static void judge(struct accounts *accounts, struct use *use,
		  const struct allowance *allowance)
{
	if (use->stopped)
		return;
	if (may_go_on(use, allowance))
		tell_allowance(use, allowance);
	else
		begin_anew(accounts, use, allowance->why);
}

static bool is_used(const struct accounts *accounts, const struct account *account)
{
	for (const struct use *at = accounts->uses; at; at = at->next)
		if (strcmp(at->link, account->ledger.link) == 0)
			return true;
	return false;
}

/* Something that had to wait may go now: a window opened, a budget began anew, the file
 * was changed. */
static bool gives_more(const struct allowance *now, const struct allowance *before)
{
	return now->open &&
	       (!before->open || now->bytes > before->bytes ||
		now->maxsize > before->maxsize || now->lowest < before->lowest);
}

/* Everything up to now, and what follows from it; write: at once. Where its file is
 * wrong, everything stays as it is: `lontar check` says why, and nothing new is begun. */
static void look_at(struct accounts *accounts, const struct link_note *note, bool write)
{
	struct account *account = find_or_add(accounts, note->name);
	const struct allowance before = account->allowance;
	bool was_up = account->up, was_open = before.open;
	int64_t now = clock_wall_s();
	struct linkfile file;
	struct err ignored;

	if (!linkfile_load(accounts->control_fd, note->name, &file, NULL, &ignored))
		return;
	ledger_count(&account->ledger, &file, note, now);
	link_allowance_of(&file, &account->ledger.usage, note->up, now,
			  &account->allowance);
	account->bounded = file.budget.count > 0;
	linkfile_clear(&file);
	account->up = note->up;
	/* Who chooses a link reads what is written. */
	write_down(account, was_open != account->allowance.open || was_up != note->up ||
				    (write && account->bounded));
	if (was_up && note->up && was_open != account->allowance.open)
		log_info("link name=%s %s%s", note->name,
			 was_open ? "closed reason=" : "open", account->allowance.why);
	for (struct use *at = accounts->uses, *next; at; at = next) {
		next = at->next;
		if (note->up && strcmp(at->link, note->name) == 0)
			judge(accounts, at, &account->allowance);
	}
	account->opened |= was_up && note->up && gives_more(&account->allowance, &before);
}

/* Seconds until the link is to be looked at again. */
static double rest_of(const struct accounts *accounts, const struct account *account,
		      double now)
{
	const struct allowance *allowance = &account->allowance;
	double turn = (double)(allowance->open ? allowance->until : allowance->again);
	double more = (double)allowance->more;
	double rest = AT_REST_S;

	if (account->bounded && (account->ledger.changed || is_used(accounts, account)))
		rest = AT_WORK_S;
	if (account->up && turn > 0. && turn - now < rest)
		rest = turn - now;
	if (account->up && more > 0. && more - now < rest)
		rest = more - now;
	if (account->opened)
		rest = SOONEST_S;
	return rest < SOONEST_S ? SOONEST_S : rest;
}

static void plan(struct accounts *accounts)
{
	double rest = AT_REST_S, now = (double)clock_wall_us() / 1e6;

	for (const struct account *at = accounts->first; at; at = at->next) {
		double one = rest_of(accounts, at, now);

		if (one < rest)
			rest = one;
	}
	ev_timer_stop(accounts->loop, &accounts->turn);
	ev_timer_set(&accounts->turn, rest, 0.);
	ev_timer_start(accounts->loop, &accounts->turn);
}

static void look_at_all(struct accounts *accounts)
{
	for (size_t i = 0; i < accounts->links->count; i++)
		look_at(accounts, &accounts->links->notes[i], false);
}

void accounts_look(struct accounts *accounts)
{
	bool opened = false;

	look_at_all(accounts);
	for (struct account *at = accounts->first; at; at = at->next) {
		opened |= at->opened;
		at->opened = false;
	}
	if (opened)
		accounts->on_open(accounts->ctx);
	plan(accounts);
}

void accounts_leave(struct accounts *accounts, const char *link)
{
	for (struct use *at = accounts->uses, *next; at; at = next) {
		next = at->next;
		if (strcmp(at->link, link) == 0)
			begin_anew(accounts, at, "another link has its interface");
	}
}

static bool is_narrower(const struct allowance *now, const struct allowance *before)
{
	return now->maxsize < before->maxsize || now->lowest > before->lowest;
}

/* A worker was told the largest message and the lowest priority when it began. */
static void reconsider(struct accounts *accounts, struct use *use,
		       const struct allowance *before)
{
	struct link_choice choice;

	(void)link_choose(accounts->root_fd, accounts->control_fd, use->kind, use->name,
			  clock_wall_s(), &choice);
	if (!choice.up || strcmp(choice.link.name, use->link) != 0 ||
	    is_narrower(&choice.allowance, before))
		begin_anew(accounts, use, "the settings of the link have changed");
}

void accounts_reload(struct accounts *accounts)
{
	for (struct use *at = accounts->uses, *next; at; at = next) {
		next = at->next;
		if (at->link[0])
			reconsider(accounts, at,
				   &find_or_add(accounts, at->link)->allowance);
	}
	accounts_look(accounts);
}

static void on_turn(struct ev_loop *loop, ev_timer *watcher, int events)
{
	(void)loop;
	(void)events;
	accounts_look(watcher->data);
}

void accounts_open(struct accounts *accounts)
{
	ev_timer_init(&accounts->turn, on_turn, 0., 0.);
	accounts->turn.data = accounts;
	look_at_all(accounts);
	plan(accounts);
}

void accounts_close(struct accounts *accounts)
{
	look_at_all(accounts);
	while (accounts->first) {
		struct account *account = accounts->first;

		write_down(account, true);
		accounts->first = account->next;
		free(account);
	}
}

void accounts_before(struct accounts *accounts, const struct link_note *note)
{
	look_at(accounts, note, false);
}

void accounts_after(struct accounts *accounts, const struct link_note *note,
		    const struct link_call *told)
{
	struct account *account = find_or_add(accounts, note->name);
	struct linkfile file;
	struct err ignored;

	if (!note->up &&
	    linkfile_load(accounts->control_fd, note->name, &file, NULL, &ignored)) {
		ledger_correct(&account->ledger, &file, clock_wall_s(), told);
		linkfile_clear(&file);
	}
	look_at(accounts, note, false);
	plan(accounts);
}

bool accounts_allow(struct accounts *accounts, const struct use *use, struct err *err)
{
	return link_permit(accounts->root_fd, accounts->control_fd, use->kind, use->name,
			   use->by_person, err);
}

/* From now on it uses this one. */
static void set_link(struct accounts *accounts, struct use *use, const char *link)
{
	const struct account *account;

	if (strcmp(use->link, link) == 0)
		return;
	snprintf(use->link, sizeof(use->link), "%s", link);
	account = find_or_add(accounts, link);
	if (account->up)
		judge(accounts, use, &account->allowance);
	plan(accounts);
}

/* Somebody asked for it before the link was told of, perhaps. */
static void find_link(struct accounts *accounts, struct use *use)
{
	struct link_choice choice;

	(void)link_choose(accounts->root_fd, accounts->control_fd, use->kind, use->name,
			  clock_wall_s(), &choice);
	if (choice.up)
		set_link(accounts, use, choice.link.name);
}

void use_begin(struct accounts *accounts, struct use *use)
{
	use->link[0] = '\0';
	use->used_bytes = 0;
	use->most_bytes = ALLOWANCE_UNLIMITED;
	use->until = INT64_MAX;
	use->stopped = false;
	use->next = accounts->uses;
	accounts->uses = use;
	find_link(accounts, use);
}

void use_progress(struct accounts *accounts, struct use *use,
		  const struct link_progress *progress)
{
	uint64_t used = progress->used_bytes;
	char link[SMARTHOST_NAME_MAX];
	struct linkfile file;
	struct err ignored;

	if (progress->link.len && packet_text_copy(progress->link, link, sizeof(link)))
		set_link(accounts, use, link);
	else if (!use->link[0])
		find_link(accounts, use);
	if (used <= use->used_bytes || !use->link[0] ||
	    !linkfile_load(accounts->control_fd, use->link, &file, NULL, &ignored))
		return;
	ledger_add(&find_or_add(accounts, use->link)->ledger, &file, clock_wall_s(),
		   used - use->used_bytes);
	use->used_bytes = used;
	linkfile_clear(&file);
}

void use_end(struct accounts *accounts, struct use *use)
{
	struct use **at = &accounts->uses;

	while (*at && *at != use)
		at = &(*at)->next;
	if (*at)
		*at = use->next;
	/* Before anybody asks what is left. */
	for (size_t i = 0; i < accounts->links->count; i++)
		if (strcmp(accounts->links->notes[i].name, use->link) == 0)
			look_at(accounts, &accounts->links->notes[i], true);
}

bool use_is_cut(struct accounts *accounts, struct use *use)
{
	struct link_choice choice;

	if (use->link[0] && find_or_add(accounts, use->link)->up)
		return false;
	if (!link_choose(accounts->root_fd, accounts->control_fd, use->kind, use->name,
			 clock_wall_s(), &choice))
		return true;
	set_link(accounts, use, choice.link.name);
	return false;
}
