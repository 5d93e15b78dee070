#define SMT_ISA dense_avx512
#include "dense.inc"
