#define SMT_ISA float_default
#include "float_kernels.inc"
