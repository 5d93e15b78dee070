// smt_group_norm: images in parts, one a thread.
#include "group_norm.h"

#include <algorithm>
#include <cstring>

#include "instruction_sets.h"
#include "parallel.h"
#include "smtkernels.h"

namespace {

const smt::group_norm_kernels& kernels() {
  static const smt::group_norm_kernels& best = []() -> const smt::group_norm_kernels& {
#if defined(__x86_64__)
    if (smt::has_avx512_bf16()) return smt::group_norm_avx512_bf16();
    if (smt::has_avx512()) return smt::group_norm_avx512();
    if (smt::has_avx2()) return smt::group_norm_avx2();
#endif
    return smt::group_norm_default();
  }();
  return best;
}

smt::group_norm_image image_of(const smt_group_norm& g, int64_t n) {
  return {g.pixels, g.channels, g.groups, g.eps, g.shift ? g.shift + n * g.channels : nullptr, g.weight, g.bias, g.silu != 0};
}

template <class T>
const T* at(const void* images, int64_t values) { return images ? static_cast<const T*>(images) + values : nullptr; }

template <class T>
T* at(void* images, int64_t values) { return images ? static_cast<T*>(images) + values : nullptr; }

}  // namespace

SMT_API void smt_group_norm_forward(const smt_group_norm* shape, const void* x, void* y, float* statistics) {
  const auto& g = *shape;
  float *mean = statistics, *rstd = statistics + g.images * g.groups;
  smt::over(g.images, g.threads, [&](int64_t from, int64_t to) {
    smt::room<float> scratch(6 * g.channels);
    for (int64_t n = from; n < to; n++) {
      const auto image = image_of(g, n);
      const int64_t k = n * g.groups, values = n * g.pixels * g.channels;
      if (g.bf16) kernels().forward_bf16(image, at<uint16_t>(x, values), at<uint16_t>(y, values), mean + k, rstd + k, scratch);
      else kernels().forward_f32(image, at<float>(x, values), at<float>(y, values), mean + k, rstd + k, scratch);
    }
  });
}

SMT_API void smt_group_norm_backward(const smt_group_norm* shape, const void* x, const void* dy, const void* more, const float* statistics, void* dx, float* d_shift,
                                     float* d_weight, float* d_bias) {
  const auto& g = *shape;
  const int64_t C = g.channels;
  const float *mean = statistics, *rstd = statistics + g.images * g.groups;
  // one partial sum per chunk of images, added up in order: the same result however many threads there are
  const int64_t chunks = std::min<int64_t>(g.images, 16);
  smt::room<float> partial(chunks * 2 * C);
  std::memset(partial, 0, chunks * 2 * C * sizeof(float));
  smt::over(chunks, g.threads, [&](int64_t from, int64_t to) {
    smt::room<float> scratch((g.pixels + 8) * C);
    for (int64_t k = from; k < to; k++)
      for (int64_t n = g.images * k / chunks; n < g.images * (k + 1) / chunks; n++) {
        const auto image = image_of(g, n);
        float *sums = partial + k * 2 * C, *ds = d_shift ? d_shift + n * C : nullptr;
        const int64_t group = n * g.groups, values = n * g.pixels * C;
        if (g.bf16)
          kernels().backward_bf16(image, at<uint16_t>(x, values), at<uint16_t>(dy, values), at<uint16_t>(more, values), mean + group, rstd + group, at<uint16_t>(dx, values), ds,
                                  sums, sums + C, scratch);
        else
          kernels().backward_f32(image, at<float>(x, values), at<float>(dy, values), at<float>(more, values), mean + group, rstd + group, at<float>(dx, values), ds, sums,
                                 sums + C, scratch);
      }
  });
  for (int64_t c = 0; c < C; c++) {
    float sum_w = 0, sum_b = 0;
    for (int64_t k = 0; k < chunks; k++) {
      sum_w += partial[k * 2 * C + c];
      sum_b += partial[(k * 2 + 1) * C + c];
    }
    d_weight[c] = sum_w;
    d_bias[c] = sum_b;
  }
}
