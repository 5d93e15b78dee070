// Convolutions of small channel counts in bfloat16 for CPUs with AVX512-BF16: the file
// that implements them is compiled for that instruction set, and code shared with the rest must not carry its instructions.
#pragma once
#include <stdint.h>

namespace smt {

// side 3: stride 1, padding 1; side 1: every pixel for itself. Both channel counts are multiples of 16. Height and width
// are the input's. Doubled (side 3 only): every pixel of the input counts for 2x2 before the convolution, whose result is
// [2 height][2 width]. The pixels of the result at the same place of their 2x2 are a phase; a phase sees 2x2 pixels of the
// input through sums of the weights, so four convolutions of side 2 take 4/9 of the multiplications.
struct conv_shape {
  int64_t images, height, width, inputs, outputs;
  int64_t side;
  bool doubled = false;
  int64_t phases() const { return doubled ? 4 : 1; }
  int64_t taps() const { return doubled ? 4 : side * side; }  // of a phase
  int64_t weights() const { return inputs * outputs * side * side; }
  int64_t packed() const { return inputs * outputs * taps() * phases(); }
  int64_t input() const { return height * width * inputs; }               // values of an image
  int64_t output() const { return height * width * outputs * phases(); }  // of a result
};

// All functions work on one thread. Tensors are [images][height][width][channels] in bfloat16, scratch is aligned to 64 bytes.

// A 3x3 convolution between one channel and many, a multiple of 16.
struct conv_one_shape {
  int64_t images, height, width, channels;
};

// Weights are [9][channels], tap by tap, already scaled.
struct conv_one_kernels {
  int64_t (*scratch)(const conv_one_shape&);
  // y [..][channels] = conv(x [..][1]) + bias [channels], which may be null
  void (*to_many)(const conv_one_shape&, const uint16_t* x, const float* weights, const float* bias, uint16_t* y, void* scratch);
  // y [..][1] = conv(x [..][channels]) + bias
  void (*to_one)(const conv_one_shape&, const uint16_t* x, const float* weights, float bias, uint16_t* y, void* scratch);
  // adds the products of every pixel of `many` with the pixel of `one` at each tap to sums [9][channels], and `many` to total [channels]
  void (*gradient)(const conv_one_shape&, const uint16_t* one, const uint16_t* many, float* sums, float* total, void* scratch);
};

// Weights are [outputs][side][side][inputs] in float32; `packed` is [packed()], aligned to 64 bytes.
struct conv_kernels {
  // of a doubled convolution: the weights of its phases, [packed()]; `pack` and `pack_transposed` then take these
  void (*sum_phases)(const conv_shape&, const float* weights, float* sums);
  // bfloat16(scale * weights) in the order in which `run` reads them
  void (*pack)(const conv_shape&, const float* weights, float scale, uint16_t* packed);
  // the same for `run_transposed`
  void (*pack_transposed)(const conv_shape&, const float* weights, float scale, uint16_t* packed);
  // bytes of scratch of `run` and `run_transposed`
  int64_t (*run_scratch)(const conv_shape&);
  // y = conv(x) + bias + factor * residual; bias [outputs] and residual (like y) may be null
  void (*run)(const conv_shape&, const uint16_t* x, const uint16_t* packed, const float* bias, const uint16_t* residual, float factor,
              uint16_t* y, void* scratch);
  // dx, the gradient of the input
  void (*run_transposed)(const conv_shape&, const uint16_t* dy, const uint16_t* packed, uint16_t* dx, void* scratch);
  int64_t (*gradient_scratch)(const conv_shape&);
  // adds the images' gradient to sums [packed()], in an order of its own, and that of the bias to d_bias [outputs], which may be null
  void (*gradient)(const conv_shape&, const uint16_t* x, const uint16_t* dy, float* sums, float* d_bias, void* scratch);
  // d_weights = scale * sums, in the order of the weights
  void (*unpack)(const conv_shape&, const float* sums, float scale, float* d_weights);
  // y [height/2][width/2] = factor * the sum of 2x2 pixels of x [height][width], of one image
  void (*gather)(int64_t height, int64_t width, int64_t channels, float factor, const uint16_t* x, uint16_t* y);
  // y [2 height][2 width] = factor * x [height][width], of one image
  void (*spread)(int64_t height, int64_t width, int64_t channels, float factor, const uint16_t* x, uint16_t* y);
  // y = factor * x
  void (*multiply)(int64_t values, float factor, const uint16_t* x, uint16_t* y);
  conv_one_kernels one;
};

// Only for CPUs that have AVX512-BF16.
const conv_kernels* conv_bf16();

}  // namespace smt
