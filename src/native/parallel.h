// Work in parts on several threads, and memory for what lives as long as a call.
#pragma once
#include <stdint.h>
#include <stdlib.h>

#include <algorithm>
#include <new>

namespace smt {

// work(part) for each part, one a thread. One part needs no other thread, and then meets none.
template <class F>
void in_parts(int64_t parts, F&& work) {
  if (parts <= 1) {
    if (parts == 1) work(int64_t{0});
    return;
  }
#pragma omp parallel for num_threads(static_cast<int>(parts)) schedule(static, 1)
  for (int64_t k = 0; k < parts; k++) work(k);
}

// [from, to) of n things on `threads` threads: work(from, to)
template <class F>
void over(int64_t n, int64_t threads, F&& work) {
  const int64_t parts = std::max<int64_t>(1, std::min(n, threads));
  in_parts(parts, [&](int64_t k) { work(n * k / parts, n * (k + 1) / parts); });
}

// Uninitialised, aligned to 64 bytes.
template <class T>
class room {
 public:
  explicit room(int64_t n) : p_(static_cast<T*>(aligned_alloc(64, (std::max<int64_t>(n, 1) * sizeof(T) + 63) / 64 * 64))) {
    if (!p_) throw std::bad_alloc();
  }
  ~room() { free(p_); }
  room(const room&) = delete;
  room& operator=(const room&) = delete;
  operator T*() { return p_; }

 private:
  T* p_;
};

}  // namespace smt
