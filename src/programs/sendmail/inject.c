#include "programs/sendmail/inject.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/args.h"
#include "base/clock.h"
#include "base/file.h"
#include "control/root.h"
#include "deliver/inject.h"
#include "deliver/qmail_command.h"
#include "programs/sendmail/caller.h"
#include "programs/sendmail/message.h"

#define LISTS_MAX 10000

static const char usage[] =
	"usage: qmail-inject [-nNaAhH] [-f SENDER] [RECIPIENT...]\n"
	"\n"
	"Hands the message on stdin to the gateway, its header made ready to travel.\n"
	"  -a         recipients are those of the command line\n"
	"  -h         recipients are those of To, Cc and Bcc\n"
	"  -A         of the command line, or, where it names none, of the header "
	"(default)\n"
	"  -H         of both\n"
	"  -f SENDER  the envelope's sender\n"
	"  -n         only prints the message; -N sends it (default)\n"
	"QMAILUSER QMAILHOST QMAILNAME QMAILSUSER QMAILSHOST QMAILINJECT QMAILMFTFILE\n"
	"QMAILDEFAULTDOMAIN QMAILDEFAULTHOST QMAILPLUSDOMAIN and QMAILIDHOST count as "
	"ever.\n"
	"Exit: 0 taken, 100 refused, 111 not now: try again.\n";

struct choices {
	char recipients; /* a, h, A or H */
	bool only_print;
	const char *sender; /* NULL: not given */
	char **words;
	int count;
};

/* One message on its way in. */
struct injection {
	struct choices choices;
	struct caller caller;
	struct submission submission;
	char from[ADDRESS_MAX];   /* author */
	char sender[ADDRESS_MAX]; /* of the envelope */
	struct buf lists_text;
	struct span *lists;
	int root_fd;
};

bool inject_is_wanted(const char *name)
{
	const char *slash = strrchr(name, '/');

	return strcmp(slash ? slash + 1 : name, "qmail-inject") == 0;
}

static bool parse(int argc, char **argv, struct choices *out, struct err *err)
{
	int letter;

	*out = (struct choices){ .recipients = 'A' };
	if (argc > 1)
		args_answer_common(argv[1], usage);
	while ((letter = getopt(argc, argv, ":aAhHnNf:")) != -1) {
		switch (letter) {
		case 'n':
		case 'N':
			out->only_print = letter == 'n';
			break;
		case 'f':
			out->sender = optarg;
			break;
		case ':':
		case '?':
			return err_permanent(err, "", "-%c: see --help", optopt);
		default:
			out->recipients = (char)letter;
		}
	}
	out->words = argv + optind;
	out->count = argc - optind;
	return true;
}

/* The first of the variables that is set; NULL: none. */
static const char *first_of(const char *const *names)
{
	for (; *names; names++) {
		const char *value = getenv(*names);

		if (value && value[0])
			return value;
	}
	return NULL;
}

static bool has_letter(char letter)
{
	const char *letters = getenv("QMAILINJECT");

	return letters && strchr(letters, letter);
}

static void take(const char *variable, const char **value)
{
	const char *said = getenv(variable);

	if (said && said[0])
		*value = said;
}

/* Who the author is, and where bounces go unless somebody says otherwise. */
static bool name_author(struct injection *injection, struct err *err)
{
	static const char *const users[] = { "QMAILUSER", "MAILUSER", "USER", "LOGNAME",
					     NULL };
	static const char *const hosts[] = { "QMAILHOST", "MAILHOST", NULL };
	static const char *const names[] = { "QMAILNAME", "MAILNAME", "NAME", NULL };
	struct submission *submission = &injection->submission;
	const char *user = first_of(users), *host = first_of(hosts);
	const char *suser = user ? user : "anonymous", *shost;
	char text[2 * ADDRESS_MAX];

	user = suser;
	host = host ? host : submission->qualifier.host;
	shost = host;
	submission->full_name = first_of(names);
	snprintf(text, sizeof(text), "%s@%s", user, host);
	if (!qualify_address(&submission->qualifier, text, injection->from, err))
		return err_context(err, "QMAILUSER and QMAILHOST");
	submission->author = injection->from;
	take("QMAILSUSER", &suser);
	take("QMAILSHOST", &shost);
	snprintf(text, sizeof(text), "%s@%s", suser, shost);
	return qualify_address(&submission->qualifier, text, injection->sender, err) ||
	       err_context(err, "QMAILSUSER and QMAILSHOST");
}

/* QMAILMFTFILE: the writer's lists, an address a line. */
static bool read_lists(struct injection *injection, struct err *err)
{
	const char *path = getenv("QMAILMFTFILE");
	struct buf *text = &injection->lists_text;
	struct span rest, line;
	size_t count = 0;
	bool found = false;

	if (!path || !path[0])
		return true;
	if (!file_read_if_any(AT_FDCWD, path, text, &found, err))
		return err_context(err, "QMAILMFTFILE");
	rest = buf_span(text);
	injection->lists = must_resize(NULL, LISTS_MAX, sizeof(*injection->lists));
	while (count < LISTS_MAX && rest.len && span_cut(&rest, '\n', &line)) {
		line = span_trim(line);
		if (line.len && line.at[0] != '#')
			injection->lists[count++] = line;
	}
	injection->submission.lists = injection->lists;
	injection->submission.list_count = count;
	return true;
}

static bool prepare(struct injection *injection, struct err *err)
{
	struct submission *submission = &injection->submission;
	const struct choices *choices = &injection->choices;

	caller_find(&injection->caller, injection->root_fd);
	*submission = (struct submission){
		.qualifier = injection->caller.qualifier,
		.me = injection->caller.settings.me,
		.unique = injection->caller.unique,
		.now = clock_wall_s(),
		.header_recipients = choices->recipients == 'h' ||
				     choices->recipients == 'H' ||
				     (choices->recipients == 'A' && !choices->count),
		.drop_author = has_letter('f'),
		.drop_id = has_letter('i'),
		.in_comment = has_letter('c'),
		.says_hidden = true,
	};
	take("QMAILDEFAULTHOST", &submission->qualifier.host);
	take("QMAILDEFAULTDOMAIN", &submission->qualifier.domain);
	take("QMAILPLUSDOMAIN", &submission->qualifier.plus);
	take("QMAILIDHOST", &submission->me);
	if (!name_author(injection, err) || !read_lists(injection, err))
		return false;
	for (int i = 0; choices->recipients != 'h' && i < choices->count; i++)
		if (!submission_recipients(submission, span_of(choices->words[i]), err))
			return err_context(err, "%s", choices->words[i]);
	return true;
}

/* -f, else Return-Path (unless QMAILINJECT has "s"), else QMAILSUSER and its kin. */
static bool choose_sender(struct injection *injection, struct err *err)
{
	const struct submission *submission = &injection->submission;
	struct caller *caller = &injection->caller;

	if (injection->choices.sender) {
		caller->qualifier = submission->qualifier;
		if (!caller_sender(caller, injection->choices.sender, err))
			return false;
		memcpy(injection->sender, caller->sender, sizeof(injection->sender));
	} else if (submission->has_return_path && !has_letter('s')) {
		memcpy(injection->sender, submission->return_path,
		       sizeof(injection->sender));
	}
	return true;
}

/* VERP: "-TIME.PID" for the message, "-bob=far.example" for each recipient. */
static bool sender_for(const struct injection *injection, const char *recipient,
		       char sender_out[ADDRESS_MAX], struct err *err)
{
	const char *sender = injection->sender;
	struct span local = address_local(sender);
	AUTO_BUF text = BUF_INIT(ADDRESS_MAX - 1);
	bool fits = buf_append_span(&text, local);

	if (has_letter('m'))
		fits = fits &&
		       buf_appendf(&text, "-%lld.%ld",
				   (long long)injection->submission.now, (long)getpid());
	if (has_letter('r'))
		fits = fits &&
		       buf_appendf(&text, "-%.*s=%s", SPAN_ARG(address_local(recipient)),
				   address_domain(recipient));
	if (!fits || !buf_appendf(&text, "@%s", address_domain(sender)))
		return err_permanent(err, "5.1.7", "the sender for %s is too long",
				     recipient);
	memcpy(sender_out, text.data, text.len + 1);
	return true;
}

static bool send_some(const struct injection *injection, int fd,
		      const char *const *recipients, size_t count, struct err *err)
{
	char sender[ADDRESS_MAX] = "";
	struct inject inject = { .sender = sender,
				 .recipients = recipients,
				 .count = count,
				 .fd = fd,
				 .login = injection->caller.login };

	if (injection->sender[0] && !sender_for(injection, recipients[0], sender, err))
		return false;
	return inject_message(injection->root_fd, &inject, err);
}

static bool send_all(const struct injection *injection, int fd, struct err *err)
{
	const struct submission *submission = &injection->submission;
	const char *const *recipients = (const char *const *)submission->recipients;
	size_t some = has_letter('r') ? 1 : submission->count;

	if (!submission->count)
		return err_permanent(err, "", "the message names no recipients");
	for (size_t at = 0; at < submission->count; at += some)
		if (!send_some(injection, fd, recipients + at, some, err))
			return false;
	return true;
}

static bool print(int fd, struct err *err)
{
	char piece[16384];
	ssize_t got;

	if (lseek(fd, 0, SEEK_SET) < 0)
		return err_errno(err, "read the message");
	while ((got = read(fd, piece, sizeof(piece))) > 0)
		if (!file_write(STDOUT_FILENO, piece, (size_t)got, err))
			return false;
	return got == 0 ? true : err_errno(err, "read the message");
}

static bool run(struct injection *injection, struct err *err)
{
	AUTO_FD fd = -1;

	injection->root_fd = root_open(NULL, err);
	if (injection->root_fd < 0) {
		err->kind = ERR_TEMPORARY;
		return false;
	}
	if (!prepare(injection, err))
		return false;
	fd = message_read(STDIN_FILENO, false, &injection->submission, err);
	if (fd < 0 || !choose_sender(injection, err))
		return false;
	return injection->choices.only_print ? print(fd, err)
					     : send_all(injection, fd, err);
}

int inject_main(int argc, char **argv)
{
	struct injection injection = { .root_fd = -1,
				       .lists_text = BUF_INIT((size_t)1024 * 1024) };
	struct err err = { 0 };
	bool done = parse(argc, argv, &injection.choices, &err) && run(&injection, &err);

	submission_clear(&injection.submission);
	if (injection.caller.settings.me)
		settings_clear(&injection.caller.settings);
	buf_clear(&injection.lists_text);
	free(injection.lists);
	file_close(&injection.root_fd);
	return done ? 0 : qmail_command_fail("qmail-inject", &err);
}
