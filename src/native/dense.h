// Products of small float32 matrices with what a layer does around them, without a torch header in sight: dense.inc is
// compiled once per instruction set (SMT_ISA), and code shared with the rest must not carry its instructions.
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

struct dense_kernels {
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
};

const dense_kernels& dense_default();
const dense_kernels& dense_avx2();
const dense_kernels& dense_avx512();

}  // namespace smt
