#pragma once
// What a device can do at most, for benchmarks. No CUDA header is needed to ask.
#include <cstdint>

namespace ganno::cuda {

/// Seconds a copy takes from one place of the device's memory to another: it reads and writes `bytes` each. The mean of
/// `copies` queued one after another, after one that is not counted.
/// @throws CodedError CUDA_UNAVAILABLE, OUT_OF_MEMORY, INTERNAL
double measure_device_copy(int device, std::uint64_t bytes, std::uint32_t copies);

struct DeviceFmaRun {
  double operations;  // two a multiply-add
  double seconds;
  double checksum;  // of what the threads computed
};

/// Multiply-adds of float32 from registers and nothing else, on every multiprocessor: `iterations` rounds of 16
/// independent ones a thread. @throws as above
DeviceFmaRun measure_device_fma(int device, std::uint32_t iterations);

}  // namespace ganno::cuda
