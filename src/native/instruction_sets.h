// What this CPU and its system can run; code for the widest sets is compiled apart and chosen by these.
#pragma once

#if defined(__x86_64__)
#include <cpuid.h>
#endif

namespace smt {

inline bool has_avx2() {
#if defined(__x86_64__)
  return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
#else
  return false;
#endif
}

inline bool has_avx512() {
#if defined(__x86_64__)
  return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq");
#else
  return false;
#endif
}

inline bool has_avx512_bf16() {
#if defined(__x86_64__)
  unsigned a, b, c, d;
  return has_avx512() && __get_cpuid_count(7, 1, &a, &b, &c, &d) && (a & 1u << 5);
#else
  return false;
#endif
}

inline bool has_amx_bf16() {
#if defined(__x86_64__)
  unsigned a, b, c, d;
  return __get_cpuid_count(7, 0, &a, &b, &c, &d) && (d & 1u << 22);
#else
  return false;
#endif
}

}  // namespace smt
