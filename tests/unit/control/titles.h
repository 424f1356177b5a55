/* Tests that are rows of several tables, each by its title. */
#ifndef TESTS_CONTROL_TITLES_H
#define TESTS_CONTROL_TITLES_H

#include "folder.h"

static struct CMUnitTest tests[64];
static size_t count;

/* The test finds its row's number in *state. */
static inline void add(const char *title, CMUnitTestFunction function, size_t row)
{
	assert_true(count < LENGTH(tests));
	tests[count].name = title;
	tests[count].test_func = function;
	tests[count++].initial_state = (void *)(uintptr_t)row;
}

#endif
