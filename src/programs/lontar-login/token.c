/* lontar token: an access token, for whoever sends or fetches; what the key "login" of a
 * smarthost or pickup runs. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "control/settings.h"
#include "deliver/inject.h"
#include "link/notes.h"
#include "oauth/tokens.h"
#include "programs/lontar-login/login.h"

static const char usage[] =
	"usage: lontar token [--warn] NAME\n"
	"Prints an access token of the login control/logins/NAME, a new one where the\n"
	"last is used up. 77: somebody must run `lontar login NAME` first. With --warn it\n"
	"asks for none: it tells the postmaster, once, where the login ends soon.\n";

static bool put_warning(struct buf *text, const char *name, const char *me, int64_t dies)
{
	char date[CLOCK_TEXT_MAX], when[CLOCK_TEXT_MAX];

	return buf_appendf(text,
			   "From: Lontar <postmaster@%s>\n"
			   "To: postmaster@%s\n"
			   "Date: %s\n"
			   "Subject: The login %s ends soon\n\n"
			   "The mail provider's login \"%s\" ends at %s.\n"
			   "After that no mail is sent or fetched with it.\n\n"
			   "Log in again before that: run\n\n    lontar login %s\n",
			   me, me, clock_format_rfc5322(clock_wall_s(), date), name, name,
			   clock_format_rfc3339(dies, when), name);
}

static bool tell_postmaster(const struct place *place, const char *name,
			    const struct login_note *note, struct err *err)
{
	const char *recipient = "postmaster";
	struct inject inject = { .sender = "",
				 .recipients = &recipient,
				 .count = 1,
				 .bounce = true,
				 .fd = -1 };
	AUTO_BUF text = BUF_INIT(4096);
	struct settings settings = { 0 };
	bool done;

	if (!settings_load(place->control_fd, &settings, err))
		return false;
	done = put_warning(&text, name, settings.me, note->dies);
	settings_clear(&settings);
	inject.text = buf_span(&text);
	return done ? inject_message(place->root_fd, &inject, err)
		    : err_temporary(err, "4.3.0", "the warning is too long");
}

/* Once, in time. It keeps nobody from sending: what fails is said, and comes again. */
static void warn(const struct place *place, const char *name)
{
	AUTO_FD lock = -1;
	struct login_note note;
	struct err err = { 0 };

	login_note_read(place->root_fd, name, &note);
	if (note.warned || !login_note_warns(&note, clock_wall_s()))
		return;
	log_warning("login name=%s ends=%" PRId64 " mend=`lontar login %s`", name,
		    note.dies, name);
	lock = tokens_lock(place->root_fd, name, &err);
	if (lock < 0 || !tell_postmaster(place, name, &note, &err)) {
		log_failure(&err);
		return;
	}
	note.warned = true;
	if (!login_note_write(place->root_fd, name, &note, &err))
		log_failure(&err);
}

bool token_run(struct place *place, struct args *args, struct err *err)
{
	bool only_warns = false;
	const struct args_option options[] = {
		{ .name = "warn", .flag_out = &only_warns }, { .name = NULL }
	};
	struct login login;
	char *token;

	if (!args_parse(args, options, usage, err) ||
	    !args_count(args, 1, 1, usage, err) || !place_open(place, err) ||
	    !login_load(place->control_fd, args->argv[1], &login, err))
		return false;
	if (only_warns) {
		warn(place, login.name);
		login_clear(&login);
		return true;
	}
	token = tokens_access(place->root_fd, place->control_fd, &login, err);
	if (token) {
		puts(token);
		fflush(stdout);
		explicit_bzero(token, strlen(token));
		free(token);
		warn(place, login.name);
	}
	login_clear(&login);
	return token != NULL;
}
