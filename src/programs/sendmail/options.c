#include "programs/sendmail/options.h"

#include <string.h>
#include <unistd.h>

#include "base/args.h"

static const char usage[] =
	"usage: sendmail [-t] [-i] [-f SENDER] [-F NAME] [-v] [RECIPIENT...]\n"
	"       sendmail -bs | -bp      (mailq is sendmail -bp)\n"
	"\n"
	"Hands the message on stdin to the gateway.\n"
	"  -t         recipients are those of To, Cc and Bcc, too\n"
	"  -i, -oi    a lone dot does not end the message\n"
	"  -f SENDER  the envelope's sender (\"\" or \"<>\": none); -r is the same\n"
	"  -F NAME    the name in a From field that is added\n"
	"  -v         say who has been sent to\n"
	"  -bm        send (the default)\n"
	"  -bs        SMTP on stdin and stdout\n"
	"  -bp        show what waits: lontar queue\n"
	"Taken and ignored: -A -B -C -c -D -d -E -e -G -h -J -L -M -m -N -n -O -o -p -q -R\n"
	"-s -T -U -V -X -x. The gateway's folder is LONTAR_ROOT, else /var/lib/lontar.\n"
	"Exit: 0 taken, 64 usage, 65 a faulty message, 67 no such recipient, 69 refused,\n"
	"75 not now: try again.\n";

static bool use_mode(struct options *options, const char *mode, struct err *err)
{
	static const struct {
		char letter;
		enum options_mode mode;
	} modes[] = {
		{ 'm', MODE_SEND },
		{ 's', MODE_SMTP },
		{ 'p', MODE_SHOW_QUEUE },
		{ 'i', MODE_REBUILD },
	};

	for (size_t i = 0; i < LENGTH(modes); i++) {
		if (mode[0] == modes[i].letter) {
			options->mode = modes[i].mode;
			return true;
		}
	}
	return err_exit(err, EX_USAGE,
			"-b%s: there is no such mode here; -bm, -bs and -bp are", mode);
}

/* A letter that means something; the others of `known` are ignored. */
static bool use(struct options *options, int letter, struct err *err)
{
	switch (letter) {
	case 'b':
		return use_mode(options, optarg, err);
	case 'F':
		options->full_name = optarg;
		return true;
	case 'f':
	case 'r':
		options->sender = optarg;
		return true;
	case 'I':
		options->mode = MODE_REBUILD;
		return true;
	case 'i':
		options->dot_is_text = true;
		return true;
	case 'o':
		if (optarg[0] == 'i')
			options->dot_is_text = true;
		return true;
	case 'q':
		if (options->mode == MODE_SEND)
			options->mode = MODE_RUN_QUEUE;
		return true;
	case 't':
		options->header_recipients = true;
		return true;
	case 'v':
		options->verbose = true;
		return true;
	case ':':
		return err_exit(err, EX_USAGE, "-%c: its value is missing", optopt);
	case '?':
		return err_exit(err, EX_USAGE, "-%c: no such option; see --help", optopt);
	default:
		return true;
	}
}

static enum options_mode mode_of(const char *name)
{
	const char *slash = strrchr(name, '/');
	const char *base = slash ? slash + 1 : name;

	if (strcmp(base, "mailq") == 0)
		return MODE_SHOW_QUEUE;
	return strcmp(base, "newaliases") == 0 ? MODE_REBUILD : MODE_SEND;
}

bool options_parse(int argc, char **argv, struct options *options_out, struct err *err)
{
	/* "e" and "E": some write -e q, some -em; sendmail joins the value. */
	static const char known[] = ":A:B:C:D:d::EF:GIJL:M:N:O:R:T:UV:X:b:ce::f:h:imno:p:"
				    "q::r:stvx";
	struct options options = { .mode = mode_of(argc ? argv[0] : "") };
	int letter;

	if (argc > 1)
		args_answer_common(argv[1], usage);
	while ((letter = getopt(argc, argv, known)) != -1)
		if (!use(&options, letter, err))
			return false;
	options.recipients = argv + optind;
	options.count = argc - optind;
	if (options.mode == MODE_RUN_QUEUE &&
	    (options.header_recipients || options.count))
		options.mode = MODE_SEND;
	if (options.mode == MODE_SEND && !options.header_recipients && !options.count)
		return err_exit(
			err, EX_USAGE,
			"no recipients: name them, or say -t if the message does");
	*options_out = options;
	return true;
}
