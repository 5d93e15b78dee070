#define SMT_ISA dense_default
#include "dense.inc"
