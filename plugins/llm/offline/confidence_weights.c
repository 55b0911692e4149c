/* confidence_weights.c: made by tests/bench/nl2sql_fit.py; see there. */
#include "parse.h"

extern const float confidence_rank_weights[FEATURES];
extern const float confidence_sure_weights[FEATURES];

const float confidence_rank_weights[FEATURES] = {0, -1.0f, -0.2f, 0, 0, -0.2f, 0, -0.3f, -0.4f, 0, -0.3f,
        -0.8f, -0.2f};
const float confidence_sure_weights[FEATURES] = {0};
