// What concerns the process: its memory, its CPU, and exceptions that must not leave C++.
#include <malloc.h>

#include <atomic>
#include <cstring>
#include <exception>

#include "instruction_sets.h"
#include "smtkernels.h"

// A step takes and frees the same hundreds of megabytes again and again. By its defaults glibc gives large pieces back to the
// system each time and gets them again as zeroed pages: measured, two fifths of a small network's step. Keep them.
__attribute__((constructor)) static void keep_freed_memory() {
#if defined(__GLIBC__)
  mallopt(M_ARENA_MAX, 1);              // tensors are freed by other threads than took them
  mallopt(M_MMAP_THRESHOLD, 32 << 20);  // the most that glibc allows
  mallopt(M_TRIM_THRESHOLD, 0x7fffffff);
  mallopt(M_TOP_PAD, 64 << 20);
#endif
}

SMT_API int32_t smt_offers() {
  // with AMX libtorch's own convolutions are faster
  return smt::has_avx512_bf16() && !smt::has_amx_bf16() ? SMT_CONVOLUTIONS : 0;
}

SMT_API const char* smt_instruction_sets() {
#if defined(__x86_64__)
  if (smt::has_avx512_bf16()) return smt::has_amx_bf16() ? "AVX-512 with bfloat16, AMX" : "AVX-512 with bfloat16";
  if (smt::has_avx512()) return "AVX-512";
  if (smt::has_avx2()) return "AVX2";
  return "SSE2";
#else
  return "the compiler's default";
#endif
}

SMT_API int32_t smt_guarded_gradients(smt_gradients f, void** outputs, int64_t o, void** inputs, int64_t i, void** seeds, int64_t s, uint8_t retain, uint8_t create,
                                      uint8_t unused, void** (*allocate)(uint64_t), char* error, int64_t room) {
  const char* text = "an exception that is none of the standard library's";
  try {
    f(outputs, o, inputs, i, seeds, s, retain, create, unused, allocate);
    return 0;
  } catch (const std::exception& e) {
    std::strncpy(error, e.what(), room - 1);
  } catch (...) {
    std::strncpy(error, text, room - 1);
  }
  error[room - 1] = 0;
  return 1;
}

// TorchSharp's finalizer of a number comes here (TorchRuntime sees to it): it runs while an operator may still read the number, so it
// is freed only after so many others that no operator can have begun before.
namespace {
constexpr uint64_t kept_scalars = 1 << 16;
std::atomic<void*> kept[kept_scalars];
std::atomic<uint64_t> given_up{0};
void (*free_scalar)(void*) = nullptr;
}  // namespace

SMT_API void smt_keep_scalars(void (*free_one)(void*)) { free_scalar = free_one; }

SMT_API uint64_t smt_scalars_given_up() { return given_up.load(); }

SMT_API void THSTorch_dispose_scalar(void* scalar) {
  void* oldest = kept[given_up.fetch_add(1) % kept_scalars].exchange(scalar);
  if (oldest) free_scalar(oldest);
}
