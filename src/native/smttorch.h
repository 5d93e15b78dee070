// A C ABI over libtorch: any operator by its schema name through the dispatcher, autograd, generators, devices.
// Every function catches every C++ exception; smt_error() has the text of the last one on this thread.
// Compiles unchanged against libtorch 1.13 (CPU) and 2.x (CPU, CUDA).
#pragma once
#include <stdint.h>

#define SMT_API extern "C" __attribute__((visibility("default")))

typedef void* smt_tensor;     // at::Tensor*, owned by the caller, freed with smt_tensor_free
typedef void* smt_operator;   // c10::OperatorHandle*, lives as long as the process
typedef void* smt_generator;  // at::Generator*, freed with smt_generator_free
typedef void* smt_store;          // c10d::TCPStore, freed with smt_store_free
typedef void* smt_process_group;  // c10d's process group, freed with smt_process_group_free
typedef void* smt_reducer;        // exchange of gradients, freed with smt_reducer_free

enum smt_tag {
  SMT_NONE = 0,           // an optional argument that is not there
  SMT_TENSOR = 1,         // p = smt_tensor
  SMT_INT = 2,            // i; also dtypes, layouts and memory formats, which the schema knows as int
  SMT_DOUBLE = 3,         // d
  SMT_BOOL = 4,           // i
  SMT_INT_LIST = 5,       // p = int64_t[n]
  SMT_TENSOR_LIST = 6,    // p = smt_tensor[n]
  SMT_DEFAULT = 7,        // the default of the schema
  SMT_OPTIONAL_TENSOR_LIST = 8,  // p = smt_tensor[n], null where absent
  SMT_DOUBLE_LIST = 9,    // p = double[n]
  SMT_STRING = 10,        // p = UTF-8, zero-terminated
  SMT_DEVICE = 11,        // p = UTF-8 such as "cuda:0", zero-terminated
  SMT_GENERATOR = 12,     // p = smt_generator
};

typedef struct {
  int32_t tag;
  int32_t n;
  union {
    int64_t i;
    double d;
    const void* p;
  };
} smt_value;
