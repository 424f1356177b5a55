/*
 * The gateway's root: the folder under which everything lives. --root DIR, else
 * LONTAR_ROOT, else /var/lib/lontar.
 */
#ifndef CONTROL_ROOT_H
#define CONTROL_ROOT_H

#include "base/attr.h"
#include "base/err.h"

#define ROOT_DEFAULT "/var/lib/lontar"

/* Its path, borrowed. root_option may be NULL: --root was not given. */
const char *root_path(const char *root_option);

/* A descriptor, the caller's. -1 and err: there is none (EX_NOINPUT, with the command
 * that makes one), or it may not be entered (EX_NOPERM). */
int root_open(const char *root_option, struct err *err) MUST_USE;

/* It becomes the current folder. False and err as root_open's. */
bool root_enter(const char *root_option, struct err *err) MUST_USE;

/* Its control folder, the caller's. -1 and err: missing (EX_CONFIG), or not permitted. */
int root_control(int root_fd, struct err *err) MUST_USE;

#endif
