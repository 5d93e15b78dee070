#define SMT_ISA group_norm_default
#include "group_norm.inc"
