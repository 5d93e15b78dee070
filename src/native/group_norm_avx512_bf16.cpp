#define SMT_ISA group_norm_avx512_bf16
#include "group_norm.inc"
