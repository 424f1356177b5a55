/*
 * The settings in control/ that routing and the servers use, read as one: qmail's names
 * and formats where qmail has one, "#" comments, each sample in the project's control/
 * its own manual. Read when used: settings_refresh costs some stat calls when nothing
 * changed.
 */
#ifndef CONTROL_SETTINGS_H
#define CONTROL_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/err.h"
#include "control/settings_list.h"

struct settings {
	char *me;
	char *defaultdomain; /* me's domain where the file is missing */
	char *plusdomain;
	char *helohost;                      /* me */
	char *smtpgreeting;                  /* me */
	char *bouncefrom;                    /* MAILER-DAEMON */
	char *bouncehost;                    /* me */
	char *doublebounceto;                /* "postmaster", unqualified */
	char *checkpassword;                 /* NULL: accounts only */
	char *qmailqueue;                    /* NULL: no filter, see access.h */
	struct settings_list locals;         /* me where the file is missing */
	struct settings_list rcpthosts;      /* empty where missing: see access.h */
	struct settings_list virtualdomains; /* "domain:prefix" */
	struct settings_list smtproutes;     /* "domain:relay[:port]" */
	struct settings_list senderroutes;   /* "sender or @domain:smarthost" */
	struct settings_list badmailfrom;
	struct settings_list priorities; /* control/priorities.h */
	struct settings_list plainnets;
	uint64_t databytes;           /* 0: no limit */
	uint64_t timeoutsmtpd_s;      /* 300 */
	uint64_t queuelifetime_s;     /* 604800, of link-up time */
	uint64_t queueceiling_s;      /* 0: none; by the clock on the wall */
	uint64_t delaynotice_s;       /* 3600, of link-up time; 0: none is sent */
	uint64_t uncertainwait_s;     /* 600 */
	uint64_t concurrencyincoming; /* 500: sessions at once */
	uint64_t concurrencyperip;    /* 50: of one address */
	uint64_t connectrate; /* 600: new connections a minute of one address; 0: any */
	uint64_t concurrencylocal;  /* 10: deliveries to people here at once */
	uint64_t concurrencyremote; /* 20: connections to smarthosts at once */
	uint64_t timeoutlocal_s;    /* 600: for a program of a .qmail file */
	uint64_t signature;         /* of all files' identities and times, for refresh */
};

/* Reads everything; an err names file, line, fault and mend (exit code EX_CONFIG), and
 * *settings is as it was. control_fd: the folder, open. What was in *settings before is
 * not freed: see settings_refresh. A list's lines are not judged here: one that makes no
 * sense matches nothing, and `lontar check` tells it. */
bool settings_load(int control_fd, struct settings *settings, struct err *err) MUST_USE;

/* Loads again if a file changed. *changed_out may be NULL. */
bool settings_refresh(int control_fd, struct settings *settings, bool *changed_out,
		      struct err *err) MUST_USE;
void settings_clear(struct settings *settings);

/* The names of the files that settings_load reads, me first; NULL past the last. */
const char *settings_file(size_t i);
/* For `lontar check`: reads that one into *settings, without the defaults that hang on
 * others, and also refuses a second value where only one line counts. A missing one is
 * fine. */
bool settings_check(int control_fd, size_t i, struct settings *settings,
		    struct err *err) MUST_USE;

#endif
