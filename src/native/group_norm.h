// group_norm(x + shift), by wish with SiLU after it, of one image in NHWC order, forward and backward: this
// file is compiled once per instruction set (SMT_ISA), and code shared with the rest must not carry its instructions.
#pragma once
#include <stdint.h>

namespace smt {

struct group_norm_image {
  int64_t pixels, channels, groups;
  float eps;
  const float* shift;   // [channels] or null
  const float* weight;  // [channels]
  const float* bias;    // [channels]
  bool silu;
};

// scratch, aligned to 8 bytes: forward 6 * channels floats, backward (pixels + 8) * channels floats
struct group_norm_kernels {
  void (*forward_f32)(const group_norm_image&, const float* x, float* y, float* mean, float* rstd, float* scratch);
  void (*forward_bf16)(const group_norm_image&, const uint16_t* x, uint16_t* y, float* mean, float* rstd, float* scratch);
  // dx = the gradient of x, plus `more` (may be null); d_weight and d_bias are added to; d_shift (may be null) is written
  void (*backward_f32)(const group_norm_image&, const float* x, const float* dy, const float* more, const float* mean, const float* rstd,
                       float* dx, float* d_shift, float* d_weight, float* d_bias, float* scratch);
  void (*backward_bf16)(const group_norm_image&, const uint16_t* x, const uint16_t* dy, const uint16_t* more, const float* mean, const float* rstd,
                        uint16_t* dx, float* d_shift, float* d_weight, float* d_bias, float* scratch);
};

const group_norm_kernels& group_norm_default();
const group_norm_kernels& group_norm_avx2();
const group_norm_kernels& group_norm_avx512();
const group_norm_kernels& group_norm_avx512_bf16();

}  // namespace smt
