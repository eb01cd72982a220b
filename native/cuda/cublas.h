#pragma once
// cuBLAS, loaded at run time where it is installed: nothing is linked, and nothing needs it.
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "cuda/device.h"
#include "cuda/devices.h"

namespace ganno::cuda {

/// A matrix of every network, in cuBLAS's order: columns one after another, `leading` floats apart.
struct CublasMatrix {
  const float* data;
  int leading;
  std::int64_t stride;  // floats from one network to the next
  bool transposed = false;
};
struct CublasResult {
  float* data;
  int leading;
  std::int64_t stride;
};

/// cuBLAS on a stream of the current device, its workspace included: good for recording graphs.
class Cublas {
 public:
  /// Null where there is no cuBLAS, see cublas_library(). @throws CodedError
  static std::unique_ptr<Cublas> open(const Stream& stream);

  /// c = a b for every network, operands rounded to TF32: c is rows x columns, a rows x depth, b depth x columns, as
  /// they are once transposed. @throws CodedError INTERNAL
  void multiply(int rows, int columns, int depth, const CublasMatrix& a, const CublasMatrix& b, const CublasResult& c,
                std::uint32_t networks) const;

  std::size_t bytes() const { return workspace_.bytes(); }

 private:
  Cublas(void* handle, const Stream& stream);
  struct Destroy {
    void operator()(void* handle) const;
  };
  DeviceBuffer<std::uint8_t> workspace_;  // outlives the handle
  std::unique_ptr<void, Destroy> handle_;
};

}  // namespace ganno::cuda
