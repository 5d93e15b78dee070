#define SMT_ISA dense_avx2
#include "dense.inc"
