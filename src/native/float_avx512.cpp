#define SMT_ISA float_avx512
#include "float_kernels.inc"
