/*
 * qmail-inject(8), by that name: options -a -h -A -H -f -n -N, the variables QMAILUSER,
 * QMAILHOST and their kin, and exit codes 0, 100 (never) and 111 (later).
 */
#ifndef PROGRAMS_SENDMAIL_INJECT_H
#define PROGRAMS_SENDMAIL_INJECT_H

#include <stdbool.h>

/* It was called by that name. */
bool inject_is_wanted(const char *name);

/* main: the exit code. */
int inject_main(int argc, char **argv);

#endif
