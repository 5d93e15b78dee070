// Kernels on raw memory behind a plain C ABI: no libtorch header, no C++ in what others see. Whoever calls allocates results; `threads`
// is how many a function may use, and with the same number it gives the same bits. Images are [N,H,W,C], everything is dense.
#pragma once
#include <stdint.h>

#define SMT_API extern "C" __attribute__((visibility("default")))

enum { SMT_CONVOLUTIONS = 1 };  // of smt_offers

// What of this library is worth calling on this CPU, as bits; and the instruction sets in words.
SMT_API int32_t smt_offers();
SMT_API const char* smt_instruction_sets();

// Numbers of TorchSharp that nobody holds any more: kept for a while, then freed by `free_one`. How many came so far.
SMT_API void smt_keep_scalars(void (*free_one)(void*));
SMT_API uint64_t smt_scalars_given_up();
SMT_API void THSTorch_dispose_scalar(void* scalar);

// group_norm(x + shift), by wish with SiLU: x float32 or bfloat16, shift [N,C] or null, weight and bias [C].
typedef struct {
  int64_t images, pixels, channels, groups;
  const float *shift, *weight, *bias;
  float eps;
  int32_t silu, bf16, threads;
} smt_group_norm;

// statistics [2,N,groups] is what the gradient needs beside x
SMT_API void smt_group_norm_forward(const smt_group_norm*, const void* x, void* y, float* statistics);
// dx = the gradient of x, plus `more`, which may be null; d_shift [N,C] may be null
SMT_API void smt_group_norm_backward(const smt_group_norm*, const void* x, const void* dy, const void* more, const float* statistics, void* dx, float* d_shift,
                                     float* d_weight, float* d_bias);

enum { SMT_AS_IT_IS = 0, SMT_DOUBLED = 1, SMT_HALVED = 2 };  // of smt_conv.change

// scale * (conv(changed x, weight) + bias) + factor * residual in bfloat16, weight [O,side,side,C] and bias [O] float32; channel
// counts are multiples of 16, side is 1 or 3. height and width are those of x.
typedef struct {
  int64_t images, height, width, inputs, outputs, side;
  float scale, factor;
  int32_t change, threads;
} smt_conv;

// halved [N,H/2,W/2,C]: written where x is halved, and then what the gradient takes as x
SMT_API void smt_conv_forward(const smt_conv*, const uint16_t* x, const float* weight, const float* bias, const uint16_t* residual, uint16_t* y, uint16_t* halved);
// Each gradient may be null, d_weight and d_bias only together. The residual's is factor * dy: smt_multiply.
SMT_API void smt_conv_backward(const smt_conv*, const uint16_t* x, const float* weight, const uint16_t* dy, uint16_t* dx, float* d_weight, float* d_bias);

// The same between one channel and a multiple of 16, side 3, without change and residual.
SMT_API void smt_conv_one_forward(const smt_conv*, const uint16_t* x, const float* weight, const float* bias, uint16_t* y);
SMT_API void smt_conv_one_backward(const smt_conv*, const uint16_t* x, const float* weight, const uint16_t* dy, uint16_t* dx, float* d_weight, float* d_bias);

// y = factor * x, bfloat16
SMT_API void smt_multiply(int64_t values, float factor, const uint16_t* x, uint16_t* y);

// x [rows, widths[0]] through linear layers, weights[k] [widths[k+1], widths[k]] and biases[k], with leaky ReLU after each but the last,
// and after that as well where activate_last.
typedef struct {
  int64_t rows;
  const int64_t* widths;
  const float* const* weights;
  const float* const* biases;
  float slope;
  int32_t layers, activate_last, threads;
} smt_mlp;

// floats of what lies between x and y, which the gradient takes again
SMT_API int64_t smt_mlp_between(const smt_mlp*);
SMT_API void smt_mlp_forward(const smt_mlp*, const float* x, float* between, float* y);
// y is read where activate_last. dx, d_weights[k] and d_biases[k] may be null.
SMT_API void smt_mlp_backward(const smt_mlp*, const float* x, const float* between, const float* y, const float* dy, float* dx, float* const* d_weights, float* const* d_biases);

// EDM's preconditioning of each of n levels
SMT_API void smt_edm_coefficients(int64_t n, const float* sigma, double sigma_data, float* skip, float* out, float* in, float* noise);
// x [rows, columns] where given, then for each list the cosines and the sines of 2π v f, in columns of y [rows, width]
SMT_API void smt_fourier_features(int64_t rows, int64_t columns, const float* x, int32_t lists, const float* const* values, const float* const* frequencies,
                                  const int64_t* counts, int64_t width, float* y);
// y = a x + b z with a factor a row: a may be null (1), b and z may be null together
SMT_API void smt_mix_rows(int64_t rows, int64_t columns, const float* a, const float* x, const float* b, const float* z, float* y);
// y[i] = weight[i] times the mean of the squares of x[i] - z[i]; and the gradient of x from that of y
SMT_API void smt_row_errors(int64_t rows, int64_t columns, const float* x, const float* z, const float* weight, float* y);
SMT_API void smt_row_errors_backward(int64_t rows, int64_t columns, const float* x, const float* z, const float* weight, const float* dy, float* dx);
// One step of AdamW in place: gradients times `scale`, weights times `keep`, the moments on to the gradients and their squares, then weights
// less rate * first / (sqrt(second) / root + eps)
SMT_API void smt_adamw(int64_t n, float* weights, float* gradients, float* first, float* second, double scale, double keep, double beta1, double beta2, double root,
                       double eps, double rate, int32_t threads);
// y = a + b for each of `count` vectors
SMT_API void smt_add(int32_t count, const int64_t* lengths, const float* const* a, const float* const* b, float* const* y);

// TorchSharp's THSAutograd_grad lets C++ exceptions through, which ends a .NET process: this ends them. Returns 0, or 1 with the text in `error`.
typedef void (*smt_gradients)(void** outputs, int64_t o, void** inputs, int64_t i, void** seeds, int64_t s, uint8_t retain, uint8_t create, uint8_t unused,
                              void** (*allocate)(uint64_t));
SMT_API int32_t smt_guarded_gradients(smt_gradients f, void** outputs, int64_t o, void** inputs, int64_t i, void** seeds, int64_t s, uint8_t retain, uint8_t create,
                                      uint8_t unused, void** (*allocate)(uint64_t), char* error, int64_t room);
