/* faults.h: see faults.c. */
#ifndef FAULTS_H
#define FAULTS_H

/* From here on allocations are counted, and the chosen one fails. */
void faults_arm(void);

#endif
