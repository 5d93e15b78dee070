// What stands around a network besides its layers, each in one pass.
#include <algorithm>
#include <cmath>
#include <cstring>

#include "float_kernels.h"
#include "instruction_sets.h"
#include "parallel.h"
#include "smtkernels.h"

const smt::float_kernels& smt::float_best() {
  static const float_kernels& best = []() -> const float_kernels& {
#if defined(__x86_64__)
    if (has_avx512()) return float_avx512();
    if (has_avx2()) return float_avx2();
#endif
    return float_default();
  }();
  return best;
}

SMT_API void smt_edm_coefficients(int64_t n, const float* sigma, double sigma_data, float* skip, float* out, float* in, float* noise) {
  const float data = sigma_data, square = sigma_data * sigma_data;
  for (int64_t k = 0; k < n; k++) {
    const float total = sigma[k] * sigma[k] + square, root = std::sqrt(total);
    skip[k] = square / total;
    out[k] = sigma[k] * data / root;
    in[k] = 1 / root;
    noise[k] = k > 0 && sigma[k] == sigma[k - 1] ? noise[k - 1] : std::log(sigma[k]) / 4;
  }
}

SMT_API void smt_fourier_features(int64_t rows, int64_t columns, const float* x, int32_t lists, const float* const* values, const float* const* frequencies,
                                  const int64_t* counts, int64_t width, float* y) {
  int64_t column = columns;
  for (int32_t k = 0; k < lists; k++) {
    smt::float_best().fourier(values[k], rows, frequencies[k], counts[k], y + column, width);
    column += 2 * counts[k];
  }
  for (int64_t i = 0; columns > 0 && i < rows; i++) std::copy_n(x + i * columns, columns, y + i * width);
}

SMT_API void smt_mix_rows(int64_t rows, int64_t columns, const float* a, const float* x, const float* b, const float* z, float* y) {
  smt::float_best().mix_rows(rows, columns, a, x, b, z, y);
}

SMT_API void smt_row_errors(int64_t rows, int64_t columns, const float* x, const float* z, const float* weight, float* y) {
  smt::float_best().row_errors(rows, columns, x, z, weight, y);
}

SMT_API void smt_row_errors_backward(int64_t rows, int64_t columns, const float* x, const float* z, const float* weight, const float* dy, float* dx) {
  smt::float_best().row_gradients(rows, columns, x, z, weight, dy, dx);
}

SMT_API void smt_adamw(int64_t n, float* weights, float* gradients, float* first, float* second, double scale, double keep, double beta1, double beta2, double root,
                       double eps, double rate, int32_t threads) {
  constexpr int64_t fewest = 1 << 17;  // that are worth a thread
  auto f = [](double value) { return static_cast<float>(value); };
  const smt::adamw_step step = {f(scale), f(keep), f(1 - beta1), f(beta2), f(1 - beta2), f(root), f(eps), f(rate)};
  smt::over(n, std::min<int64_t>(threads, (n + fewest - 1) / fewest), [&](int64_t from, int64_t to) {
    smt::float_best().adamw(step, to - from, weights + from, gradients + from, first + from, second + from);
  });
}

SMT_API void smt_add(int32_t count, const int64_t* lengths, const float* const* a, const float* const* b, float* const* y) {
  for (int32_t k = 0; k < count; k++) smt::float_best().sum(a[k], b[k], lengths[k], y[k]);
}
