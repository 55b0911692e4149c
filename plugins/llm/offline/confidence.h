/* confidence.h: the fitted weights, in the order in which confidence.c fills the features. */
#ifndef OFFLINE_CONFIDENCE_H
#define OFFLINE_CONFIDENCE_H

#include "parse.h"

extern const float confidence_rank_weights[FEATURES];
/* The last one weighs the lead over the best other candidate. */
extern const float confidence_sure_weights[FEATURES];

#endif
