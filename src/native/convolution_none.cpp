// Where the convolutions cannot be compiled; smt_offers says that they are not there.
#include "convolution_bf16.h"

const smt::conv_kernels* smt::conv_bf16() { return nullptr; }
