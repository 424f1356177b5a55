/* Amounts and prices as budget and cost lines write them (control/link_terms.h). */
#ifndef CONTROL_LINK_AMOUNT_H
#define CONTROL_LINK_AMOUNT_H

#include "control/link_terms.h"

/* "5", "0.50": billionths; at most LINK_MONEY_MAX. */
bool link_money_parse(struct span text, uint64_t *money_out) MUST_USE;

/* A word that may stand for a currency: EUR, Rp, an UTF-8 sign. */
bool link_currency_take(struct span word, char currency_out[LINK_CURRENCY_MAX]) MUST_USE;

/* "mb", "minutes", "call": what is measured, and how much of it one is. */
bool link_unit_find(struct span word, enum link_unit *unit_out,
		    uint64_t *times_out) MUST_USE;

#endif
