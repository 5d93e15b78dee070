// What small float32 networks do with numbers: float_kernels.inc is compiled once per
// instruction set (SMT_ISA), and code shared with the rest must not carry its instructions.
#pragma once
#include <stdint.h>

namespace smt {

// c[i][j] = start[j] + sum over k of a(i, k) * b(k, j), then negative values times `slope` (1: as they are); or, where
// `sign` is given, all values times `slope` where sign[i][j] is not positive.
struct dense_product {
  int64_t rows, columns, depth;
  const float* a;
  int64_t a_row, a_depth;      // steps in floats; one of them is 1
  const float* b;              // as pack() leaves it, or rows as they are: then it is read up to dense_padding floats beyond its end
  int64_t b_depth, b_panel;    // steps from k to k + 1 and from one panel of columns to the next
  float* c;
  int64_t c_row;
  const float* start;          // [columns], the same for every row; null: 0
  float slope;
  const float* sign;           // may be null
  int64_t sign_row;
};

// The widest panel: where the columns of b are a multiple of this, nothing is read beyond its end.
constexpr int64_t dense_padding = 64;

// see smt_adamw; `fresh` is one less its beta, taken before it was rounded
struct adamw_step {
  float scale, keep, fresh1, beta2, fresh2, root, eps, rate;
};

struct float_kernels {
  int64_t panel;                          // columns of b that lie together
  void (*multiply)(const dense_product&);
  // element (k, j) of a [depth, columns] matrix at source[k * depth_step + j * column_step] to panels, zeros beyond its columns
  void (*pack)(const float* source, int64_t depth, int64_t columns, int64_t depth_step, int64_t column_step, float* packed);
  // sums[j] = sum over i of x[i][j]
  void (*sum_rows)(const float* x, int64_t rows, int64_t columns, float* sums);
  // y = x, times slope where sign is not positive; n values
  void (*scale_by_sign)(const float* x, const float* sign, int64_t n, float slope, float* y);
  // y += x; n values
  void (*add)(const float* x, int64_t n, float* y);
  // n values each of the weights, the gradients and their moments
  void (*adamw)(const adamw_step&, int64_t n, float* weight, float* gradient, float* first, float* second);
  // y[i][j] = a[i] x[i][j] + b[i] z[i][j]; a null: 1; z null: without that term; y may be x or z
  void (*mix_rows)(int64_t rows, int64_t columns, const float* a, const float* x, const float* b, const float* z, float* y);
  // y[i] = weight[i] times the mean over j of (x[i][j] - z[i][j])^2
  void (*row_errors)(int64_t rows, int64_t columns, const float* x, const float* z, const float* weight, float* y);
  // y[i][j] = dy[i] weight[i] 2/columns (x[i][j] - z[i][j]): the gradient of row_errors
  void (*row_gradients)(int64_t rows, int64_t columns, const float* x, const float* z, const float* weight, const float* dy, float* y);
  // y = a + b; n values
  void (*sum)(const float* a, const float* b, int64_t n, float* y);
  // y[i] = cos(2π f_k v_i) for the m frequencies, then the sines, in rows that are y_row apart
  void (*fourier)(const float* values, int64_t rows, const float* frequencies, int64_t m, float* y, int64_t y_row);
};

// those for this CPU
const float_kernels& float_best();

const float_kernels& float_default();
const float_kernels& float_avx2();
const float_kernels& float_avx512();

}  // namespace smt
