/* lexicon_relations.c: words of which one leads to the other, mostly a verb to what it is about. */
#include "lexicon_inside.h"

const char *const lexicon_relations[] = {"live:address|city|residence|home",
        "work:employee|job|employer", "born:birth|birth date|birth place", "earn:salary|income|pay",
        "weigh:weight", "cost:price", "enrolled:enrollment", NULL};
