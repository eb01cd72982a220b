// Stands in for cuBLAS in tests: the functions that cuda/cublas.cc loads, on emulated memory. Refuses what cuBLAS would
// refuse, and what would make it allocate while a graph is recorded. GANNO_STUB_STATUS is what a product returns.
#include <cstdlib>
#include <utility>

#include "cuda/emulation/attach.h"
#include "cuda/emulation/tensor_core.h"

namespace {

using namespace ganno::cuda::emulation;

constexpr int kSuccess = 0, kInvalidValue = 7, kExecutionFailed = 13;

struct Context {
  cudaStream_t stream = nullptr;
  void* workspace = nullptr;
};

AttachedRuntime runtime;

struct Matrix {
  const float* data;
  int leading;
  bool transposed;
  float at(int row, int column) const {
    const auto [line, place] = transposed ? std::pair(row, column) : std::pair(column, row);
    return data[static_cast<std::size_t>(line) * leading + place];
  }
};

}  // namespace

#pragma GCC visibility push(default)
extern "C" {

void ganno_attach(const AttachedRuntime& attached) {
  runtime = attached;
}

int cublasCreate_v2(void** handle) {
  *handle = new Context;
  return kSuccess;
}

int cublasDestroy_v2(void* handle) {
  delete static_cast<Context*>(handle);
  return kSuccess;
}

int cublasSetStream_v2(void* handle, cudaStream_t stream) {
  *static_cast<Context*>(handle) = {stream, nullptr};
  return kSuccess;
}

int cublasSetWorkspace_v2(void* handle, void* workspace, std::size_t bytes) {
  if (reinterpret_cast<std::size_t>(workspace) % 256 != 0 || bytes == 0) return kInvalidValue;
  static_cast<Context*>(handle)->workspace = workspace;
  return kSuccess;
}

int cublasGemmStridedBatchedEx(void* handle, int operation_a, int operation_b, int rows, int columns, int depth,
                               const void* alpha, const void* a, int type_a, int leading_a, long long stride_a,
                               const void* b, int type_b, int leading_b, long long stride_b, const void* beta, void* c,
                               int type_c, int leading_c, long long stride_c, int count, int compute, int algorithm) {
  if (const char* status = std::getenv("GANNO_STUB_STATUS"); status != nullptr) return std::atoi(status);
  const auto* context = static_cast<const Context*>(handle);
  const bool fits = leading_a >= (operation_a == 0 ? rows : depth) &&
                    leading_b >= (operation_b == 0 ? depth : columns) && leading_c >= rows;
  if (context->stream == nullptr || context->workspace == nullptr || !fits || type_a != 0 || type_b != 0 ||
      type_c != 0 || compute != 77 || algorithm != -1) {
    return kInvalidValue;
  }
  const float scale = *static_cast<const float*>(alpha), keep = *static_cast<const float*>(beta);
  const auto run = [=] {
    for (int i = 0; i < count; ++i) {
      const Matrix left{static_cast<const float*>(a) + i * stride_a, leading_a, operation_a != 0};
      const Matrix right{static_cast<const float*>(b) + i * stride_b, leading_b, operation_b != 0};
      float* out = static_cast<float*>(c) + i * stride_c;
      for (int column = 0; column < columns; ++column) {
        for (int row = 0; row < rows; ++row) {
          float sum = 0;
          for (int k = 0; k < depth; ++k) sum += round_to_tf32(left.at(row, k)) * round_to_tf32(right.at(k, column));
          float& to = out[static_cast<std::size_t>(column) * leading_c + row];
          to = scale * sum + (keep == 0 ? 0 : keep * to);
        }
      }
    }
  };
  return runtime.enqueue(context->stream, run) == cudaSuccess ? kSuccess : kExecutionFailed;
}

}  // extern "C"
#pragma GCC visibility pop
