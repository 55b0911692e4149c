/* faults.h: see faults.c. */
#ifndef FAULTS_H
#define FAULTS_H

/* From here on allocations are counted, from 1 again, and the chosen one fails. */
void faults_arm(void);

#endif
