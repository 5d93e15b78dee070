#define SMT_ISA group_norm_avx512
#include "group_norm.inc"
