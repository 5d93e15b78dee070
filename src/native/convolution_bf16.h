// Convolutions of small channel counts in bfloat16 for CPUs with AVX512-BF16, without a torch header in sight: the file
// that implements them is compiled for that instruction set, and code shared with the rest must not carry its instructions.
#pragma once
#include <stdint.h>

namespace smt {

// side 3: stride 1, padding 1; side 1: every pixel for itself. Both channel counts are multiples of 16.
struct conv_shape {
  int64_t images, height, width, inputs, outputs;
  int64_t side;
  int64_t weights() const { return inputs * outputs * side * side; }
  conv_shape transposed() const { return {images, height, width, outputs, inputs, side}; }
};

// Tensors are [images][height][width][channels] in bfloat16, weights [outputs][side][side][inputs] in float32. All
// functions work on one thread. `packed` is [weights()], aligned to 64 bytes, as is scratch.
struct conv_kernels {
  // bfloat16(scale * weights) in the order in which `run` reads them
  void (*pack)(const conv_shape&, const float* weights, float scale, uint16_t* packed);
  // the same for the gradient of the input, which is a convolution of shape.transposed()
  void (*pack_transposed)(const conv_shape&, const float* weights, float scale, uint16_t* packed);
  // bytes of scratch
  int64_t (*run_scratch)(const conv_shape&);
  // y = conv(x) + bias + factor * residual; bias [outputs] and residual (like y) may be null
  void (*run)(const conv_shape&, const uint16_t* x, const uint16_t* packed, const float* bias, const uint16_t* residual, float factor,
              uint16_t* y, void* scratch);
  int64_t (*gradient_scratch)(const conv_shape&);
  // adds the images' gradient to sums [weights()], in an order of its own, and that of the bias to d_bias [outputs], which may be null
  void (*gradient)(const conv_shape&, const uint16_t* x, const uint16_t* dy, float* sums, float* d_bias, void* scratch);
  // d_weights = scale * sums, in the order of the weights
  void (*unpack)(const conv_shape&, const float* sums, float scale, float* d_weights);
};

// Only for CPUs that have AVX512-BF16.
const conv_kernels* conv_bf16();

}  // namespace smt
