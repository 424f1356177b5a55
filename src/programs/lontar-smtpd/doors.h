/*
 * lontar-smtpd under the master: its listeners, all their sessions, and an orderly end.
 */
#ifndef SMTPD_DOORS_H
#define SMTPD_DOORS_H

#include "base/attr.h"
#include "base/err.h"

/* Serves until the master says stop: then 0; or until lontar-auth or lontar-deliver is
 * gone: then 75. False and err where it cannot begin. */
bool doors_serve(int *exit_code_out, struct err *err) MUST_USE;

#endif
