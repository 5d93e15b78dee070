#define SMT_ISA group_norm_avx2
#include "group_norm.inc"
