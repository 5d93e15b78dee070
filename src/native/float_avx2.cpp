#define SMT_ISA float_avx2
#include "float_kernels.inc"
