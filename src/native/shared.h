// What the parts of the shim share; nothing of it leaves the library.
#pragma once
#include "smttorch.h"

#include <ATen/ATen.h>
#include <exception>
#include <string>

namespace smt {

extern thread_local std::string last_error;

// A handle that the caller owns.
smt_tensor give(at::Tensor t);

inline at::Tensor& ref(smt_tensor t) { return *static_cast<at::Tensor*>(t); }

// The one place where C++ exceptions end. `fail` is what the caller sees beside smt_error().
template <class R, class F>
R guarded(R fail, F&& body) noexcept {
  try {
    return body();
  } catch (const c10::Error& e) {
    last_error = e.what_without_backtrace();
  } catch (const std::exception& e) {
    last_error = e.what();
  } catch (...) {
    last_error = "unknown C++ exception";
  }
  return fail;
}

}  // namespace smt
