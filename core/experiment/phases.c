/* SPDX-License-Identifier: Apache-2.0 */
/* phases.def, compiled: names and the transition table. */
#include "core/experiment/machine.h"

#include <stdio.h>

static const struct {
    const char *name;
    bool live;
} phases[PHASE_COUNT] = {
#define PHASE(id, name, live, meaning) [PHASE_##id] = { name, live },
#include "core/tables/phases.def"
};
static const char *const inputs[INPUT_COUNT] = {
    [INPUT_NONE] = "none",
#define INPUT(id, name, meaning) [INPUT_##id] = name,
#include "core/tables/phases.def"
};
static const struct {
    enum phase from;
    enum input input;
    enum phase to;
    const char *text;
} transitions[] = {
#define TRANSITION(from, input, to, text) { PHASE_##from, INPUT_##input, PHASE_##to, text },
#include "core/tables/phases.def"
};
#define N_TRANSITIONS (sizeof transitions / sizeof transitions[0])

const char *phase_name(enum phase p)
{
    return phases[p].name;
}

bool phase_is_live(enum phase p)
{
    return phases[p].live;
}

bool phase_parse(const char *name, enum phase *ret)
{
    for (int p = 0; p < PHASE_COUNT; p++)
        if (strcmp(name, phases[p].name) == 0) {
            *ret = (enum phase)p;
            return true;
        }
    return false;
}

const char *input_name(enum input i)
{
    return inputs[i];
}

bool transition_find(enum phase from, enum input input, enum phase *ret_to, const char **ret_text)
{
    for (size_t i = 0; i < N_TRANSITIONS; i++)
        if (transitions[i].from == from && transitions[i].input == input) {
            *ret_to = transitions[i].to;
            if (ret_text) *ret_text = transitions[i].text;
            return true;
        }
    return false;
}

/* What a user may ask for; the other inputs come from facts. */
static bool is_command(enum input i)
{
    return i == INPUT_START || i == INPUT_STOP || i == INPUT_PROMOTE || i == INPUT_ROLLBACK;
}

int transition_refuse(enum phase from, enum input input, struct err *err)
{
    char possible[96] = "";
    size_t n = 0;
    for (size_t i = 0; i < N_TRANSITIONS; i++)
        if (transitions[i].from == from && is_command(transitions[i].input))
            n += (size_t)snprintf(possible + n, sizeof possible - n, "%s%s", n ? ", " : "",
                                  input_name(transitions[i].input));
    err_set(err, ERR_CONFLICT, "cannot %s an experiment that is %s", input_name(input), phase_name(from));
    err_remedy(err, "possible now: %s", n ? possible : "nothing; it is at rest");
    return ERR_CONFLICT;
}
